// SPDX-License-Identifier: GPL-3.0-or-later
// Journals, continued. No fuzzer guesses a checksum, so if the first byte is odd they are
// made right wherever a record may begin.
#include "fuzz.h"

#include "base/mem.h"
#include "ohmgrid/results.h"
#include "results/journal_file.h"

static const char text[] = "seed: 1\n";
enum { HEAD = 32 + sizeof text - 1, RECORD = sizeof(struct og_record) };

// Behind a header of this experiment, which the reader has made itself.
static uint8_t *whole_journal(struct fuzz_bytes b, bool mend, size_t *n)
{
    char path[FUZZ_PATH];
    og_journal *j = NULL;
    fuzz_remove("a.h5.journal");
    if (og_journal_open(&j, fuzz_in("a.h5", path), text, OG_JOURNAL_NEW, NULL) != OG_OK)
        abort();
    og_journal_close(j, false);
    FILE *f = fopen(fuzz_in("a.h5.journal", path), "rb");
    uint8_t *all = og_alloc(HEAD + b.size, 1);
    if (!f || !all || fread(all, 1, HEAD, f) != HEAD || fclose(f) != 0) abort();
    memcpy(all + HEAD, b.data, b.size);
    *n = HEAD + b.size;
    for (size_t at = HEAD; mend && at + RECORD <= *n;) {
        struct og_record r;
        memcpy(&r, all + at, RECORD);
        r.magic = 0x4352474f;
        r.size %= 128;
        if (at + RECORD + r.size > *n) r.size = *n - at - RECORD;
        r.data_crc = og_crc(all + at + RECORD, r.size);
        r.crc = og_crc(&r, offsetof(struct og_record, crc));
        memcpy(all + at, &r, RECORD);
        at += RECORD + r.size;
    }
    return all;
}

static void use(og_journal *j)
{
    static const char *const keys[] = {"", "a", "p0t0", "ckpt"};
    struct og_error err = {0};
    for (uint32_t k = 0; k < 8; k++) {
        struct og_entry e;
        if (!og_journal_get(j, k / 4, keys[k % 4], &e)) continue;
        if (e.size > 0 && og_crc(e.data, e.size) == 1) abort();  // reads all of it
        og_journal_release(&e);
    }
    fuzz_check(og_journal_put(j, 1, "a", "xyz", 3, &err), &err);
    og_journal_drop(j, 0, "a");
    fuzz_check(og_journal_sync(j, &err), &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    struct fuzz_bytes b = {data, size};
    const unsigned how = fuzz_byte(&b);
    og_journal *j = NULL;
    struct og_error err = {0};
    if (how & 2) {
        fuzz_write("a.h5.journal", b.data, b.size);
    } else {
        size_t n;
        uint8_t *all = whole_journal(b, how & 1, &n);
        fuzz_write("a.h5.journal", all, n);
        og_free(all);
    }
    const og_status status =
        og_journal_open(&j, fuzz_in("a.h5", path), text, OG_JOURNAL_RESUME, &err);
    fuzz_check(status, &err);
    if (status == OG_OK) use(j);
    og_journal_close(j, false);
    return 0;
}
