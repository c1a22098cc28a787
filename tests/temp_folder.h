// SPDX-License-Identifier: GPL-3.0-or-later
// A folder for the files of a test, in $TMPDIR or /tmp.
#ifndef OG_TESTS_TEMP_FOLDER_H
#define OG_TESTS_TEMP_FOLDER_H

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TEMP_PATH = 80
};  // room for its name; "/a-short-name.h5" fits behind in TEMP_FILE
enum { TEMP_FILE = TEMP_PATH + 20 };

static inline bool temp_make(char folder[TEMP_PATH])
{
    const char *place = getenv("TMPDIR");
    const int n = snprintf(folder, TEMP_PATH, "%s/ohmgrid-test-XXXXXX",
                           place != NULL && place[0] != '\0' ? place : "/tmp");
    return n > 0 && n < TEMP_PATH && mkdtemp(folder) != NULL;
}

static inline int temp_remove_one(const char *path, const struct stat *st, int type,
                                  struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

// With all that is in it; 0: done.
static inline int temp_remove(const char *folder)
{
    return nftw(folder, temp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
