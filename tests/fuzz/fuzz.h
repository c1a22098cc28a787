// SPDX-License-Identifier: GPL-3.0-or-later
// What the fuzzers share: a folder for the files that readers open by name, and bytes
// taken from the front of an input.
#ifndef OG_TESTS_FUZZ_H
#define OG_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ohmgrid/status.h"

enum { FUZZ_PATH = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char fuzz_folder[FUZZ_PATH / 2];

static void fuzz_remove_folder(void)
{
    char command[FUZZ_PATH];
    snprintf(command, sizeof command, "rm -rf '%s'", fuzz_folder);
    if (system(command) != 0) perror(fuzz_folder);
}

// A folder of this process, which goes with it (not after a crash).
static const char *fuzz_in(const char *name, char path[FUZZ_PATH])
{
    if (!fuzz_folder[0]) {
        const char *tmp = getenv("TMPDIR");
        snprintf(fuzz_folder, sizeof fuzz_folder, "%.80s/ohmgrid-fuzz-XXXXXX",
                 tmp ? tmp : "/tmp");
        if (!mkdtemp(fuzz_folder)) abort();
        atexit(fuzz_remove_folder);
    }
    snprintf(path, FUZZ_PATH, "%.120s/%.120s", fuzz_folder, name);
    return path;
}

static inline void fuzz_make_folder(const char *name)
{
    char path[FUZZ_PATH];
    mkdir(fuzz_in(name, path), 0700);
}

static inline void fuzz_write(const char *name, const void *bytes, size_t n)
{
    char path[FUZZ_PATH];
    FILE *f = fopen(fuzz_in(name, path), "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) abort();
}

static inline void fuzz_remove(const char *name)
{
    char path[FUZZ_PATH];
    unlink(fuzz_in(name, path));
}

// What every reader promises: a failure has a sentence, a success has none.
static inline void fuzz_check(og_status status, const struct og_error *err)
{
    if ((status == OG_OK) != (err->text[0] == '\0')) abort();
}

// The front of an input; zeros when it is used up.
struct fuzz_bytes {
    const uint8_t *data;
    size_t size;
};

static inline unsigned fuzz_byte(struct fuzz_bytes *b)
{
    if (b->size == 0) return 0;
    b->size--;
    return *b->data++;
}

#endif
