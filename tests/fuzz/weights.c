// SPDX-License-Identifier: GPL-3.0-or-later
// Weights as .npy, .npz and safetensors, which are told apart by what they hold: every
// tensor is read.
#include "fuzz.h"

#include "base/mem.h"
#include "nn/weights_file.h"

enum { MOST = 1 << 20 };

static void read_all(og_weight_file *file)
{
    for (size_t i = 0; i < file->n; i++) {
        const struct og_weight_entry *e = &file->entry[i];
        if (e->type == OG_WEIGHT_OTHER || e->count > MOST) continue;
        float *value = og_alloc(e->count, sizeof *value);
        struct og_error err = {0};
        if (!value) continue;
        fuzz_check(og_weight_file_read(file, e, value, &err), &err);
        og_free(value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    og_weight_file *file = NULL;
    struct og_error err = {0};
    fuzz_write("w", data, size);
    const og_status status = og_weight_file_open(&file, fuzz_in("w", path), &err);
    fuzz_check(status, &err);
    if (status == OG_OK) read_all(file);
    og_weight_file_free(file);
    return 0;
}
