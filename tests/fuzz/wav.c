// SPDX-License-Identifier: GPL-3.0-or-later
// Spoken digits as a folder of WAV files.
#include "data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct og_data_spec spec = {.name = "fsdd"};
    fuzz_make_folder("fsdd");
    fuzz_write("fsdd/7_jackson_32.wav", data, size);
    open_spec(&spec);
    return 0;
}
