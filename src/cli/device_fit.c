// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "ohmgrid/config.h"
#include "ohmgrid/fit.h"

struct options {
    struct og_fit_task task;
    const char *model, *out, *residuals, *t_0, *v_read;
    char name[64];
};

// "b.yaml" of "a/b.yaml" names the device b.
static void name_device(struct options *o)
{
    const char *path = o->out != NULL ? o->out : "fitted", *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    if (o->task.name != NULL) return;
    snprintf(o->name, sizeof o->name, "%.*s", (int)strcspn(base, "."), base);
    o->task.name = o->name;
}

static og_status fit(struct options *o, struct og_error *err)
{
    struct og_fit fit = {0};
    OG_TRY(og_fit_model_find(&o->task.model, o->model, err));
    if (o->t_0 != NULL) OG_TRY(og_quantity_read(&o->task.t_0, o->t_0, "s", "--t-0", err));
    if (o->v_read != NULL)
        OG_TRY(og_quantity_read(&o->task.v_read, o->v_read, "V", "--v-read", err));
    name_device(o);
    og_status s = og_fit_run(&fit, &o->task, err);
    if (s == OG_OK && o->out != NULL) s = og_fit_write(&fit, o->out, err);
    if (s == OG_OK && o->residuals != NULL)
        s = og_fit_write_residuals(&fit, o->residuals, err);
    if (s == OG_OK) og_fit_print(&fit, "", stdout);
    og_fit_free(&fit);
    return s;
}

int cli_device_fit(int argc, char **argv)
{
    struct options o = {.task = {.order = -1}};
    const struct cli_option option[] = {
        {"--model", 0, CLI_TEXT, &o.model, "M",
         "programming, drift, iv_sinh or iv_polynomial (required)", 0, 0},
        {"--out", 'o', CLI_TEXT, &o.out, "DEVICE.yaml", "device file to write", 0, 0},
        {"--residuals", 0, CLI_TEXT, &o.residuals, "FILE.csv",
         "also write data, model and sigma of each row", 0, 0},
        {"--order", 0, CLI_INT, &o.task.order, "N",
         "of the polynomial (2; iv_polynomial 3); drift: 1 for nu with a slope (0)", 0,
         5},
        {"--t-0", 0, CLI_TEXT, &o.t_0, "T",
         "drift: time that g_0 belongs to; default: the smallest", 0, 0},
        {"--v-read", 0, CLI_TEXT, &o.v_read, "V",
         "I-V: read voltage of the device; default: the base's, or the largest", 0, 0},
        {"--relative", 0, CLI_FLAG, &o.task.relative, NULL,
         "I-V: errors are in proportion to the current, not all alike", 0, 0},
        {"--base", 0, CLI_TEXT, &o.task.base, "NAME",
         "device file that gives all that is not fitted", 0, 0},
        {"--name", 0, CLI_TEXT, &o.task.name, "NAME",
         "of the device; default: that of the file", 0, 0},
        {0},
    };
    const struct cli_command c = {
        .name = "device fit",
        .usage = "DATA.csv --model M [options]",
        .purpose =
            "Fits a device to measured data and prints parameters with 95 % intervals. "
            "The first line\nof DATA.csv names columns and units: 'target [uS], "
            "programmed [uS]'; 'time [s],\nconductance [uS], device'; or 'voltage [V], "
            "current [uA], curve' (last ones optional).",
        .examples = "  ohmgrid device fit writes.csv --model programming -o mine.yaml\n"
                    "  ohmgrid device fit drift.csv --model drift --base mine.yaml -o "
                    "mine2.yaml\n",
        .option = option,
        .positional = {"DATA.csv"},
    };
    const char *argument[CLI_POSITIONAL_MAX];
    int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    if (o.model == NULL) return cli_usage("device fit", "--model is missing");
    struct og_error err = {0};
    o.task.data = argument[0];
    return fit(&o, &err) == OG_OK ? CLI_DONE : cli_fail("device fit", &err);
}
