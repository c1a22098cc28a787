// SPDX-License-Identifier: GPL-3.0-or-later
// The idx layout of MNIST (LeCun, Cortes, Burges) and Fashion-MNIST (Xiao et al. 2017):
// big-endian magic 0x00000803 or 0x00000801, one 32-bit size per dimension, then bytes.
#include "base/mem.h"
#include "nn/data_file.h"

const char *const og_data_idx_files[2][3] = {
    {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", NULL},
    {"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", NULL},
};

static uint32_t big_endian(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

// Reads the header; dim receives `rank` sizes.
static og_status take_header(og_data_file *f, int rank, uint32_t *dim,
                             struct og_error *err)
{
    uint8_t header[16];
    uint32_t magic = 0x0800u + (uint32_t)rank;
    OG_TRY(og_data_file_take(f, header, 4, err));
    if (big_endian(header) != magic)
        return og_fail(err, OG_INPUT,
                       "%s is not an idx%d file: its magic number is "
                       "0x%08x, not 0x%08x",
                       og_data_file_path(f), rank, (unsigned)big_endian(header),
                       (unsigned)magic);
    OG_TRY(og_data_file_take(f, header + 4, 4 * (size_t)rank, err));
    for (int i = 0; i < rank; i++) dim[i] = big_endian(header + 4 + 4 * i);
    return OG_OK;
}

// In pieces, since a header may announce more than there is: MNIST is one piece.
static og_status take_pixels(struct og_dataset *set, og_data_file *f,
                             struct og_error *err)
{
    size_t size = set->height * set->width, room = 1 << 16;
    for (size_t at = 0; at < set->n; at = room, room *= 2) {
        if (room > set->n) room = set->n;
        uint8_t *more = og_grow(set->pixel, at, room, size);
        if (!more)
            return og_fail(err, OG_NO_MEMORY, "out of memory for the %zu images of %s",
                           set->n, og_data_file_path(f));
        set->pixel = more;
        OG_TRY(og_data_file_take(f, set->pixel + at * size, (room - at) * size, err));
    }
    return OG_OK;
}

static og_status take_images(struct og_dataset *set, og_data_file *f, size_t *available,
                             struct og_error *err)
{
    uint32_t dim[3];
    OG_TRY(take_header(f, 3, dim, err));
    if (dim[1] != set->height || dim[2] != set->width)
        return og_fail(err, OG_INPUT, "%s has images of %u x %u pixels, not %zu x %zu",
                       og_data_file_path(f), dim[1], dim[2], set->height, set->width);
    *available = dim[0];
    OG_TRY(og_data_limit(set, dim[0], &set->n, err));
    OG_TRY(take_pixels(set, f, err));
    return set->n == dim[0] ? og_data_file_end(f, err) : OG_OK;
}

static og_status take_labels(struct og_dataset *set, og_data_file *f, size_t available,
                             struct og_error *err)
{
    uint32_t count = 0;
    OG_TRY(take_header(f, 1, &count, err));
    if (count != available)
        return og_fail(err, OG_INPUT, "%s has %u labels for %zu images",
                       og_data_file_path(f), count, available);
    set->label = og_alloc(set->n, 1);
    if (!set->label)
        return og_fail(err, OG_NO_MEMORY, "out of memory for the labels of %s",
                       og_data_file_path(f));
    OG_TRY(og_data_file_take(f, set->label, set->n, err));
    OG_TRY(og_data_check_labels(set, 0, set->n, og_data_file_path(f), err));
    return set->n == available ? og_data_file_end(f, err) : OG_OK;
}

og_status og_data_idx_load(struct og_dataset *set, struct og_error *err)
{
    const char *const *names = og_data_idx_files[set->spec.split];
    og_data_file *images = NULL, *labels = NULL;
    size_t available = 0;
    og_status status = og_data_file_open(&images, set->path, names[0], err);
    if (status == OG_OK) status = take_images(set, images, &available, err);
    if (status == OG_OK) status = og_data_file_open(&labels, set->path, names[1], err);
    if (status == OG_OK) status = take_labels(set, labels, available, err);
    og_data_file_free(images);
    og_data_file_free(labels);
    return status;
}
