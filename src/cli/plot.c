// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>

#include "cli.h"
#include "ohmgrid/results.h"

int cli_plot(int argc, char **argv)
{
    struct og_plot plot = {0};
    const char *figure = NULL;
    const struct cli_option option[] = {
        {"--out", 'o', CLI_TEXT, &figure, "FIGURE",
         ".png, .svg or .pdf file to write (required)", 0, 0},
        {"--metric", 0, CLI_TEXT, &plot.metric, "NAME", "what to draw; default: accuracy",
         0, 0},
        {"--x", 0, CLI_TEXT, &plot.x, "AXIS",
         "horizontal axis; default: the last numeric one", 0, 0},
        {"--series", 0, CLI_TEXT, &plot.series, "AXIS",
         "one line per value; default: a text axis", 0, 0},
        {"--costs", 0, CLI_FLAG, &plot.costs, NULL,
         "bars of what each effect and each layer costs, of a result of 'attribute'", 0,
         0},
        {"--title", 0, CLI_TEXT, &plot.title, "T", "default: the experiment's", 0, 0},
        {"--width", 0, CLI_INT, &plot.width, "PIXELS", "of the whole figure", 100, 20000},
        {"--height", 0, CLI_INT, &plot.height, "PIXELS", "of the whole figure", 100,
         20000},
        {0},
    };
    const struct cli_command c = {
        .name = "plot",
        .usage = "OUT.h5 -o FIGURE [options]",
        .purpose =
            "Draws the mean over chips with its 95 % band through gnuplot. Axes that "
            "are neither x\nnor series become panels, at most six.",
        .examples = "  ohmgrid plot sweep.h5 -o sweep.png\n"
                    "  ohmgrid plot sweep.h5 -o loss.pdf --metric loss --x adc_bits "
                    "--series training\n",
        .option = option,
        .positional = {"OUT.h5"},
    };
    const char *argument[CLI_POSITIONAL_MAX];
    int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    if (figure == NULL) return cli_usage("plot", "-o FIGURE is missing");
    if (plot.costs && (plot.metric || plot.x || plot.series))
        return cli_usage("plot", "--costs excludes --metric, --x and --series");
    struct og_error err = {0};
    if (og_result_plot(argument[0], figure, &plot, &err) != OG_OK)
        return cli_fail("plot", &err);
    return CLI_DONE;
}
