// SPDX-License-Identifier: GPL-3.0-or-later
// Model files of imported networks that other programs have edited.
#include "hdf5_edit.h"

#include "onnx.h"

// The network of the corpus of the fuzzer of ONNX files.
static void make_base(const char *path)
{
    const char *corpus = getenv("OHMGRID_FUZZ_ONNX");
    struct og_error err = {0};
    if (!corpus) {
        fprintf(stderr, "OHMGRID_FUZZ_ONNX must name an ONNX file\n");
        exit(2);
    }
    if (og_onnx_import(corpus, path, stderr, &err) == OG_OK) return;
    fprintf(stderr, "%s\n", err.text);
    exit(2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made;
    char path[FUZZ_PATH];
    if (!made) make_base(fuzz_in("base.h5", path));
    made = true;
    hdf5_edit("a.h5", data, size);
    run_model(fuzz_in("a.h5", path));
    hdf5_check_closed();
    return 0;
}
