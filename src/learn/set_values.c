// SPDX-License-Identifier: GPL-3.0-or-later
// Kinds of ladders.
#include <math.h>

#include "base/elementary.h"
#include "learn/set_ladder.h"

struct values {
    struct og_ladder ladder;
    bool zero;
    int bits, levels;
    double exponent;
    struct og_list list;
};

// Rows that several of them have.
#define BY_FILTER_ROW                                                                    \
    {                                                                                    \
        .key = "scale", .type = OG_FIELD_BOOL,                                           \
        .offset = offsetof(struct values, ladder.by_filter), .choices = "tensor filter", \
        .def = "tensor", .stage = OG_STAGE_TRAIN,                                        \
        .help = "One scale for all weights, or one for each filter."                     \
    }
#define ZERO_ROW                                                                         \
    {                                                                                    \
        .key = "zero", .type = OG_FIELD_BOOL, .offset = offsetof(struct values, zero),   \
        .def = "true", .stage = OG_STAGE_TRAIN,                                          \
        .help = "Whether 0 is one of the levels."                                        \
    }
#define BITS_ROW                                                                         \
    {                                                                                    \
        .key = "bits", .type = OG_FIELD_INT, .offset = offsetof(struct values, bits),    \
        .min = 1, .max = 8, .stage = OG_STAGE_TRAIN,                                     \
        .help =                                                                          \
            "Bits b: 2^(b-1) levels on both sides; 2^(b-1) - 1 and the zero, with it."   \
    }

// --- equally spaced: 0, 1, 2, .. or 1, 2, .. -------------------------------------------

static const struct og_field levels_fields[] = {
    BITS_ROW,
    ZERO_ROW,
    BY_FILTER_ROW,
    {.key = NULL},
};

// t_k = k^(1/exponent), k = 0 or 1 to the last.
static og_status check_powers(struct values *v, const og_item *item, double exponent,
                              struct og_error *err)
{
    struct og_ladder *l = &v->ladder;
    if (v->zero && v->bits == 1)
        return og_set_fail(
            item, "bits", err,
            "1 bit has no levels beside the zero (2 .. 8; or zero: false)");
    int last = (1 << (v->bits - 1)) - v->zero;
    for (int k = v->zero ? 0 : 1; k <= last; k++)
        l->t[l->n++] = exponent == 1 ? k : og_pow(k, 1 / exponent);
    return OG_OK;
}

static og_status check_levels(struct og_set *set, const og_item *item,
                              struct og_error *err)
{
    return check_powers(set->attr, item, 1, err);
}

const struct og_set_type og_set_levels = {levels_fields, sizeof(struct values),
                                          check_levels, og_ladder_project,
                                          og_ladder_holds};

// --- NUPES: sign(x) |x|^a on equally spaced levels -------------------------------------

static const struct og_field power_fields[] = {
    BITS_ROW,
    {.key = "exponent",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct values, exponent),
     .min = 0.1,
     .max = 2,
     .def = "0.5",
     .stage = OG_STAGE_TRAIN,
     .help =
         "Exponent a: levels are (k s)^(1/a). Weights go to the nearest level, not to "
         "the one whose power is nearest; a is not learned (the paper does both)."},
    ZERO_ROW,
    BY_FILTER_ROW,
    {.key = NULL},
};

static og_status check_power(struct og_set *set, const og_item *item,
                             struct og_error *err)
{
    struct values *v = set->attr;
    return check_powers(v, item, v->exponent, err);
}

const struct og_set_type og_set_power = {power_fields, sizeof(struct values), check_power,
                                         og_ladder_project, og_ladder_holds};

// --- one magnitude ---------------------------------------------------------------------

static const struct og_field scale_fields[] = {BY_FILTER_ROW, {.key = NULL}};

static og_status check_binary(struct og_set *set, const og_item *item,
                              struct og_error *err)
{
    struct values *v = set->attr;
    (void)item, (void)err;
    v->ladder.t[v->ladder.n++] = 1;
    return OG_OK;
}

static og_status check_ternary(struct og_set *set, const og_item *item,
                               struct og_error *err)
{
    struct values *v = set->attr;
    v->ladder.t[v->ladder.n++] = 0;
    return check_binary(set, item, err);
}

const struct og_set_type og_set_binary = {scale_fields, sizeof(struct values),
                                          check_binary, og_ladder_project,
                                          og_ladder_holds};
const struct og_set_type og_set_ternary = {scale_fields, sizeof(struct values),
                                           check_ternary, og_ladder_project,
                                           og_ladder_holds};

// --- levels of a device ----------------------------------------------------------------

static const struct og_field device_fields[] = {
    {.key = "levels",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct values, levels),
     .min = 0,
     .max = OG_LADDER_MAX,
     .def = "0",
     .stage = OG_STAGE_TRAIN,
     .help = "Levels of a device, equally spaced (2 or more); 0: by "
             "list."},
    {.key = "list",
     .type = OG_FIELD_LIST,
     .offset = offsetof(struct values, list),
     .unit = "S",
     .min = 0,
     .max = 1,
     .def = "[]",
     .stage = OG_STAGE_TRAIN,
     .help = "Levels of a device, rising."},
    {.key = "zero",
     .type = OG_FIELD_BOOL,
     .offset = offsetof(struct values, zero),
     .def = "true",
     .stage = OG_STAGE_TRAIN,
     .help = "Whether both devices of a pair may be at the lowest level: a weight 0."},
    BY_FILTER_ROW,
    {.key = NULL},
};

// Magnitudes of a pair, one device of which is at the lowest level, in units of the
// smallest step from it: with t >= 1 a scale is never larger than twice the weights.
static og_status fill_ladder(struct values *v, const og_item *item, struct og_error *err)
{
    const struct og_list *list = &v->list;
    int n = v->levels > 0 ? v->levels : list->n;
    double first = list->v[0], step = list->v[1] - first;
    if (n < 2)
        return og_set_fail(item, v->levels > 0 ? "levels" : "list", err,
                           "a device has at least 2 levels");
    for (int i = v->zero ? 0 : 1; i < n; i++)
        v->ladder.t[v->ladder.n++] = v->levels > 0 ? i : (list->v[i] - first) / step;
    return OG_OK;
}

static og_status check_device(struct og_set *set, const og_item *item,
                              struct og_error *err)
{
    struct values *v = set->attr;
    if ((v->levels > 0) == (v->list.n > 0))
        return og_item_fail(item, err, "needs one of the keys levels and list");
    for (int i = 1; i < v->list.n; i++)
        if (!(v->list.v[i] > v->list.v[i - 1]))
            return og_set_fail(item, "list", err, "must be rising");
    return fill_ladder(v, item, err);
}

const struct og_set_type og_set_device_levels = {device_fields, sizeof(struct values),
                                                 check_device, og_ladder_project,
                                                 og_ladder_holds};
