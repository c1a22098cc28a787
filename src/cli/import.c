// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>

#include "cli.h"
#include "ohmgrid/onnx.h"

static void print_operators(void) { og_onnx_print_operators(stdout); }

int cli_import(int argc, char **argv)
{
    const char *out = NULL;
    const struct cli_option option[] = {
        {"--out", 'o', CLI_TEXT, &out, "MODEL.h5", "model file to write", 0, 0}, {0}};
    const struct cli_command c = {
        .name = "import",
        .usage = "MODEL.onnx -o MODEL.h5",
        .purpose =
            "Reads a network from an ONNX file into a model file, which 'ohmgrid infer' "
            "computes.\nOpsets 1 and 6 to 21; --help=keys lists the operators. What is "
            "not supported is never\nguessed: every node that asks for it is listed as "
            "'#index op_type name: why', exit code 2.",
        .examples = "  ohmgrid import resnet20.onnx -o resnet20.h5\n",
        .option = option,
        .positional = {"MODEL.onnx"},
        .keys = print_operators,
        .keys_help = "print the operators",
    };
    const char *argument[CLI_POSITIONAL_MAX];
    int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    if (out == NULL) return cli_usage("import", "-o MODEL.h5 is missing");
    struct og_error err = {0};
    if (og_onnx_import(argument[0], out, stderr, &err) != OG_OK)
        return cli_fail("import", &err);
    return CLI_DONE;
}
