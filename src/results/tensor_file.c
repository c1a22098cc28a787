// SPDX-License-Identifier: GPL-3.0-or-later
#include "results/tensor_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <zlib.h>

#include "base/mem.h"
#include "results/file.h"

// The file as it grows in memory.
struct bytes {
    FILE *out;
    char *data;
    size_t n;
};

static void put(struct bytes *b, const void *data, size_t n)
{
    fwrite(data, 1, n, b->out);
}

// Little endian, as all numbers of both formats.
static void put_number(struct bytes *b, uint64_t value, int width)
{
    for (int i = 0; i < width; i++) fputc((int)(value >> 8 * i & 255), b->out);
}

static void put_floats(struct bytes *b, const struct og_named_tensor *t)
{
    for (size_t i = 0; i < t->count; i++) {
        uint32_t word;
        memcpy(&word, &t->value[i], sizeof word);
        put_number(b, word, 4);
    }
}

static size_t position(struct bytes *b)
{
    fflush(b->out);
    return b->n;
}

// --- safetensors ---------------------------------------------------------------------

static json_t *describe(const struct og_named_tensor *t, size_t begin)
{
    json_t *shape = json_array();
    for (int d = 0; d < t->rank; d++)
        json_array_append_new(shape, json_integer((json_int_t)t->dim[d]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape,
                     "data_offsets", (json_int_t)begin,
                     (json_int_t)(begin + 4 * t->count));
}

static og_status put_safetensors(struct bytes *b, const struct og_named_tensor *tensor,
                                 size_t n, struct og_error *err)
{
    json_t *root = json_object();
    size_t at = 0;
    bool ok = root != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        ok = json_object_set_new(root, tensor[i].name, describe(&tensor[i], at)) == 0;
        at += 4 * tensor[i].count;
    }
    char *header = ok ? json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    json_decref(root);
    if (header == NULL) return og_fail_memory(err);
    // The values begin at a multiple of 8; blanks fill the header.
    const size_t length = strlen(header), whole = (length + 7) / 8 * 8;
    put_number(b, whole, 8);
    put(b, header, length);
    for (size_t i = length; i < whole; i++) fputc(' ', b->out);
    free(header);
    for (size_t i = 0; i < n; i++) put_floats(b, &tensor[i]);
    return OG_OK;
}

// --- npz -----------------------------------------------------------------------------

// One .npy, in memory of its own; free(data).
static og_status make_npy(struct bytes *b, const struct og_named_tensor *t,
                          struct og_error *err)
{
    char header[1024];
    int used = snprintf(header, sizeof header,
                        "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    for (int d = 0; d < t->rank; d++)
        used += snprintf(header + used, sizeof header - (size_t)used, "%lld,%s",
                         (long long)t->dim[d], d + 1 < t->rank ? " " : "");
    used += snprintf(header + used, sizeof header - (size_t)used, "), }");
    // The values begin at a multiple of 64; the header ends with a line.
    const int whole = (10 + used + 1 + 63) / 64 * 64 - 10;
    b->out = open_memstream(&b->data, &b->n);
    if (b->out == NULL) return og_fail_memory(err);
    put(b, "\223NUMPY\1\0", 8);
    put_number(b, (uint64_t)whole, 2);
    put(b, header, (size_t)used);
    fprintf(b->out, "%*s\n", whole - used - 1, "");
    put_floats(b, t);
    const bool failed = ferror(b->out) != 0;
    return fclose(b->out) == 0 && !failed ? OG_OK : og_fail_memory(err);
}

// What the local header of a member and its record in the list have in common.
struct member {
    const char *name;
    uint32_t crc, size, at;
};

static void put_member(struct bytes *b, const struct member *m)
{
    put_number(b, 0, 2);     // flags
    put_number(b, 0, 2);     // stored
    put_number(b, 0, 2);     // time
    put_number(b, 0x21, 2);  // 1 January 1980: the same bytes whenever they are written
    put_number(b, m->crc, 4);
    put_number(b, m->size, 4);
    put_number(b, m->size, 4);
    put_number(b, strlen(m->name) + 4, 2);
    put_number(b, 0, 2);
}

static void put_list(struct bytes *b, const struct member *m, size_t n)
{
    const size_t begin = position(b);
    for (size_t i = 0; i < n; i++) {
        put(b, "PK\1\2", 4);
        put_number(b, 20, 2);  // made by, and needed: version 2.0
        put_number(b, 20, 2);
        put_member(b, &m[i]);
        put_number(b, 0, 2);
        put_number(b, 0, 2);
        put_number(b, 0, 2);
        put_number(b, 0, 4);
        put_number(b, m[i].at, 4);
        fprintf(b->out, "%s.npy", m[i].name);
    }
    const size_t end = position(b);
    put(b, "PK\5\6", 4);
    put_number(b, 0, 4);
    put_number(b, n, 2);
    put_number(b, n, 2);
    put_number(b, end - begin, 4);
    put_number(b, begin, 4);
    put_number(b, 0, 2);
}

static og_status put_array(struct bytes *b, const struct og_named_tensor *t,
                           struct member *m, struct og_error *err)
{
    struct bytes npy = {0};
    *m = (struct member){.name = t->name, .at = (uint32_t)position(b)};
    const og_status status = make_npy(&npy, t, err);
    if (status == OG_OK) {
        m->size = (uint32_t)npy.n;
        m->crc = (uint32_t)crc32_z(0, (const Bytef *)npy.data, npy.n);
        put(b, "PK\3\4", 4);
        put_number(b, 20, 2);
        put_member(b, m);
        fprintf(b->out, "%s.npy", t->name);
        put(b, npy.data, npy.n);
    }
    free(npy.data);
    return status;
}

static og_status put_npz(struct bytes *b, const struct og_named_tensor *tensor, size_t n,
                         struct og_error *err)
{
    uint64_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += 4 * (uint64_t)tensor[i].count + 1200 + 2 * strlen(tensor[i].name);
    if (size > UINT32_MAX || n >= UINT16_MAX)
        return og_fail(err, OG_INPUT,
                       "%zu arrays of %.1f GiB are more than .npz holds without ZIP64 (4 "
                       "GiB, 65534 arrays): write .safetensors",
                       n, (double)size / 1073741824.0);
    struct member *member = og_alloc(n, sizeof *member);
    if (member == NULL) return og_fail_memory(err);
    og_status status = OG_OK;
    for (size_t i = 0; status == OG_OK && i < n; i++)
        status = put_array(b, &tensor[i], &member[i], err);
    if (status == OG_OK) put_list(b, member, n);
    og_free(member);
    return status;
}

// --- both ----------------------------------------------------------------------------

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

og_status og_tensor_file_write(const char *path, const struct og_named_tensor *tensor,
                               size_t n, struct og_error *err)
{
    struct bytes b = {0};
    const bool npz = ends_with(path, ".npz");
    if (!npz && !ends_with(path, ".safetensors"))
        return og_fail(err, OG_USAGE, "%s: the name must end in .npz or .safetensors",
                       path);
    b.out = open_memstream(&b.data, &b.n);
    if (b.out == NULL) return og_fail_memory(err);
    og_status status =
        npz ? put_npz(&b, tensor, n, err) : put_safetensors(&b, tensor, n, err);
    const bool failed = ferror(b.out) != 0;
    if ((fclose(b.out) != 0 || failed) && status == OG_OK) status = og_fail_memory(err);
    if (status == OG_OK) status = og_file_replace(path, b.data, b.n, err);
    free(b.data);
    return status;
}
