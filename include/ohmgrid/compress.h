// SPDX-License-Identifier: GPL-3.0-or-later
// Compression: constraint sets with their projections, and ADMM that brings the weights of
// a network into them while it learns. With W the weights, one pair (Z, U) for each set S:
//
//   W <- some epochs of  min f(W) + sum_S rho_S / 2 |W - Z_S + U_S|^2
//   Z_S <- Proj_S(W + U_S)        U_S <- U_S + W - Z_S
//
// (Boyd et al., 2011, scaled form; Zhang et al., ECCV 2018, for networks.) Then the masked
// mapping W <- Proj(W), the zeros frozen, and masked retraining.
#ifndef OHMGRID_COMPRESS_H
#define OHMGRID_COMPRESS_H

#include "ohmgrid/learn.h"

#ifdef __cplusplus
extern "C" {
#endif

// --- constraint sets ------------------------------------------------------------------

// A weight tensor as the sets see it: w[((f * channels + c) * height + y) * width + x].
// Dense: height = width = 1; recurrent: filters = gates * units, channels = inputs + units.
// As a matrix it has `filters` rows (bit lines of the crossbar) and channels * height *
// width columns (word lines).
struct og_weight_shape {
    size_t filters, channels, height, width;
};

// One set for one tensor, bound from YAML ({kind: column, keep: 0.25}). Opaque, const use
// from any number of threads.
typedef struct og_set og_set;

struct og_set_info {
    const char *name;  // kind in YAML
    const char *help;  // one sentence, with the source
    bool exact;        // the projection is the nearest point of the set
    bool prunes;       // restricts which weights are zero; else what values they have
};
// All kinds; ends with a NULL name.
OG_API const struct og_set_info *og_set_list(void);
// Every key of every kind, for --help.
OG_API void og_set_print_keys(FILE *out);

// Checked against the shape: OG_INPUT with file, line, key and what is allowed.
OG_API og_status og_set_alloc(og_set **set, const og_item *item,
                              const struct og_weight_shape *shape, struct og_error *err);
OG_API void og_set_free(og_set *set);
OG_API const struct og_set_info *og_set_kind(const og_set *set);

// z = Proj(v), both [count of the shape]; they may be the same memory. Where `allowed` is
// not NULL, positions with allowed[i] = 0 stay zero and are no candidates: counts are still
// of the whole tensor (the mask of earlier rounds). Sets that restrict values leave exact
// zeros of disallowed positions alone. Exact counts; ties go to the smaller index.
// OG_NO_MEMORY only.
OG_API og_status og_set_project(const og_set *set, const float *v, const uint8_t *allowed,
                                float *z, struct og_error *err);
// Whether v lies in the set (values to 1e-5 relative).
OG_API bool og_set_holds(const og_set *set, const float *v);

#ifdef __cplusplus
}
#endif
#endif
