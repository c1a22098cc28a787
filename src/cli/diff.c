// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>

#include "cli.h"
#include "ohmgrid/results.h"

int cli_diff(int argc, char **argv)
{
    const struct cli_option option[] = {{0}};
    const struct cli_command c = {
        .name = "diff",
        .usage = "A.h5 B.h5",
        .purpose =
            "Compares names, types, shapes and values of two result files, to the "
            "bit; host, times\nand provenance do not count. Exit code 0: the same; "
            "1: they differ.",
        .examples = "  ohmgrid diff sweep.h5 again.h5\n",
        .option = option,
        .positional = {"A.h5", "B.h5"},
    };
    const char *argument[CLI_POSITIONAL_MAX];
    int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    struct og_error err = {0};
    bool same;
    if (og_result_diff(argument[0], argument[1], stdout, &same, &err) != OG_OK)
        return cli_fail("diff", &err);
    return same ? CLI_DONE : CLI_FAILED;
}
