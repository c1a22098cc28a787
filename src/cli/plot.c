// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>

#include "cli.h"
#include "ohmgrid/results.h"

// What is drawn instead of lines over the sweep, by the flag that says so.
static const struct {
    const char *flag, *help;
    enum og_plot_kind kind;
} kinds[] = {
    {"--map", "colours over two axes, the values written in", OG_PLOT_MAP},
    {"--costs",
     "bars of what each effect and each layer costs, of a result of 'attribute'",
     OG_PLOT_COSTS},
    {"--training", "loss (or --metric accuracy, learning_rate) of each training by epoch",
     OG_PLOT_TRAINING},
    {"--traces", "h_error (or another --metric) of recurrent layers by time step",
     OG_PLOT_TRACES},
    {"--conductances", "histograms of a stored chip (output.chip), one per layer",
     OG_PLOT_CONDUCTANCES},
    {"--errors", "maps of the errors of the weights of a stored chip (output.errors)",
     OG_PLOT_ERRORS},
    {"--layers",
     "bars of the energy (or another --metric of 'show --layers') of each matrix",
     OG_PLOT_LAYERS},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

// The kind that was asked for, by at most one flag.
static int choose_kind(const bool *given, struct og_plot *plot)
{
    const char *flag = NULL;
    for (int k = 0; k < KINDS; k++) {
        if (!given[k]) continue;
        if (flag != NULL) return cli_usage("plot", "%s excludes %s", flag, kinds[k].flag);
        flag = kinds[k].flag;
        plot->kind = kinds[k].kind;
    }
    const bool sweep = plot->kind == OG_PLOT_LINES || plot->kind == OG_PLOT_MAP;
    const bool chip = plot->kind == OG_PLOT_CONDUCTANCES || plot->kind == OG_PLOT_ERRORS;
    const bool metric = plot->kind != OG_PLOT_COSTS && !chip;
    if (!sweep && (plot->x || plot->series))
        return cli_usage("plot", "%s excludes --x and --series", flag);
    if (!sweep && plot->mean) return cli_usage("plot", "%s excludes --mean", flag);
    if (!metric && plot->metric) return cli_usage("plot", "%s excludes --metric", flag);
    if (plot->layer && plot->kind != OG_PLOT_ERRORS)
        return cli_usage("plot", "--layer needs --errors");
    if (plot->point >= 0 && plot->kind != OG_PLOT_TRACES &&
        plot->kind != OG_PLOT_LAYERS && !chip)
        return cli_usage("plot",
                         "--point needs --traces, --conductances, --errors or --layers");
    return CLI_GO;
}

int cli_plot(int argc, char **argv)
{
    struct og_plot plot = {.point = -1};
    bool given[KINDS] = {false};
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
        {"--mean", 0, CLI_TEXT, &plot.mean, "AXIS",
         "mean and band over this axis too: train_seed, say", 0, 0},
        {kinds[0].flag, 0, CLI_FLAG, &given[0], NULL, kinds[0].help, 0, 0},
        {kinds[1].flag, 0, CLI_FLAG, &given[1], NULL, kinds[1].help, 0, 0},
        {kinds[2].flag, 0, CLI_FLAG, &given[2], NULL, kinds[2].help, 0, 0},
        {kinds[3].flag, 0, CLI_FLAG, &given[3], NULL, kinds[3].help, 0, 0},
        {kinds[4].flag, 0, CLI_FLAG, &given[4], NULL, kinds[4].help, 0, 0},
        {kinds[5].flag, 0, CLI_FLAG, &given[5], NULL, kinds[5].help, 0, 0},
        {kinds[6].flag, 0, CLI_FLAG, &given[6], NULL, kinds[6].help, 0, 0},
        {"--layer", 0, CLI_TEXT, &plot.layer, "NAME",
         "of errors: this matrix; default: all, at most six", 0, 0},
        {"--point", 0, CLI_INT, &plot.point, "P",
         "of traces, conductances, errors and layers: this sweep point, from 0", 0, 1e9},
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
            "Draws through gnuplot: the mean over chips with its 95 % band, or what a "
            "flag "
            "says. Axes\nthat are neither x nor series become panels, at most six.",
        .examples = "  ohmgrid plot sweep.h5 -o sweep.png\n"
                    "  ohmgrid plot sweep.h5 -o loss.pdf --metric loss --x adc_bits "
                    "--series training\n"
                    "  ohmgrid plot sweep.h5 -o map.svg --map --x read_noise --series "
                    "adc_bits\n"
                    "  ohmgrid plot seeds.h5 -o seeds.png --mean train_seed\n"
                    "  ohmgrid plot sweep.h5 -o curves.png --training\n"
                    "  ohmgrid plot chip.h5 -o g.png --conductances --point 3\n"
                    "  ohmgrid plot chip.h5 -o errors.pdf --errors --layer conv1\n",
        .option = option,
        .positional = {"OUT.h5"},
    };
    const char *argument[CLI_POSITIONAL_MAX];
    int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    if (figure == NULL) return cli_usage("plot", "-o FIGURE is missing");
    r = choose_kind(given, &plot);
    if (r != CLI_GO) return r;
    struct og_error err = {0};
    if (og_result_plot(argument[0], figure, &plot, &err) != OG_OK)
        return cli_fail("plot", &err);
    return CLI_DONE;
}
