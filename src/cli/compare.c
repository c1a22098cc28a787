// SPDX-License-Identifier: GPL-3.0-or-later
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "ohmgrid/results.h"

int cli_compare(int argc, char **argv)
{
    struct og_compare o = {.metric = "accuracy"};
    const char *margin = NULL;
    const struct cli_option option[] = {
        {"--axis", 0, CLI_TEXT, &o.axis, "NAME",
         "of one file: each value against the first one", 0, 0},
        {"--metric", 0, CLI_TEXT, &o.metric, "NAME", "what is compared (accuracy)", 0, 0},
        {"--margin", 0, CLI_TEXT, &margin, "M",
         "say whether B is worse by less than M, in units of the metric", 0, 0},
        {0},
    };
    const struct cli_command c = {
        .name = "compare",
        .usage = "A.h5 B.h5 | A.h5 --axis NAME  [options]",
        .purpose =
            "Prints paired differences with 95 % intervals: chips, and test samples, are "
            "the same\nin both. With an axis of train.seed (5 seeds or more) they are "
            "about training, else about\none trained network.",
        .examples = "  ohmgrid compare float.h5 hardware.h5 --margin 0.005\n"
                    "  ohmgrid compare sweep.h5 --axis training\n",
        .option = option,
        .positional = {"A.h5", "B.h5"},
        .optional = 1,
    };
    const char *argument[CLI_POSITIONAL_MAX];
    const int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    o.a = argument[0];
    o.b = argument[1];
    if (margin != NULL) {
        char *end;
        o.margin = strtod(margin, &end);
        if (end == margin || *end != '\0' || !(o.margin > 0) || !isfinite(o.margin))
            return cli_usage("compare", "--margin is '%s', expected a number above 0",
                             margin);
    }
    struct og_error err = {0};
    return og_result_compare(&o, stdout, &err) == OG_OK ? CLI_DONE
                                                        : cli_fail("compare", &err);
}
