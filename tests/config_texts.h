// SPDX-License-Identifier: GPL-3.0-or-later
// Experiments of a few lines, in a folder of their own that is the present one, and the
// errors that bad ones give.
#ifndef OG_TESTS_CONFIG_TEXTS_H
#define OG_TESTS_CONFIG_TEXTS_H

#include <string.h>

#include "config_files.h"
#include "ohmgrid/config.h"

static inline int enter_folder(void **state)
{
    return make_folder(state) != 0 || chdir(folder) != 0;
}

// The text from line 2 on, after a network of no interest.
static inline og_status read_text(og_experiment **e, const char *text,
                                  struct og_error *err)
{
    char whole[2048];
    const int n = snprintf(whole, sizeof whole, "model: {layers: [relu]}\n%s", text);
    assert_true(n > 0 && (size_t)n < sizeof whole);
    write_file("e.yaml", whole);
    return og_experiment_read(e, "e.yaml", NULL, err);
}

// bad[n]: a text and its error.
static inline void all_are_refused(const char *const bad[][2], size_t n)
{
    for (size_t k = 0; k < n; k++) {
        og_experiment *e;
        struct og_error err = {0};
        assert_int_equal(read_text(&e, bad[k][0], &err), OG_INPUT);
        assert_string_equal(err.text, bad[k][1]);
    }
}

#endif
