// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>

#include "cli.h"
#include "ohmgrid/results.h"

int cli_show(int argc, char **argv)
{
    bool layers = false, costs = false, traces = false;
    const struct cli_option option[] = {
        {.name = "--layers",
         .kind = CLI_FLAG,
         .target = &layers,
         .help = "where each layer loses accuracy, one line per point and matrix"},
        {.name = "--traces",
         .kind = CLI_FLAG,
         .target = &traces,
         .help = "recurrent layers step by step, of a result with output.trace"},
        {.name = "--costs",
         .kind = CLI_FLAG,
         .target = &costs,
         .help = "what each effect and each layer costs, of a result of 'attribute'"},
        {0},
    };
    const struct cli_command c = {
        .name = "show",
        .usage = "[--layers | --traces | --costs] OUT.h5",
        .purpose = "Prints the means over chips with their 95 % intervals, one line per "
                   "sweep point.",
        .examples = "  ohmgrid show sweep.h5\n  ohmgrid show --layers sweep.h5\n",
        .option = option,
        .positional = {"OUT.h5"},
    };
    const char *argument[CLI_POSITIONAL_MAX];
    int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    struct og_error err = {0};
    if (layers + costs + traces > 1)
        return cli_usage("show", "--layers, --traces and --costs exclude each other");
    const og_status status = layers ? og_result_show_layers(argument[0], stdout, &err)
                             : costs
                                 ? og_result_show_attribution(argument[0], stdout, &err)
                             : traces ? og_result_show_traces(argument[0], stdout, &err)
                                      : og_result_show(argument[0], stdout, &err);
    if (status != OG_OK) return cli_fail("show", &err);
    return CLI_DONE;
}
