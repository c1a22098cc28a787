// SPDX-License-Identifier: GPL-3.0-or-later
// CIFAR-10's binary version (Krizhevsky 2009): records of one label byte and 3 x 32 x 32
// pixels (red, green, blue planes), 10000 to a file.
#include <string.h>

#include "base/mem.h"
#include "nn/data_file.h"

enum { OG_CIFAR_FILE = 10000 };

const char *const og_data_cifar_files[2][6] = {
    {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
     "data_batch_5.bin", NULL},
    {"test_batch.bin", NULL},
};

// Takes `n` records into the set, after its first `first` ones. The xz decoder is fastest
// with large pieces, so records are taken many at a time and then parted.
static og_status take_records(struct og_dataset *set, og_data_file *f, size_t first,
                              size_t n, struct og_error *err)
{
    enum { PIECE = 100 };
    size_t size = set->channels * set->height * set->width, record = size + 1;
    uint8_t *piece = og_alloc(PIECE, record);
    og_status status = OG_OK;
    if (!piece)
        status =
            og_fail(err, OG_NO_MEMORY, "out of memory reading %s", og_data_file_path(f));
    for (size_t at = 0; at < n && status == OG_OK; at += PIECE) {
        size_t k = n - at < PIECE ? n - at : PIECE;
        status = og_data_file_take(f, piece, k * record, err);
        for (size_t i = 0; i < k && status == OG_OK; i++) {
            set->label[first + at + i] = piece[i * record];
            memcpy(set->pixel + (first + at + i) * size, piece + i * record + 1, size);
        }
    }
    og_free(piece);
    if (status != OG_OK) return status;
    return og_data_check_labels(set, first, n, og_data_file_path(f), err);
}

static og_status take_file(struct og_dataset *set, size_t number, struct og_error *err)
{
    size_t first = number * OG_CIFAR_FILE;
    if (first >= set->n) return OG_OK;
    size_t n = set->n - first < OG_CIFAR_FILE ? set->n - first : OG_CIFAR_FILE;
    og_data_file *f = NULL;
    const char *name = og_data_cifar_files[set->spec.split][number];
    og_status status = og_data_file_open(&f, set->path, name, err);
    if (status == OG_OK) status = take_records(set, f, first, n, err);
    if (status == OG_OK && n == OG_CIFAR_FILE) status = og_data_file_end(f, err);
    og_data_file_free(f);
    return status;
}

og_status og_data_cifar_load(struct og_dataset *set, struct og_error *err)
{
    int files = set->spec.split == OG_TRAIN ? 5 : 1;
    OG_TRY(og_data_limit(set, (size_t)files * OG_CIFAR_FILE, &set->n, err));
    set->pixel = og_alloc(set->n, set->channels * set->height * set->width);
    set->label = og_alloc(set->n, 1);
    if (!set->pixel || !set->label)
        return og_fail(err, OG_NO_MEMORY, "out of memory for the %zu images in %s",
                       set->n, set->path);
    // Decoding xz takes seconds, so the files are decoded side by side; the first failure
    // in file order is the one that is reported.
    struct og_error failure[5] = {{0}};
    og_status status[5] = {OG_OK};
#pragma omp parallel for default(none) shared(set, failure, status, files)               \
    schedule(static, 1)
    for (int i = 0; i < files; i++) status[i] = take_file(set, (size_t)i, &failure[i]);
    for (int i = 0; i < files; i++)
        if (status[i] != OG_OK) return og_fail(err, status[i], "%s", failure[i].text);
    return OG_OK;
}
