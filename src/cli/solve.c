// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli.h"
#include "ohmgrid/wires.h"

int cli_solve(int argc, char **argv)
{
    struct og_wire_task task = {0};
    const char *method = "auto";
    const struct cli_option option[] = {
        {"--out", 'o', CLI_TEXT, &task.out, "OUT.h5", "file to write (required)", 0, 0},
        {"--transfer", 0, CLI_FLAG, &task.transfer, NULL,
         "also write /transfer [M,N]: the currents of unit voltages", 0, 0},
        {"--method", 0, CLI_TEXT, &method, "NAME",
         "auto, pcg, merge or direct; default: auto, the cheapest", 0, 0},
        {"--spice", 0, CLI_TEXT, &task.spice, "FILE", "also write an ngspice netlist", 0,
         0},
        {0},
    };
    const struct cli_command c = {
        .name = "solve",
        .usage = "IN.h5 -o OUT.h5 [options]",
        .purpose =
            "Solves a crossbar whose wires have resistance. IN.h5: /conductance [M,N] in "
            "S, "
            "/voltage [B,M]\nin V, and the root attributes r_wire_row, r_wire_col (one "
            "segment), r_source, r_sense in ohm;\ndrive_both and sense_both may be 1. "
            "OUT.h5: /current [B,N] in A.",
        .examples = "  ohmgrid solve array.h5 -o currents.h5\n"
                    "  ohmgrid solve array.h5 -o out.h5 --transfer --spice array.cir\n",
        .option = option,
        .positional = {"IN.h5"},
    };
    const char *argument[CLI_POSITIONAL_MAX];
    int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    if (task.out == NULL) return cli_usage("solve", "-o OUT.h5 is missing");
    struct og_error err = {0};
    task.in = argument[0];
    if (og_wire_method_find(&task.method, method, "--method", &err) != OG_OK)
        return cli_usage("solve", "%s", err.text);
    if (og_wires_solve(&task, &err) != OG_OK) return cli_fail("solve", &err);
    return CLI_DONE;
}
