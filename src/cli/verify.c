// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>

#include "cli.h"
#include "ohmgrid/results.h"

int cli_verify(int argc, char **argv)
{
    struct cli_list more = {0};
    const struct cli_option option[] = {{0}};
    const struct cli_command c = {
        .name = "verify",
        .usage = "FILE.h5 ...",
        .purpose = "Checks result, model and shard files: checksums of all datasets, and "
                   "that a result\nis whole. Exit code 0: good; 1: there are faults, one "
                   "line each.",
        .examples = "  ohmgrid verify sweep.h5\n",
        .option = option,
        .positional = {"FILE.h5"},
        .rest = &more,
    };
    const char *argument[CLI_POSITIONAL_MAX];
    const int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    int code = CLI_DONE;
    for (size_t i = 0; i <= more.n; i++) {
        const char *path = i == 0 ? argument[0] : more.item[i - 1];
        struct og_error err = {0};
        bool good;
        if (og_result_verify(path, stdout, &good, &err) != OG_OK)
            code = cli_fail("verify", &err);
        else if (!good && code == CLI_DONE)
            code = CLI_FAILED;
    }
    return code;
}
