// SPDX-License-Identifier: GPL-3.0-or-later
// What a constraint set is: one row of the table in set.c and one og_set_type. The matrix
// of a weight tensor has `rows` filters and `columns` weights in each of them.
#ifndef OG_LEARN_SET_H
#define OG_LEARN_SET_H

#include "config/fields.h"
#include "config/tree.h"
#include "ohmgrid/compress.h"

struct og_set_type {
    const struct og_field *fields;
    size_t attr_size;
    // Relations between keys, and the shape; fills what follows from them in attr.
    og_status (*check)(struct og_set *set, const og_item *item, struct og_error *err);
    // In place; z is finite. OG_NO_MEMORY only.
    og_status (*project)(const struct og_set *set, float *z, struct og_error *err);
    bool (*holds)(const struct og_set *set, const float *v);
};

struct og_set {
    const struct og_set_info *info;
    const struct og_set_type *type;
    struct og_weight_shape shape;
    size_t rows, columns;
    double rho_scale;  // of the pull of ADMM towards the set
    void *attr;        // bound by type->fields; in the memory behind the set
};

extern const struct og_set_type og_set_irregular, og_set_nested;
extern const struct og_set_type og_set_filter, og_set_column, og_set_channel;
extern const struct og_set_type og_set_row_column, og_set_connectivity, og_set_n_m;
extern const struct og_set_type og_set_tile, og_set_tile_rows, og_set_tile_columns;
extern const struct og_set_type og_set_block_rows, og_set_block_columns;
extern const struct og_set_type og_set_pattern, og_set_block_max;
extern const struct og_set_type og_set_gather_scatter, og_set_polarised;
extern const struct og_set_type og_set_levels, og_set_power, og_set_binary;
extern const struct og_set_type og_set_ternary, og_set_device_levels, og_set_clusters;

// --- how much is kept: the keys `keep` and `count` -------------------------------------
struct og_amount {
    double keep;  // fraction; 0: by count
    int count;    // 0: by keep
};
// The two rows, for an attr that begins with its struct og_amount.
#define OG_AMOUNT_ROWS                                                                   \
    {.key = "keep",                                                                      \
     .type = OG_FIELD_REAL,                                                              \
     .offset = offsetof(struct og_amount, keep),                                         \
     .min = 0,                                                                           \
     .max = 1,                                                                           \
     .def = "0",                                                                         \
     .stage = OG_STAGE_TRAIN,                                                            \
     .help = "Fraction kept; the nearest number of them, at least 1; 0: by count."},     \
    {                                                                                    \
        .key = "count", .type = OG_FIELD_INT,                                            \
        .offset = offsetof(struct og_amount, count), .min = 0, .max = 1e9, .def = "0",   \
        .stage = OG_STAGE_TRAIN, .help = "How many are kept; 0: by keep."                \
    }
// Exactly one of the two is given, and count <= total.
og_status og_amount_check(const struct og_amount *amount, size_t total,
                          const og_item *item, struct og_error *err);
size_t og_amount_of(const struct og_amount *amount, size_t total);
// Whether two sets for the same tensor have the same points: kind and keys, whatever their
// rho_scale.
bool og_set_same(const og_set *a, const og_set *b);
// A list of two whole numbers >= 1.
og_status og_pair_check(const struct og_list *list, const char *key, const og_item *item,
                        size_t pair[2], struct og_error *err);
// Fails about `key` of the map, or about the map when the key is not there.
og_status og_set_fail(const og_item *item, const char *key, struct og_error *err,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));
og_status og_set_no_memory(struct og_error *err);

// --- choosing and sorting (set_select.c) -----------------------------------------------
// The `keep` largest of n keys (>= 0) become 1, all others 0; ties to the smaller index.
void og_select_largest(double *key, size_t n, size_t keep);
// (bits of the value) << 32 | index, so that whole numbers sort like values. n < 2^32.
uint64_t og_sort_key(float value, size_t index);
float og_sort_value(uint64_t key);
// Rising by the upper half, equal ones as they stood; `spare` holds n as well.
void og_sort_keys(uint64_t *key, uint64_t *spare, size_t n);
// Of keys in this order: how many values are at most x.
size_t og_sorted_up_to(const uint64_t *key, size_t n, double x);

#endif
