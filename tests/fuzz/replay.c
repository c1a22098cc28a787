// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a fuzzer on the files of a folder, without libFuzzer: what was found once is
// tested by every build.
#include <dirent.h>

#include "fuzz.h"

enum { MOST = 1 << 20 };

static void replay(const char *folder, const char *name)
{
    static uint8_t data[MOST];
    char path[2 * FUZZ_PATH];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    const size_t n = f ? fread(data, 1, MOST, f) : MOST;
    if (!f || fclose(f) != 0 || n == MOST) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(1);
    }
    // In memory of its own size, so that sanitizers see what is read beyond it.
    uint8_t *copy = malloc(n + (n == 0));
    if (!copy) exit(1);
    memcpy(copy, data, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

int main(int argc, char **argv)
{
    int files = 0;
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    if (!dir) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    // One case, which a crash leaves without an end.
    puts("1..1");
    fflush(stdout);
    for (const struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        replay(argv[1], e->d_name);
        files++;
    }
    closedir(dir);
    printf("%sok 1 - every file of its corpus\n", files > 0 ? "" : "not ");
    return files > 0 ? 0 : 1;
}
