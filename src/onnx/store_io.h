// SPDX-License-Identifier: GPL-3.0-or-later
// Columns and arrays in HDF5, in both directions. After a failure all calls return at
// once, as in results/hdf.h.
#ifndef OG_ONNX_STORE_IO_H
#define OG_ONNX_STORE_IO_H

#include "onnx/nd.h"
#include "results/hdf.h"

void og_put_texts(struct og_hdf *h, hid_t at, const char *name, size_t n,
                  const char *const *text);
void og_put_ints(struct og_hdf *h, hid_t at, const char *name, size_t n,
                 const int64_t *value);
void og_put_floats(struct og_hdf *h, hid_t at, const char *name, size_t n,
                   const float *value);
// `chips` at least 0: with a leading axis of as many, which a->data holds.
void og_put_nd(struct og_hdf *h, hid_t at, const char *name, const struct og_nd *a,
               int chips);

// NULL after a failure. A list of texts is one block of n pointers and what they point
// to.
char **og_get_texts(struct og_hdf *h, hid_t at, const char *name, size_t *n);
int64_t *og_get_ints(struct og_hdf *h, hid_t at, const char *name, size_t *n);
float *og_get_floats(struct og_hdf *h, hid_t at, const char *name, size_t *n);
// A dataset of exactly this type (bool: uint8 or h5py's enumeration).
void og_get_nd(struct og_hdf *h, hid_t at, const char *name, enum og_nd_type type,
               struct og_nd *a);

#endif
