// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "ohmgrid/run.h"

int cli_merge(int argc, char **argv)
{
    struct cli_list in = {0};
    struct og_merge_options o = {.mode = OG_JOURNAL_NEW};
    bool force = false;
    const struct cli_option option[] = {
        {"--force", 0, CLI_FLAG, &force, NULL, "replace OUT.h5 and its journal", 0, 0},
        {"--data", 0, CLI_TEXT, &o.data, "DIR", "folder to look for weight files first",
         0, 0},
        {0},
    };
    const struct cli_command c = {
        .name = "merge",
        .usage = "OUT.h5 IN.h5 ...",
        .purpose =
            "Joins what 'ohmgrid run --shard I/N' wrote into the result that one run of "
            "the\nexperiment would have written. Journals of unfinished runs may be "
            "among "
            "the inputs.\nWhere records are missing they are named, and 'ohmgrid run "
            "EXPERIMENT.yaml -o OUT.h5\n--resume' computes them.",
        .examples = "  ohmgrid merge sweep.h5 part*.h5\n",
        .option = option,
        .positional = {"OUT.h5", "IN.h5"},
        .rest = &in,
    };
    const char *argument[CLI_POSITIONAL_MAX];
    const int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    if (in.n == CLI_LIST_MAX)
        return cli_usage("merge", "more than %d files", CLI_LIST_MAX);
    memmove(in.item + 1, in.item, in.n++ * sizeof *in.item);
    in.item[0] = argument[1];
    char *command = cli_command_text("merge", argc, argv);
    struct og_error err = {0};
    o.out = argument[0];
    o.command = command;
    o.mode = force ? OG_JOURNAL_FORCE : OG_JOURNAL_NEW;
    const og_status status = command != NULL
                                 ? og_merge(in.item, in.n, &o, &err)
                                 : og_fail(&err, OG_NO_MEMORY, "out of memory");
    free(command);
    return status == OG_OK ? cli_warn("merge", o.out) : cli_fail("merge", &err);
}
