// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>

#include "cli.h"
#include "ohmgrid/results.h"
#include "watch.h"

int cli_show(int argc, char **argv)
{
    bool layers = false, parts = false, costs = false, traces = false, follow = false;
    const char *data = NULL;
    const struct cli_option option[] = {
        {.name = "--layers",
         .kind = CLI_FLAG,
         .target = &layers,
         .help = "where each layer loses accuracy, one line per point and matrix"},
        {.name = "--parts",
         .kind = CLI_FLAG,
         .target = &parts,
         .help = "energy and area of each part, of a result with hardware.technology"},
        {.name = "--traces",
         .kind = CLI_FLAG,
         .target = &traces,
         .help = "recurrent layers step by step, of a result with output.trace"},
        {.name = "--costs",
         .kind = CLI_FLAG,
         .target = &costs,
         .help = "what each effect and each layer costs, of a result of 'attribute'"},
        {.name = "--follow",
         .kind = CLI_FLAG,
         .target = &follow,
         .help = "watch the run that writes OUT.h5, until it ends"},
        {.name = "--data",
         .kind = CLI_TEXT,
         .target = &data,
         .value = "DIR",
         .help = "with --follow: folder of weight files that the run was given"},
        {0},
    };
    const struct cli_command c = {
        .name = "show",
        .usage = "[--layers | --parts | --traces | --costs | --follow] OUT.h5",
        .purpose = "Prints the means over chips with their 95 % intervals, one line per "
                   "sweep point.",
        .examples = "  ohmgrid show sweep.h5\n  ohmgrid show --layers sweep.h5\n"
                    "  ohmgrid show --follow sweep.h5\n",
        .option = option,
        .positional = {"OUT.h5"},
    };
    const char *argument[CLI_POSITIONAL_MAX];
    int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    struct og_error err = {0};
    if (layers + parts + costs + traces + follow > 1)
        return cli_usage("show",
                         "--layers, --parts, --traces, --costs and --follow exclude each "
                         "other");
    if (data != NULL && !follow)
        return cli_usage("show", "--data has no effect without --follow");
    if (follow) return cli_watch(argument[0], data);
    const og_status status = layers  ? og_result_show_layers(argument[0], stdout, &err)
                             : parts ? og_result_show_parts(argument[0], stdout, &err)
                             : costs
                                 ? og_result_show_attribution(argument[0], stdout, &err)
                             : traces ? og_result_show_traces(argument[0], stdout, &err)
                                      : og_result_show(argument[0], stdout, &err);
    if (status != OG_OK) return cli_fail("show", &err);
    return CLI_DONE;
}
