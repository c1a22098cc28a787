// SPDX-License-Identifier: GPL-3.0-or-later
// safetensors: 8 bytes, little endian, with the size of a JSON header {name: {dtype,
// shape, data_offsets: [begin, end]}, ...}; then the values, row-major, little endian,
// at these offsets (github.com/huggingface/safetensors, "Format").
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "nn/weights_file.h"

// As the format's own library has it.
enum { HEADER_MOST = 100000000 };

struct store {
    FILE *f;
    uint64_t values, size;  // offset of the first value; bytes of values
};

static enum og_weight_type type_of(const char *dtype)
{
    static const struct {
        const char *name;
        enum og_weight_type type;
    } types[] = {{"F16", OG_WEIGHT_F16},
                 {"BF16", OG_WEIGHT_BF16},
                 {"F32", OG_WEIGHT_F32},
                 {"F64", OG_WEIGHT_F64}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, dtype) == 0) return types[i].type;
    return OG_WEIGHT_OTHER;
}

static bool read_size(const json_t *value, uint64_t *size)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *size = (uint64_t)json_integer_value(value);
    return true;
}

static bool read_shape(const json_t *shape, struct og_weight_entry *e)
{
    if (!json_is_array(shape) || json_array_size(shape) > OG_WEIGHT_RANK) return false;
    e->rank = (int)json_array_size(shape);
    for (int d = 0; d < e->rank; d++) {
        uint64_t n;
        if (!read_size(json_array_get(shape, (size_t)d), &n)) return false;
        e->dim[d] = (size_t)n;
    }
    return true;
}

static og_status add_tensor(og_weight_file *file, const char *name, const json_t *value,
                            struct og_error *err)
{
    const struct store *s = file->own;
    const json_t *range = json_object_get(value, "data_offsets");
    const char *dtype = json_string_value(json_object_get(value, "dtype"));
    struct og_weight_entry e = {.name = (char *)name};
    uint64_t end;
    if (!dtype || !read_shape(json_object_get(value, "shape"), &e) ||
        json_array_size(range) != 2 || !read_size(json_array_get(range, 0), &e.at) ||
        !read_size(json_array_get(range, 1), &end))
        return og_weight_damaged(
            file, err, "tensor '%.100s' lacks dtype, shape or data_offsets", name);
    e.type = type_of(dtype);
    OG_TRY(og_weight_file_add(file, &e, err));
    if (e.type == OG_WEIGHT_OTHER) return OG_OK;
    const uint64_t bytes = file->entry[file->n - 1].count * og_weight_type_bytes(e.type);
    if (e.at > end || end > s->size || end - e.at != bytes)
        return og_weight_damaged(
            file, err, "tensor '%.100s' needs %llu bytes, but has %llu to %llu of %llu",
            name, (unsigned long long)bytes, (unsigned long long)e.at,
            (unsigned long long)end, (unsigned long long)s->size);
    return OG_OK;
}

static og_status read_json(og_weight_file *file, const char *text, size_t n,
                           struct og_error *err)
{
    json_error_t why;
    json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(root)) {
        json_decref(root);
        return og_weight_damaged(file, err, "its header is not a JSON object (%s)",
                                 root ? "another type" : why.text);
    }
    og_status status = OG_OK;
    const char *name;
    json_t *value;
    json_object_foreach(root, name, value)
    {
        if (status == OG_OK && strcmp(name, "__metadata__") != 0)
            status = add_tensor(file, name, value, err);
    }
    json_decref(root);
    return status;
}

static og_status read_header(og_weight_file *file, uint64_t n, struct og_error *err)
{
    struct store *s = file->own;
    char *text = og_alloc((size_t)n, 1);
    if (!text) return og_fail(err, OG_NO_MEMORY, "out of memory for %s", file->path);
    og_status status = OG_OK;
    if (fread(text, 1, (size_t)n, s->f) != n)
        status =
            og_fail(err, OG_IO, "%s cannot be read: %s", file->path, strerror(errno));
    if (status == OG_OK) status = read_json(file, text, (size_t)n, err);
    og_free(text);
    return status;
}

static og_status open(og_weight_file *file, struct og_error *err)
{
    struct store *s = file->own = og_alloc(1, sizeof *s);
    if (!s) return og_fail(err, OG_NO_MEMORY, "out of memory for %s", file->path);
    uint8_t head[8];
    s->f = fopen(file->path, "rb");
    if (!s->f || fread(head, 1, 8, s->f) != 8 || fseeko(s->f, 0, SEEK_END) != 0)
        return og_fail(err, OG_IO, "%s cannot be read: %s", file->path, strerror(errno));
    uint64_t n = 0, whole = (uint64_t)ftello(s->f);
    for (int b = 7; b >= 0; b--) n = n << 8 | head[b];
    if (n > whole - 8 || n > HEADER_MOST)
        return og_weight_damaged(
            file, err, "its header should have %llu bytes; the file has %llu in all",
            (unsigned long long)n, (unsigned long long)whole);
    s->values = 8 + n;
    s->size = whole - s->values;
    if (fseeko(s->f, 8, SEEK_SET) != 0)
        return og_fail(err, OG_IO, "%s cannot be read: %s", file->path, strerror(errno));
    return read_header(file, n, err);
}

static og_status read(og_weight_file *file, const struct og_weight_entry *e, float *to,
                      struct og_error *err)
{
    struct store *s = file->own;
    uint8_t chunk[8192];
    const size_t width = og_weight_type_bytes(e->type), most = sizeof chunk / width;
    if (fseeko(s->f, (off_t)(s->values + e->at), SEEK_SET) != 0)
        return og_fail(err, OG_IO, "%s cannot be read: %s", file->path, strerror(errno));
    for (size_t i = 0; i < e->count; i += most) {
        const size_t n = e->count - i < most ? e->count - i : most;
        if (fread(chunk, width, n, s->f) != n)
            return og_weight_damaged(file, err, "it ends within tensor '%.100s'",
                                     e->name);
        og_weight_convert(e, chunk, n, to + i);
    }
    return OG_OK;
}

static void close_store(og_weight_file *file)
{
    struct store *s = file->own;
    if (s && s->f) fclose(s->f);
    og_free(s);
}

const struct og_weight_format og_weight_safetensors = {open, read, close_store};
