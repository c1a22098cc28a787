// SPDX-License-Identifier: GPL-3.0-or-later
// ONNX files: imported, and computed where that worked.
#include "onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH], model[FUZZ_PATH];
    struct og_error err = {0};
    fuzz_write("a.onnx", data, size);
    const og_status status =
        og_onnx_import(fuzz_in("a.onnx", path), fuzz_in("model.h5", model), NULL, &err);
    fuzz_check(status, &err);
    if (status == OG_OK) run_model(model);
    return 0;
}
