// SPDX-License-Identifier: GPL-3.0-or-later
// A folder of its own for the files that a configuration test writes.
#ifndef OG_TESTS_CONFIG_FILES_H
#define OG_TESTS_CONFIG_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "temp_folder.h"

static char folder[TEMP_PATH];

static inline int make_folder(void **state)
{
    (void)state;
    return !temp_make(folder);
}

static inline int remove_folder(void **state)
{
    (void)state;
    return temp_remove(folder);
}

static inline void write_file(const char *name, const char *text)
{
    char path[TEMP_FILE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

#endif
