// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli.h"
#include "ohmgrid/weights.h"

int cli_export(int argc, char **argv)
{
    const char *out = NULL, *group = "";
    const struct cli_option option[] = {
        {"--out", 'o', CLI_TEXT, &out, "OUT", "file to write: .npz or .safetensors", 0,
         0},
        {"--group", 0, CLI_TEXT, &group, "NAME",
         "which model of a result file, m0 or c0; default: the only one", 0, 0},
        {0}};
    const struct cli_command c = {
        .name = "export",
        .usage = "IN.h5 -o OUT.npz|OUT.safetensors [--group NAME]",
        .purpose =
            "Writes the float weights of a result file (with output.model: true) or of a "
            "model that\n'ohmgrid import' has made to a file of NumPy or safetensors. "
            "Names are LAYER.TENSOR of a\nresult, as model.weights reads them, and those "
            "of the initialisers of a model.",
        .examples = "  ohmgrid export trained.h5 -o trained.safetensors\n"
                    "  ohmgrid export rounds.h5 -o pruned.npz --group c0\n",
        .option = option,
        .positional = {"IN.h5"},
    };
    const char *argument[CLI_POSITIONAL_MAX];
    int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    if (out == NULL) return cli_usage("export", "-o OUT is missing");
    struct og_error err = {0};
    if (og_weights_export(argument[0], group, out, &err) != OG_OK)
        return cli_fail("export", &err);
    return CLI_DONE;
}
