// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>

#include "cli.h"
#include "ohmgrid/config.h"
#include "ohmgrid/cpu.h"
#include "ohmgrid/onnx.h"

struct infer_options {
    const char *out, *hardware;
    int chips, samples, threads;
    struct cli_seed seed;
};

// Options of hardware without hardware would have no effect.
static int check(const struct infer_options *o)
{
    if (o->out == NULL) return cli_usage("infer", "-o OUT.h5 is missing");
    if (o->hardware != NULL) return CLI_GO;
    if (o->chips > 0) return cli_usage("infer", "--chips needs --hardware");
    if (o->samples > 0) return cli_usage("infer", "--calibrate needs --hardware");
    if (o->seed.given) return cli_usage("infer", "--seed needs --hardware");
    return CLI_GO;
}

static int infer(const struct infer_options *o, const char *model, const char *in)
{
    struct og_error err = {0};
    struct og_hardware hardware;
    const struct og_onnx_infer params = {
        .model = model,
        .in = in,
        .out = o->out,
        .hardware = o->hardware != NULL ? &hardware : NULL,
        .chips = o->chips > 0 ? o->chips : 1,
        .calibrate_samples = o->samples > 0 ? o->samples : 64,
        .seed = o->seed.given ? o->seed.value : 1,
    };
    og_set_threads(o->threads);
    og_status status = OG_OK;
    if (o->hardware != NULL) status = og_hardware_read(&hardware, o->hardware, &err);
    if (status == OG_OK) status = og_onnx_run(&params, &err);
    return status == OG_OK ? CLI_DONE : cli_fail("infer", &err);
}

int cli_infer(int argc, char **argv)
{
    struct infer_options o = {0};
    const struct cli_option option[] = {
        {"--out", 'o', CLI_TEXT, &o.out, "OUT.h5", "file to write", 0, 0},
        {"--hardware", 0, CLI_TEXT, &o.hardware, "HW.yaml",
         "keys as below 'hardware' of an experiment; without it: float", 0, 0},
        {"--chips", 0, CLI_INT, &o.chips, "K", "chips, the first axis of outputs; 1", 1,
         1000000},
        {"--seed", 0, CLI_SEED, &o.seed, "S", "of all that is random; 1", 0, 0},
        {"--calibrate", 0, CLI_INT, &o.samples, "N",
         "first samples of IN.h5 on which converters are calibrated; 64", 1, 1000000000},
        {"--threads", 0, CLI_INT, &o.threads, "N",
         "threads; 0, the default: all processors", 0, 4096},
        {0}};
    const struct cli_command c = {
        .name = "infer",
        .usage = "MODEL.h5 IN.h5 -o OUT.h5 [--hardware HW.yaml]",
        .purpose =
            "Computes an imported network. IN.h5 holds one dataset for each input of the "
            "graph (or\n'input', where there is one); OUT.h5 gets one for each output, "
            "and "
            "'output' where there\nis one. With --hardware, Conv, Gemm, MatMul, LSTM, "
            "GRU "
            "and RNN whose weights are constants\nof the model are on crossbar arrays, "
            "programmed anew for each chip; everything else is\ndigital.",
        .examples =
            "  ohmgrid infer resnet20.h5 images.h5 -o logits.h5\n"
            "  ohmgrid infer resnet20.h5 images.h5 -o logits.h5 --hardware rram.yaml "
            "--chips 10\n",
        .option = option,
        .positional = {"MODEL.h5", "IN.h5"},
    };
    const char *argument[CLI_POSITIONAL_MAX];
    int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    r = check(&o);
    return r != CLI_GO ? r : infer(&o, argument[0], argument[1]);
}
