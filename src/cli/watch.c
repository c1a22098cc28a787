// SPDX-License-Identifier: GPL-3.0-or-later
// ohmgrid show --follow
#include "watch.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "ohmgrid/run.h"

enum { LOOK_EVERY = 500000, LOOKS_OF_A_PAGE = 20 };  // [us]

static int finish(const char *out)
{
    struct og_error err = {0};
    return og_result_show(out, stdout, &err) == OG_OK ? CLI_DONE : cli_fail("show", &err);
}

// What runs but cannot be watched is told; so is what never ran.
static bool is_finished(const char *out)
{
    char journal[4096];
    const int length = snprintf(journal, sizeof journal, "%s.journal", out);
    return length > 0 && (size_t)length < sizeof journal && access(journal, F_OK) != 0 &&
           access(out, F_OK) == 0;
}

// On a terminal the page is drawn anew; in a log one page follows another.
static void draw(const og_watch *watch, const struct og_watch_state *now, int *looks)
{
    const bool terminal = isatty(STDOUT_FILENO) == 1;
    if (terminal) fputs("\033[H\033[J", stdout);
    if (terminal || *looks % LOOKS_OF_A_PAGE == 0 || now->abandoned)
        og_watch_print(watch, stdout);
    ++*looks;
}

int cli_watch(const char *out, const char *data)
{
    og_watch *watch;
    struct og_error err = {0};
    if (og_watch_open(&watch, out, data, &err) != OG_OK) {
        return is_finished(out) ? finish(out) : cli_fail("show", &err);
    }
    struct og_watch_state now = {0};
    og_status status;
    int looks = 0;
    while ((status = og_watch_refresh(watch, &now, &err)) == OG_OK && !now.ended) {
        draw(watch, &now, &looks);
        if (now.abandoned) break;
        usleep(LOOK_EVERY);
    }
    og_watch_free(watch);
    if (status != OG_OK) return cli_fail("show", &err);
    return now.abandoned ? CLI_FAILED : finish(out);
}
