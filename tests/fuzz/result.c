// SPDX-License-Identifier: GPL-3.0-or-later
// Result files that other programs have edited: all that reads them without drawing.
#include "../small_result.h"
#include "hdf5_edit.h"

#include "ohmgrid/weights.h"

static void make_base(const char *path)
{
    if (write_small_result(path) != OG_OK) abort();
}

static void look_at(const char *path, const char *base, FILE *out)
{
    og_status (*const show[])(const char *, FILE *, struct og_error *) = {
        og_result_show, og_result_show_layers, og_result_show_traces,
        og_result_show_attribution, og_result_show_parts};
    char npz[FUZZ_PATH], *text = NULL;
    bool flag = false;
    struct og_error err[9] = {{0}};
    for (int k = 0; k < 5; k++) fuzz_check(show[k](path, out, &err[k]), &err[k]);
    fuzz_check(og_result_experiment(path, &text, &err[5]), &err[5]);
    fuzz_check(og_result_complete(path, &flag, &err[6]), &err[6]);
    fuzz_check(og_result_diff(base, path, out, &flag, &err[7]), &err[7]);
    fuzz_check(og_weights_export(path, "", fuzz_in("w.npz", npz), &err[8]), &err[8]);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *out;
    char base[FUZZ_PATH], path[FUZZ_PATH];
    fuzz_in("base.h5", base);
    if (!out) {
        make_base(base);
        out = fopen("/dev/null", "w");
    }
    hdf5_edit("a.h5", data, size);
    look_at(fuzz_in("a.h5", path), base, out);
    hdf5_check_closed();
    return 0;
}
