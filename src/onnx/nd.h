// SPDX-License-Identifier: GPL-3.0-or-later
// Arrays of any rank and of ONNX's element types; scalars and empty ones too. Row-major.
// The elements may be shared by several arrays (Reshape moves nothing), so whoever writes
// writes into an array that it has just made.
#ifndef OG_ONNX_ND_H
#define OG_ONNX_ND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ohmgrid/status.h"

enum og_nd_type {
    OG_ND_NONE,
    OG_ND_FLOAT,
    OG_ND_INT8,
    OG_ND_UINT8,
    OG_ND_INT32,
    OG_ND_INT64,
    OG_ND_BOOL,
    OG_ND_TYPES  // also: a type that is not supported
};
// HDF5 has 32 dimensions, and one may be that of chips.
enum { OG_ND_RANK = 31, OG_ND_TEXT = 400 };

struct og_nd_store;  // the elements, counted by their users

struct og_nd {
    enum og_nd_type type;
    int rank;
    int64_t dim[OG_ND_RANK];
    size_t count;
    void *data;  // never NULL once allocated, even of an empty array
    struct og_nd_store *store;
};

size_t og_nd_size(enum og_nd_type type);  // bytes of an element
const char *og_nd_name(enum og_nd_type type);
// Counts the elements of a shape; false where a dimension is negative or the bytes are
// more than a size_t holds.
bool og_nd_count(int rank, const int64_t *dim, enum og_nd_type type, size_t *count);
// Zeroed elements. The sentence names the shape when there is no memory for it.
og_status og_nd_alloc(struct og_nd *a, enum og_nd_type type, int rank, const int64_t *dim,
                      struct og_error *err);
// Lets go of the elements; `a` becomes OG_ND_NONE. Accepts what was zeroed.
void og_nd_free(struct og_nd *a);
// `to` (not allocated) gets the elements of `from`, under a shape of as many.
void og_nd_share(struct og_nd *to, const struct og_nd *from, int rank,
                 const int64_t *dim);
// "[2,3]"; cut off where text ends.
void og_nd_shape_text(int rank, const int64_t *dim, char text[OG_ND_TEXT]);

static inline const float *og_nd_f32(const struct og_nd *a) { return a->data; }

// Element i of an array of integers or booleans.
int64_t og_nd_int(const struct og_nd *a, size_t i);
// Writes it there; v must fit.
void og_nd_put(struct og_nd *a, size_t i, int64_t v);

// The shape that two broadcast to (numpy's rule); false: they do not.
bool og_nd_broadcast(const struct og_nd *a, const struct og_nd *b, int *rank,
                     int64_t dim[OG_ND_RANK]);
// Steps of `a` along the axes of a shape that it broadcasts to: 0 where it repeats.
// False: it does not broadcast to that.
bool og_nd_steps(const struct og_nd *a, int rank, const int64_t *dim,
                 int64_t step[OG_ND_RANK]);
// Elements before and from `axis` to the end: products of dim[0..axis) and [axis..rank).
size_t og_nd_before(const struct og_nd *a, int axis);
size_t og_nd_from(const struct og_nd *a, int axis);

// Counts through a shape, the last axis fastest, and keeps places in up to three arrays.
// Start from og_walk_start, then read at[], og_walk_next until count elements are done.
enum { OG_WALKS = 3 };
struct og_walk {
    int rank, arrays;
    const int64_t *dim;
    const int64_t *step[OG_WALKS];
    int64_t index[OG_ND_RANK], at[OG_WALKS];
};
struct og_walk og_walk_start(int rank, const int64_t *dim, const int64_t *step0,
                             const int64_t *step1, const int64_t *step2);
void og_walk_next(struct og_walk *w);

#endif
