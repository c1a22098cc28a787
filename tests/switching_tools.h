// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of switching devices share.
#ifndef OG_TESTS_SWITCHING_TOOLS_H
#define OG_TESTS_SWITCHING_TOOLS_H

#include "config_files.h"
#include "ohmgrid/switching.h"

// Overrides are ended by NULL (SET).
static inline struct og_switching read_device(const char *name, const char *const *set)
{
    struct og_switching d;
    struct og_error err = {0};
    size_t n = 0;
    while (set != NULL && set[n] != NULL) n++;
    if (og_switching_read(&d, name, set, n, &err) != OG_OK) fail_msg("%s", err.text);
    return d;
}

static inline struct og_hysteresis simulate(const struct og_switching *d)
{
    struct og_hysteresis y;
    struct og_error err = {0};
    if (og_switching_simulate(d, NULL, &y, &err) != OG_OK) fail_msg("%s", err.text);
    return y;
}

#define SET(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
