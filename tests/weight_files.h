// SPDX-License-Identifier: GPL-3.0-or-later
// Writers of weight files, one for each format, independent of the readers; and networks
// that read them.
#ifndef OG_TESTS_WEIGHT_FILES_H
#define OG_TESTS_WEIGHT_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <hdf5.h>
#include <zlib.h>

#include "nn_tools.h"
#include "temp_folder.h"

struct tensor {
    const char *name;
    int rank;
    size_t dim[4];
    const float *value;
};

static char folder[TEMP_PATH];

static inline const char *in_folder(const char *name)
{
    static char path[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static inline int make_folder(void **state)
{
    (void)state;
    return !temp_make(folder);
}

static inline int remove_folder(void **state)
{
    (void)state;
    return temp_remove(folder);
}

static inline size_t count_of(const struct tensor *t)
{
    size_t n = 1;
    for (int d = 0; d < t->rank; d++) n *= t->dim[d];
    return n;
}

static inline void write_bytes(const char *name, const void *bytes, size_t n)
{
    FILE *f = fopen(in_folder(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

// --- values of a type ---------------------------------------------------------------

// Exact for the small numbers that the tests use.
static inline uint32_t half_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7fffffff) == 0) return bits >> 16;
    return (bits >> 16 & 0x8000) | ((bits >> 23 & 255) - 112) << 10 | (bits >> 13 & 1023);
}

// 2 'h' binary16, 'b' bfloat16, 'f' binary32, 'd' binary64, little endian; upper case:
// big.
static inline size_t put_value(uint8_t *to, char type, float value)
{
    uint64_t bits = 0;
    uint32_t single;
    const double wide = value;
    const int small = type | 32;
    const size_t width = small == 'd' ? 8 : small == 'f' ? 4 : 2;
    memcpy(&single, &value, sizeof single);
    if (small == 'd')
        memcpy(&bits, &wide, sizeof bits);
    else
        bits = small == 'f' ? single : small == 'b' ? single >> 16 : half_bits(value);
    for (size_t b = 0; b < width; b++)
        to[type == small ? b : width - 1 - b] = (uint8_t)(bits >> 8 * b);
    return width;
}

// --- formats ------------------------------------------------------------------------

static inline void write_hdf5(const char *name, const struct tensor *t, size_t n,
                              bool result)
{
    hid_t file = H5Fcreate(in_folder(name), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    assert_true(file >= 0 && H5Pset_create_intermediate_group(links, 1) >= 0);
    for (size_t i = 0; i < n; i++) {
        hsize_t dim[4];
        for (int d = 0; d < t[i].rank; d++) dim[d] = t[i].dim[d];
        hid_t space = H5Screate_simple(t[i].rank, dim, NULL);
        hid_t set = H5Dcreate2(file, t[i].name, H5T_IEEE_F32LE, space, links, H5P_DEFAULT,
                               H5P_DEFAULT);
        assert_true(set >= 0 && H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL,
                                         H5P_DEFAULT, t[i].value) >= 0);
        H5Dclose(set);
        H5Sclose(space);
    }
    if (result) {
        hid_t space = H5Screate(H5S_SCALAR);
        H5Aclose(H5Acreate2(file, "ohmgrid_version", H5T_NATIVE_INT, space, H5P_DEFAULT,
                            H5P_DEFAULT));
        H5Sclose(space);
    }
    H5Pclose(links);
    assert_true(H5Fclose(file) >= 0);
}

static inline void write_safetensors(const char *name, const struct tensor *t, size_t n,
                                     char type)
{
    static uint8_t values[1 << 16], whole[1 << 17];
    char header[4096] = "{\"__metadata__\":{\"format\":\"pt\"}";
    const char *dtype = type == 'h'   ? "F16"
                        : type == 'b' ? "BF16"
                        : type == 'd' ? "F64"
                                      : "F32";
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        char shape[64] = "";
        const size_t begin = at;
        for (int d = 0; d < t[i].rank; d++)
            snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%s%zu",
                     d ? "," : "", t[i].dim[d]);
        for (size_t k = 0; k < count_of(&t[i]); k++)
            at += put_value(values + at, type, t[i].value[k]);
        snprintf(header + strlen(header), sizeof header - strlen(header),
                 ",\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
                 t[i].name, dtype, shape, begin, at);
    }
    strcat(header, "}");
    const size_t length = strlen(header);
    for (int b = 0; b < 8; b++) whole[b] = (uint8_t)((uint64_t)length >> 8 * b);
    memcpy(whole + 8, header, length);
    memcpy(whole + 8 + length, values, at);
    write_bytes(name, whole, 8 + length + at);
}

// A .npy into `to`; its size. column_major: as NumPy keeps a transposed array.
static inline size_t make_npy(uint8_t *to, const struct tensor *t, char type,
                              bool column_major)
{
    char header[128], shape[64] = "";
    for (int d = 0; d < t->rank; d++)
        snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%zu,%s", t->dim[d],
                 d + 1 < t->rank ? " " : "");
    const int small = type | 32;
    snprintf(header, sizeof header,
             "{'descr': '%c%s', 'fortran_order': %s, 'shape': (%s), }\n",
             type == small ? '<' : '>',
             small == 'd'   ? "f8"
             : small == 'f' ? "f4"
                            : "f2",
             column_major ? "True" : "False", shape);
    const size_t length = strlen(header);
    memcpy(to, "\223NUMPY\1\0", 8);
    to[8] = (uint8_t)length;
    to[9] = 0;
    memcpy(to + 10, header, length);
    size_t at = 10 + length;
    for (size_t k = 0; k < count_of(t); k++) {
        size_t from = k;
        if (column_major && t->rank == 2)
            from = k % t->dim[0] * t->dim[1] + k / t->dim[0];
        at += put_value(to + at, type, t->value[from]);
    }
    return at;
}

static inline void put_le(uint8_t *to, uint32_t value, int bytes)
{
    for (int b = 0; b < bytes; b++) to[b] = (uint8_t)(value >> 8 * b);
}

static inline size_t deflate_raw(uint8_t *to, size_t room, uint8_t *from, size_t n)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = from;
    z.avail_in = (unsigned)n;
    z.next_out = to;
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static inline void write_npz(const char *name, const struct tensor *t, size_t n,
                             bool packed)
{
    static uint8_t whole[1 << 17], list[1 << 13], array[1 << 14];
    size_t at = 0, end = 0;
    for (size_t i = 0; i < n; i++) {
        char member[64];
        const size_t size = make_npy(array, &t[i], 'f', false);
        const int length = snprintf(member, sizeof member, "%s.npy", t[i].name);
        uint8_t head[30] = "PK\3\4", record[46] = "PK\1\2";
        const size_t start = at, data = at + 30 + (size_t)length;
        memcpy(whole + data, array, size);
        const size_t bytes =
            packed ? deflate_raw(whole + data, 1 << 14, array, size) : size;
        put_le(head + 8, packed ? 8 : 0, 2);
        put_le(head + 26, (uint32_t)length, 2);
        put_le(record + 10, packed ? 8 : 0, 2);
        put_le(record + 16, (uint32_t)crc32(0, array, (unsigned)size), 4);
        put_le(record + 20, (uint32_t)bytes, 4);
        put_le(record + 24, (uint32_t)size, 4);
        put_le(record + 28, (uint32_t)length, 2);
        put_le(record + 42, (uint32_t)start, 4);
        memcpy(whole + at, head, 30);
        memcpy(whole + at + 30, member, (size_t)length);
        at = data + bytes;
        memcpy(list + end, record, 46);
        memcpy(list + end + 46, member, (size_t)length);
        end += 46 + (size_t)length;
    }
    uint8_t tail[22] = "PK\5\6";
    put_le(tail + 10, (uint32_t)n, 2);
    put_le(tail + 12, (uint32_t)end, 4);
    put_le(tail + 16, (uint32_t)at, 4);
    memcpy(whole + at, list, end);
    memcpy(whole + at + end, tail, 22);
    write_bytes(name, whole, at + end + 22);
}

// --- reading them -------------------------------------------------------------------

// Small numbers that every type holds exactly, all different.
static inline float number(size_t i) { return ((float)i - 60.0f) / 64.0f; }

static inline const float *numbers(void)
{
    static float n[512];
    for (size_t i = 0; i < 512; i++) n[i] = number(i);
    return n;
}

static inline og_status load(og_model *model, const char *file, const char *group,
                             int layout, struct og_error *err)
{
    struct og_weights_config c = {.layout = layout};
    snprintf(c.path, sizeof c.path, "%s", in_folder(file));
    snprintf(c.group, sizeof c.group, "%s", group);
    memset(err, 0, sizeof *err);
    return og_model_load(model, &c, err);
}

static inline void load_well(og_model *model, const char *file, const char *group,
                             int layout)
{
    struct og_error err;
    if (load(model, file, group, layout, &err) != OG_OK) fail_msg("%s", err.text);
}

static inline void load_badly(og_model *model, const char *file, int layout,
                              const char *part)
{
    struct og_error err;
    assert_int_equal(load(model, file, "", layout, &err), OG_INPUT);
    if (!strstr(err.text, part)) fail_msg("'%s' lacks '%s'", err.text, part);
}

static inline const float *tensor_of(og_model *model, const char *node, const char *name)
{
    size_t n;
    for (size_t i = 0; i < og_model_tensors(model); i++) {
        const struct og_tensor_info t = og_model_tensor(model, i);
        if (strcmp(t.node, node) == 0 && strcmp(t.name, name) == 0)
            return (t.state ? og_model_state(model, &n) : og_model_params(model, &n)) +
                   t.offset;
    }
    fail_msg("no tensor %s/%s", node, name);
    return NULL;
}

static inline void same(og_model *model, const char *node, const char *name,
                        const float *expected, size_t n)
{
    assert_memory_equal(tensor_of(model, node, name), expected, n * sizeof(float));
}

#endif
