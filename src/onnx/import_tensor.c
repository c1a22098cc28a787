// SPDX-License-Identifier: GPL-3.0-or-later
#include <string.h>

#include "base/mem.h"
#include "onnx/import.h"
#include "onnx/op.h"

static og_status damaged(const struct og_import *im, const char *what, const char *why)
{
    return og_fail(im->err, OG_INPUT, "%s: %.200s %s", im->path, what, why);
}

static og_status take_raw(const struct og_import *im, const char *what,
                          const Onnx__TensorProto *t, struct og_nd *a)
{
    size_t bytes = a->count * og_nd_size(a->type);
    if (t->raw_data.len != bytes)
        return damaged(im, what, "has other than its shape's number of bytes");
    if (bytes) memcpy(a->data, t->raw_data.data, bytes);  // both little-endian
    return OG_OK;
}

// Of int32, int8, uint8 and bool.
static og_status take_int32(const struct og_import *im, const char *what,
                            const Onnx__TensorProto *t, struct og_nd *a)
{
    static const struct {
        int64_t min, max;
    } limit[OG_ND_TYPES] = {[OG_ND_INT8] = {INT8_MIN, INT8_MAX},
                            [OG_ND_UINT8] = {0, UINT8_MAX},
                            [OG_ND_INT32] = {INT32_MIN, INT32_MAX},
                            [OG_ND_BOOL] = {0, 1}};
    if (t->n_int32_data != a->count)
        return damaged(im, what, "has other than its shape's number of elements");
    for (size_t i = 0; i < a->count; i++) {
        int32_t v = t->int32_data[i];
        if (v < limit[a->type].min || v > limit[a->type].max)
            return damaged(im, what, "holds a number that its type does not");
        og_nd_put(a, i, v);
    }
    return OG_OK;
}

static og_status take_lists(const struct og_import *im, const char *what,
                            const Onnx__TensorProto *t, struct og_nd *a)
{
    bool is_float = a->type == OG_ND_FLOAT, is_long = a->type == OG_ND_INT64;
    if (!is_float && !is_long) return take_int32(im, what, t, a);
    if ((is_float ? t->n_float_data : t->n_int64_data) != a->count)
        return damaged(im, what, "has other than its shape's number of elements");
    const void *from = is_float ? (const void *)t->float_data : t->int64_data;
    if (a->count) memcpy(a->data, from, a->count * og_nd_size(a->type));
    return OG_OK;
}

// Before there is memory for a shape, the file must have as many elements.
static bool has_elements(const Onnx__TensorProto *t, enum og_nd_type type, size_t count)
{
    if (t->has_raw_data) return t->raw_data.len == count * og_nd_size(type);
    return t->n_float_data >= count || t->n_int32_data >= count ||
           t->n_int64_data >= count;
}

og_status og_import_tensor(const struct og_import *im, const char *what,
                           const Onnx__TensorProto *t, struct og_nd *a)
{
    size_t count;
    *a = (struct og_nd){0};
    enum og_nd_type type = og_data_type(t->has_data_type ? t->data_type : 0);
    bool beside =
        t->n_external_data > 0 || (t->has_data_location && t->data_location == 1);
    if (t->segment) return damaged(im, what, "is in segments, which are not supported");
    if (type == OG_ND_NONE) return OG_OK;
    if (t->n_dims > OG_ND_RANK) return damaged(im, what, "has too many axes");
    if (!og_nd_count((int)t->n_dims, t->dims, type, &count))
        return damaged(im, what, "has an impossible shape");
    if (!beside && !has_elements(t, type, count))
        return damaged(im, what, "has other than its shape's number of elements");
    og_status status = OG_OK;
    if (beside)
        status = og_import_external(im, what, t, type, count, a);
    else
        status = og_nd_alloc(a, type, (int)t->n_dims, t->dims, im->err);
    if (status == OG_OK && !beside)
        status = t->has_raw_data ? take_raw(im, what, t, a) : take_lists(im, what, t, a);
    if (status != OG_OK) og_nd_free(a);
    for (size_t i = 0; a->type == OG_ND_BOOL && i < a->count; i++)
        ((uint8_t *)a->data)[i] = ((uint8_t *)a->data)[i] != 0;
    return status;
}

// --- sparse tensors ------------------------------------------------------------------

// The place of element i: linear indices [n], or one for each axis [n][rank].
static bool place_of(const struct og_nd *index, const struct og_nd *a, size_t i,
                     size_t *place)
{
    bool linear = index->rank == 1;
    *place = 0;
    for (int k = 0; k < (linear ? 1 : a->rank); k++) {
        int64_t at = og_nd_int(index, linear ? i : i * (size_t)a->rank + (size_t)k);
        int64_t n = linear ? (int64_t)a->count : a->dim[k];
        if (at < 0 || at >= n) return false;
        *place = linear ? (size_t)at : *place * (size_t)n + (size_t)at;
    }
    return true;
}

static og_status spread(const struct og_import *im, const char *what,
                        const struct og_nd *value, const struct og_nd *index,
                        struct og_nd *a)
{
    size_t size = og_nd_size(a->type), place, n = value->count;
    bool fits = index->type == OG_ND_INT64 &&
                (index->rank == 1 ? index->count == n
                                  : index->rank == 2 && (size_t)index->dim[0] == n &&
                                        index->dim[1] == a->rank);
    if (!fits) return damaged(im, what, "has indices that do not fit its values");
    for (size_t i = 0; i < n; i++) {
        if (!place_of(index, a, i, &place))
            return damaged(im, what, "has an index outside of its shape");
        memcpy((char *)a->data + place * size, (const char *)value->data + i * size,
               size);
    }
    return OG_OK;
}

og_status og_import_sparse(const struct og_import *im, const char *what,
                           const Onnx__SparseTensorProto *t, struct og_nd *a)
{
    struct og_nd value = {0}, index = {0};
    *a = (struct og_nd){0};
    if (!t->values || !t->indices || t->n_dims > OG_ND_RANK)
        return damaged(im, what, "is no complete sparse tensor");
    og_status status = og_import_tensor(im, what, t->values, &value);
    if (status == OG_OK) status = og_import_tensor(im, what, t->indices, &index);
    if (status == OG_OK && value.type != OG_ND_NONE) {
        status = og_nd_alloc(a, value.type, (int)t->n_dims, t->dims, im->err);
        if (status == OG_OK) status = spread(im, what, &value, &index, a);
    }
    if (status != OG_OK) og_nd_free(a);
    og_nd_free(&value);
    og_nd_free(&index);
    return status;
}
