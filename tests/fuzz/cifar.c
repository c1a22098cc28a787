// SPDX-License-Identifier: GPL-3.0-or-later
// CIFAR-10's test batch as xz: 30 MB of pixels are a few kB where they repeat.
#include "data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct og_data_spec spec = {.name = "cifar10", .split = OG_TEST, .limit = 100};
    fuzz_make_folder("cifar10");
    fuzz_write("cifar10/test_batch.bin.xz", data, size);
    open_spec(&spec);
    return 0;
}
