// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/digest.h"
#include "temp_folder.h"

static char folder[TEMP_PATH];

static const char *write_text(const char *name, const char *text)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    return path;
}

// FIPS 180-2, appendix B.1; and what "sha256sum *.npy | sha256sum" prints in a folder,
// whatever else is in it.
static void files_and_folders(void **state)
{
    (void)state;
    static const char abc[] =
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    char digest[OG_DIGEST_TEXT];
    struct og_error err = {0};
    assert_true(temp_make(folder));
    assert_int_equal(og_digest(write_text("b.npy", "abc"), digest, &err), OG_OK);
    assert_string_equal(digest, abc);
    write_text("a.npy", "");
    write_text("c.txt", "x");
    assert_int_equal(og_digest(folder, digest, &err), OG_OK);
    assert_string_equal(
        digest, "377f7c14388bcba0b025d74d40824a74df3323b56857300046a89f15655c8716");
    assert_int_equal(og_digest("/none/x", digest, &err), OG_IO);
    assert_string_equal(err.text, "/none/x cannot be read: No such file or directory");
    assert_int_equal(temp_remove(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(files_and_folders)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
