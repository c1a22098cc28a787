// SPDX-License-Identifier: GPL-3.0-or-later
// MNIST's idx files, plain or gzip. The first byte: whether they are packed, and whether
// images become strokes of a pen; the next two: the size of the labels; then labels and
// images.
#include "data.h"

static void put(const char *name, bool packed, const uint8_t *bytes, size_t n)
{
    char path[FUZZ_PATH];
    snprintf(path, sizeof path, "mnist/%s", name);
    fuzz_remove(path);
    strcat(path, ".gz");
    fuzz_remove(path);
    if (!packed) path[strlen(path) - 3] = '\0';
    fuzz_write(path, bytes, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_bytes b = {data, size};
    const unsigned how = fuzz_byte(&b);
    size_t labels = fuzz_byte(&b);
    labels += 256 * fuzz_byte(&b);
    if (labels > b.size) labels = b.size;
    fuzz_make_folder("mnist");
    put("train-labels-idx1-ubyte", how & 1, b.data, labels);
    put("train-images-idx3-ubyte", how & 2, b.data + labels, b.size - labels);
    const struct og_data_spec spec = {.name = "mnist", .strokes = (how & 4) != 0};
    open_spec(&spec);
    return 0;
}
