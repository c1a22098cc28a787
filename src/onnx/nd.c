// SPDX-License-Identifier: GPL-3.0-or-later
#include "onnx/nd.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct og_nd_store {
    size_t users;
    void *data;
};

static const struct {
    const char *name;
    size_t size;
} kinds[OG_ND_TYPES + 1] = {
    [OG_ND_NONE] = {"none", 0},   [OG_ND_FLOAT] = {"float32", 4},
    [OG_ND_INT8] = {"int8", 1},   [OG_ND_UINT8] = {"uint8", 1},
    [OG_ND_INT32] = {"int32", 4}, [OG_ND_INT64] = {"int64", 8},
    [OG_ND_BOOL] = {"bool", 1},   [OG_ND_TYPES] = {"another type", 0},
};

size_t og_nd_size(enum og_nd_type type) { return kinds[type].size; }

const char *og_nd_name(enum og_nd_type type) { return kinds[type].name; }

bool og_nd_count(int rank, const int64_t *dim, enum og_nd_type type, size_t *count)
{
    size_t n = 1, most = PTRDIFF_MAX / 8;
    bool empty = false;
    for (int k = 0; k < rank; k++) {
        if (dim[k] < 0) return false;
        empty = empty || dim[k] == 0;
    }
    for (int k = 0; !empty && k < rank; k++) {
        if ((uint64_t)dim[k] > most / n) return false;
        n *= (size_t)dim[k];
    }
    *count = empty ? 0 : n;
    return type == OG_ND_NONE || *count <= most / og_nd_size(type);
}

static bool make_store(struct og_nd *a)
{
    a->store = og_alloc(1, sizeof *a->store);
    if (!a->store) return false;
    a->store->users = 1;
    a->store->data = og_alloc(a->count, og_nd_size(a->type));
    a->data = a->store->data;
    return a->data != NULL;
}

og_status og_nd_alloc(struct og_nd *a, enum og_nd_type type, int rank, const int64_t *dim,
                      struct og_error *err)
{
    assert(type != OG_ND_NONE && rank <= OG_ND_RANK);
    char text[OG_ND_TEXT];
    *a = (struct og_nd){.type = type, .rank = rank};
    for (int k = 0; k < rank; k++) a->dim[k] = dim[k];
    if (og_nd_count(rank, dim, type, &a->count) && make_store(a)) return OG_OK;
    og_nd_free(a);
    og_nd_shape_text(rank, dim, text);
    return og_fail(err, OG_NO_MEMORY, "out of memory for an array %s of %s", text,
                   og_nd_name(type));
}

void og_nd_free(struct og_nd *a)
{
    if (a->store && --a->store->users == 0) {
        og_free(a->store->data);
        og_free(a->store);
    }
    *a = (struct og_nd){0};
}

void og_nd_share(struct og_nd *to, const struct og_nd *from, int rank, const int64_t *dim)
{
    struct og_nd a = {.type = from->type, .rank = rank, .count = from->count};
    for (int k = 0; k < rank; k++) a.dim[k] = dim[k];
    a.data = from->data;
    a.store = from->store;
    a.store->users++;
    *to = a;
}

void og_nd_shape_text(int rank, const int64_t *dim, char text[OG_ND_TEXT])
{
    size_t n = (size_t)snprintf(text, OG_ND_TEXT, "[");
    for (int k = 0; k < rank && n < OG_ND_TEXT; k++)
        n += (size_t)snprintf(text + n, OG_ND_TEXT - n, k ? ",%lld" : "%lld",
                              (long long)dim[k]);
    if (n < OG_ND_TEXT) snprintf(text + n, OG_ND_TEXT - n, "]");
}

int64_t og_nd_int(const struct og_nd *a, size_t i)
{
    switch (a->type) {
    case OG_ND_INT8:
        return ((const int8_t *)a->data)[i];
    case OG_ND_UINT8:
    case OG_ND_BOOL:
        return ((const uint8_t *)a->data)[i];
    case OG_ND_INT32:
        return ((const int32_t *)a->data)[i];
    case OG_ND_INT64:
        return ((const int64_t *)a->data)[i];
    default:
        assert(false);
        return 0;
    }
}

void og_nd_put(struct og_nd *a, size_t i, int64_t v)
{
    switch (a->type) {
    case OG_ND_INT8:
        ((int8_t *)a->data)[i] = (int8_t)v;
        break;
    case OG_ND_UINT8:
    case OG_ND_BOOL:
        ((uint8_t *)a->data)[i] = (uint8_t)v;
        break;
    case OG_ND_INT32:
        ((int32_t *)a->data)[i] = (int32_t)v;
        break;
    case OG_ND_INT64:
        ((int64_t *)a->data)[i] = v;
        break;
    default:
        assert(false);
    }
}

// --- broadcasting --------------------------------------------------------------------

static int64_t dim_from_end(const struct og_nd *a, int back)
{
    return back < a->rank ? a->dim[a->rank - 1 - back] : 1;
}

bool og_nd_broadcast(const struct og_nd *a, const struct og_nd *b, int *rank,
                     int64_t dim[OG_ND_RANK])
{
    *rank = a->rank > b->rank ? a->rank : b->rank;
    for (int back = 0; back < *rank; back++) {
        int64_t x = dim_from_end(a, back), y = dim_from_end(b, back);
        if (x != y && x != 1 && y != 1) return false;
        dim[*rank - 1 - back] = x == 1 ? y : x;
    }
    return true;
}

bool og_nd_steps(const struct og_nd *a, int rank, const int64_t *dim,
                 int64_t step[OG_ND_RANK])
{
    if (a->rank > rank) return false;
    int64_t width = 1;
    for (int back = 0; back < rank; back++) {
        int k = rank - 1 - back;
        int64_t n = dim_from_end(a, back);
        if (n != dim[k] && n != 1) return false;
        step[k] = n == 1 ? 0 : width;
        width *= n;
    }
    return true;
}

size_t og_nd_before(const struct og_nd *a, int axis)
{
    size_t n = 1;
    for (int k = 0; k < axis; k++) n *= (size_t)a->dim[k];
    return n;
}

size_t og_nd_from(const struct og_nd *a, int axis)
{
    size_t n = 1;
    for (int k = axis; k < a->rank; k++) n *= (size_t)a->dim[k];
    return n;
}

struct og_walk og_walk_start(int rank, const int64_t *dim, const int64_t *step0,
                             const int64_t *step1, const int64_t *step2)
{
    struct og_walk w = {.rank = rank, .dim = dim, .step = {step0, step1, step2}};
    while (w.arrays < OG_WALKS && w.step[w.arrays]) w.arrays++;
    return w;
}

void og_walk_next(struct og_walk *w)
{
    for (int k = w->rank - 1; k >= 0; k--) {
        for (int a = 0; a < w->arrays; a++) w->at[a] += w->step[a][k];
        if (++w->index[k] < w->dim[k]) return;
        for (int a = 0; a < w->arrays; a++) w->at[a] -= w->step[a][k] * w->dim[k];
        w->index[k] = 0;
    }
}
