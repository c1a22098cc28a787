// SPDX-License-Identifier: GPL-3.0-or-later
// Text as words or characters. The first byte: unit, split, size of the vocabulary and
// whether it is packed.
#include "data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_bytes b = {data, size};
    const unsigned how = fuzz_byte(&b);
    char path[FUZZ_PATH];
    struct og_data_spec spec = {.name = "text",
                                .split = how & 1 ? OG_TEST : OG_TRAIN,
                                .text = {.unit = how & 2 ? OG_AS_WORDS : OG_AS_CHARACTERS,
                                         .part = {0.5, 0.25, 0.25},
                                         .vocabulary = how & 4 ? 5 : 0,
                                         .steps = 1 + (how >> 4),
                                         .streams = how & 8 ? 3 : 1}};
    fuzz_in("a.txt", path);
    snprintf(spec.text.file, sizeof spec.text.file, "%s", path);
    fuzz_remove("a.txt");
    fuzz_write(how & 128 ? "a.txt.gz" : "a.txt", b.data, b.size);
    open_spec(&spec);
    fuzz_remove("a.txt.gz");
    return 0;
}
