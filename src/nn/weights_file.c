// SPDX-License-Identifier: GPL-3.0-or-later
#include "nn/weights_file.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

og_status og_weight_damaged(const og_weight_file *file, struct og_error *err,
                            const char *format, ...)
{
    char text[OG_ERROR_TEXT / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return og_fail(err, OG_INPUT, "%s is damaged: %s", file->path, text);
}

// --- entries ------------------------------------------------------------------------

static og_status check_entry(const og_weight_file *file, struct og_weight_entry *e,
                             struct og_error *err)
{
    if (strlen(e->name) >= OG_WEIGHT_NAME)
        return og_weight_damaged(file, err, "the name of a tensor has more than %d bytes",
                                 OG_WEIGHT_NAME - 1);
    for (const char *c = e->name; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127)
            return og_weight_damaged(file, err,
                                     "the name of a tensor has a control character");
    if (file->n == OG_WEIGHT_ENTRIES)
        return og_weight_damaged(file, err, "it has more than %d tensors",
                                 OG_WEIGHT_ENTRIES);
    e->count = 1;
    for (int d = 0; d < e->rank; d++) {
        if (e->dim[d] != 0 && e->count > SIZE_MAX / 16 / e->dim[d])
            return og_weight_damaged(file, err, "tensor '%.100s' is larger than memory",
                                     e->name);
        e->count *= e->dim[d];
    }
    return OG_OK;
}

og_status og_weight_file_add(og_weight_file *file, const struct og_weight_entry *entry,
                             struct og_error *err)
{
    struct og_weight_entry e = *entry;
    OG_TRY(check_entry(file, &e, err));
    if (file->n == file->room) {
        size_t room = 2 * file->room + 64;
        struct og_weight_entry *more =
            og_grow(file->entry, file->n, room, sizeof *file->entry);
        if (!more) return og_fail(err, OG_NO_MEMORY, "out of memory for %s", file->path);
        file->entry = more;
        file->room = room;
    }
    e.name = og_copy_text(entry->name);
    if (!e.name) return og_fail(err, OG_NO_MEMORY, "out of memory for %s", file->path);
    file->entry[file->n++] = e;
    return OG_OK;
}

// --- opening ------------------------------------------------------------------------

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

// The first bytes tell; a safetensors file begins with the size of its JSON header, an
// object.
static og_status choose(og_weight_file *file, struct og_error *err)
{
    uint8_t head[9] = {0};
    if (is_folder(file->path)) {
        file->format = &og_weight_npy;
        return OG_OK;
    }
    FILE *f = fopen(file->path, "rb");
    if (!f)
        return og_fail(err, OG_IO, "%s cannot be read: %s", file->path, strerror(errno));
    const size_t n = fread(head, 1, sizeof head, f);
    fclose(f);
    if (n >= 8 && memcmp(head, "\211HDF\r\n\032\n", 8) == 0)
        file->format = &og_weight_hdf5;
    else if (n >= 6 && memcmp(head, "\223NUMPY", 6) == 0)
        file->format = &og_weight_npy;
    else if (n >= 4 && memcmp(head, "PK\3\4", 4) == 0)
        file->format = &og_weight_npz;
    else if (n == 9 && head[8] == '{')
        file->format = &og_weight_safetensors;
    else
        return og_fail(err, OG_INPUT,
                       "%s is no file of weights: neither HDF5, safetensors, .npz, .npy "
                       "nor a folder of .npy",
                       file->path);
    return OG_OK;
}

og_status og_weight_file_open(og_weight_file **file, const char *path,
                              struct og_error *err)
{
    *file = NULL;
    og_weight_file *f = og_alloc(1, sizeof *f);
    if (!f) return og_fail(err, OG_NO_MEMORY, "out of memory for %s", path);
    f->path = path;
    og_status status = choose(f, err);
    if (status == OG_OK) status = f->format->open(f, err);
    if (status == OG_OK && f->n == 0)
        status = og_fail(err, OG_INPUT, "%s holds no tensors", path);
    if (status == OG_OK)
        *file = f;
    else
        og_weight_file_free(f);
    return status;
}

void og_weight_file_free(og_weight_file *file)
{
    if (!file) return;
    if (file->format) file->format->close(file);
    for (size_t i = 0; i < file->n; i++) {
        og_free(file->entry[i].name);
        og_free(file->entry[i].key);
    }
    og_free(file->entry);
    og_free(file);
}

// --- values -------------------------------------------------------------------------

// From NumPy's column-major order: element k of the file has the index that k has when
// the first dimension is counted fastest.
static void reorder(const struct og_weight_entry *e, const float *from, float *to)
{
    size_t index[OG_WEIGHT_RANK] = {0};
    for (size_t k = 0; k < e->count; k++) {
        size_t at = 0;
        for (int d = 0; d < e->rank; d++) at = at * e->dim[d] + index[d];
        to[at] = from[k];
        for (int d = 0; d < e->rank && ++index[d] == e->dim[d]; d++) index[d] = 0;
    }
}

static og_status read_ordered(og_weight_file *file, const struct og_weight_entry *e,
                              float *to, struct og_error *err)
{
    if (!e->fortran || e->rank < 2) return file->format->read(file, e, to, err);
    float *raw = og_alloc(e->count, sizeof *raw);
    if (!raw) return og_fail(err, OG_NO_MEMORY, "out of memory for %s", file->path);
    og_status status = file->format->read(file, e, raw, err);
    if (status == OG_OK) reorder(e, raw, to);
    og_free(raw);
    return status;
}

og_status og_weight_file_read(og_weight_file *file, const struct og_weight_entry *entry,
                              float *to, struct og_error *err)
{
    OG_TRY(read_ordered(file, entry, to, err));
    for (size_t i = 0; i < entry->count; i++)
        if (!isfinite(to[i]))
            return og_fail(err, OG_INPUT, "%s: value %zu of tensor '%.200s' is %g",
                           file->path, i, entry->name, (double)to[i]);
    return OG_OK;
}

size_t og_weight_type_bytes(enum og_weight_type type)
{
    return type == OG_WEIGHT_F64 ? 8 : type == OG_WEIGHT_F32 ? 4 : 2;
}

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits.
static float from_half(uint32_t h)
{
    const float sign = h >> 15 ? -1.0f : 1.0f;
    const int exponent = h >> 10 & 31;
    const float fraction = (float)(h & 1023);
    if (exponent == 31) return h & 1023 ? NAN : sign * INFINITY;
    if (exponent == 0) return sign * ldexpf(fraction, -24);
    return sign * ldexpf(fraction + 1024.0f, exponent - 25);
}

static float from_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return (float)value;
}

void og_weight_convert(const struct og_weight_entry *entry, const uint8_t *from, size_t n,
                       float *to)
{
    const size_t width = og_weight_type_bytes(entry->type);
    for (size_t i = 0; i < n; i++, from += width) {
        uint64_t bits = 0;
        for (size_t b = 0; b < width; b++)
            bits = bits << 8 | from[entry->big_endian ? b : width - 1 - b];
        if (entry->type == OG_WEIGHT_F64)
            to[i] = from_double(bits);
        else if (entry->type == OG_WEIGHT_F32)
            to[i] = from_bits((uint32_t)bits);
        else if (entry->type == OG_WEIGHT_BF16)
            to[i] = from_bits((uint32_t)bits << 16);
        else
            to[i] = from_half((uint32_t)bits);
    }
}

void og_weight_shape_text(int rank, const size_t *dim, char *text, size_t size)
{
    size_t used = 0;
    snprintf(text, size, "[]");
    for (int d = 0; d < rank && used < size; d++)
        used += (size_t)snprintf(text + used, size - used, "[%zu]", dim[d]);
}
