// SPDX-License-Identifier: GPL-3.0-or-later
// The table of constraint sets, and what all of them share.
#include "learn/set.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"

// Two tables in the same order: what users see, and what does the work.
static const struct og_set_info infos[] = {
    {"irregular", "The largest |w|, wherever they are (Zhang et al., ECCV 2018).", true,
     true},
    {"filter", "Whole filters: rows of the matrix, bit lines (StructADMM, 2018).", true,
     true},
    {"column",
     "Whole columns of the matrix: one place of one channel in all filters, a word line "
     "('shape' in StructADMM, 2018).",
     true, true},
    {"channel", "Whole input channels in all filters (StructADMM, 2018).", true, true},
    {"n_m", "At most n non-zeros among each m neighbouring weights of a filter.", true,
     true},
    {"tile", "Whole crossbar tiles (Yuan et al., ISLPED 2019).", true, true},
    {"tile_rows",
     "Word lines of single crossbar tiles (Yuan et al., ISLPED 2019; unit ohmgrid's).",
     true, true},
    {"tile_columns",
     "Bit lines of single crossbar tiles (Yuan et al., ISLPED 2019; unit ohmgrid's).",
     true, true},
    {"block_rows",
     "Rows of blocks of the matrix, chosen in each of them (BLK-REW, 2020).", true, true},
    {"block_columns",
     "Columns of blocks of the matrix, chosen in each of them (BLK-REW, 2020).", true,
     true},
    {"connectivity", "Whole kernels (PatDNN, ASPLOS 2020).", true, true},
    {"nested", "The largest |w| at one of several nested levels (arXiv 2112.10930).",
     true, true},
    {"row_column",
     "Some rows and some columns at the same time, chosen by turns (after SS-Auto, "
     "2020).",
     false, true},
    {"pattern",
     "Each kernel keeps one pattern of a library (PatDNN, ASPLOS 2020); exact with a "
     "given "
     "library, not with one that is derived from the weights.",
     false, true},
    {"block_max",
     "The largest weight of each block of a row, the size of blocks adapted to the row "
     "(after DARB, AAAI 2020).",
     false, true},
    {"gather_scatter",
     "Packs of weights in different memory banks, chosen greedily (arXiv 2112.10898).",
     false, true},
    {"polarised", "Fragments of one sign (FORMS, ISCA 2021; the nearest such).", true,
     true},
    {"levels", "Equally spaced levels, the scale found by search (ADMM-NN, ASPLOS 2019).",
     true, false},
    {"power", "Levels at powers of the whole numbers (after NUPES, TPAMI 2025).", true,
     false},
    {"binary", "One magnitude and a sign (Leng et al., AAAI 2018).", true, false},
    {"ternary", "Zero, or one magnitude and a sign (Leng et al., AAAI 2018).", true,
     false},
    {"device_levels",
     "Differences between the levels of a device and its lowest one, in a differential "
     "pair (Yuan et al., ISLPED 2019).",
     true, false},
    {"clusters",
     "Any few values, beside 0 (arXiv 1811.01907); exact up to 4096 different weights.",
     false, false},
    {.name = NULL},
};
static const struct og_set_type *const types[] = {
    &og_set_irregular,      &og_set_filter,       &og_set_column,
    &og_set_channel,        &og_set_n_m,          &og_set_tile,
    &og_set_tile_rows,      &og_set_tile_columns, &og_set_block_rows,
    &og_set_block_columns,  &og_set_connectivity, &og_set_nested,
    &og_set_row_column,     &og_set_pattern,      &og_set_block_max,
    &og_set_gather_scatter, &og_set_polarised,    &og_set_levels,
    &og_set_power,          &og_set_binary,       &og_set_ternary,
    &og_set_device_levels,  &og_set_clusters,
};
enum { KINDS = sizeof types / sizeof *types };
_Static_assert(sizeof infos / sizeof *infos == KINDS + 1, "one row of each for a kind");

// Keys of every kind, beside its own.
static const struct og_field any_fields[] = {
    {.key = "rho_scale",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct og_set, rho_scale),
     .min = 1e-6,
     .max = 1e6,
     .def = "1",
     .stage = OG_STAGE_COMPRESS,
     .help = "Method admm: the pull towards this set is so many times admm.rho."},
    {.key = NULL},
};

const struct og_set_info *og_set_list(void) { return infos; }

const struct og_set_info *og_set_kind(const og_set *set) { return set->info; }

void og_set_print_keys(FILE *out)
{
    og_fields_help(any_fields, "any", OG_STAGE_TRAIN, out);
    for (int i = 0; i < KINDS; i++) {
        fprintf(out, "%s (%s, %s projection)\n    %s\n", infos[i].name,
                infos[i].prunes ? "prunes" : "restricts values",
                infos[i].exact ? "exact" : "approximate", infos[i].help);
        og_fields_help(types[i]->fields, infos[i].name, OG_STAGE_TRAIN, out);
    }
}

og_status og_set_no_memory(struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "out of memory for a constraint set");
}

og_status og_set_fail(const og_item *item, const char *key, struct og_error *err,
                      const char *format, ...)
{
    char text[OG_ERROR_TEXT / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const og_item *at = og_item_get(item, key);
    if (at != NULL) return og_item_fail(at, err, "%s", text);
    return og_item_fail(item, err, "%s: %s", key, text);
}

og_status og_amount_check(const struct og_amount *amount, size_t total,
                          const og_item *item, struct og_error *err)
{
    if (amount->keep == 0 && amount->count == 0)
        return og_item_fail(item, err,
                            "needs keep (a fraction above 0) or count (1 .. %zu)", total);
    if (amount->keep > 0 && amount->count > 0)
        return og_set_fail(item, "count", err,
                           "keep says already how much is kept: only one may be given");
    if ((size_t)amount->count > total)
        return og_set_fail(item, "count", err,
                           "%d is more than there are (at most %zu are allowed)",
                           amount->count, total);
    return OG_OK;
}

size_t og_amount_of(const struct og_amount *amount, size_t total)
{
    if (amount->count > 0)
        return (size_t)amount->count < total ? (size_t)amount->count : total;
    size_t n = (size_t)floor(amount->keep * (double)total + 0.5);
    return n > 0 ? n : 1;
}

og_status og_pair_check(const struct og_list *list, const char *key, const og_item *item,
                        size_t pair[2], struct og_error *err)
{
    bool good = list->n == 2;
    for (int i = 0; good && i < 2; i++)
        good = list->v[i] >= 1 && list->v[i] <= 1e9 && list->v[i] == floor(list->v[i]);
    if (!good)
        return og_set_fail(item, key, err, "must be two whole numbers from 1, [r, c]");
    pair[0] = (size_t)list->v[0];
    pair[1] = (size_t)list->v[1];
    return OG_OK;
}

static og_status find_kind(const og_item *item, int *kind, struct og_error *err)
{
    if (item->kind != OG_ITEM_MAP || og_item_get(item, "kind") == NULL)
        return og_item_fail(item, err,
                            "a constraint set is a map with a kind, for instance "
                            "{kind: column, keep: 0.25}");
    const og_item *word = og_item_get(item, "kind");
    for (int i = 0; i < KINDS; i++) {
        *kind = i;
        if (og_item_is_text(word, infos[i].name)) return OG_OK;
    }
    char known[512] = "";
    for (int i = 0; i < KINDS; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                 infos[i].name);
    }
    return og_item_fail(word, err, "'%s' is no constraint set; there are %s",
                        word->kind == OG_ITEM_SCALAR ? word->text : "a list or map",
                        known);
}

enum { SET_FIELDS = 16 };

// `layer` says which tensors the set is for: not the set's own.
static bool is_own(const char *key)
{
    return strcmp(key, "kind") != 0 && strcmp(key, "layer") != 0;
}

// The rows of the kind, with offsets from the set, and those of all kinds.
static void set_fields(const struct og_set *set, struct og_field rows[SET_FIELDS])
{
    size_t n = 0;
    for (const struct og_field *f = set->type->fields; f->key != NULL; f++) {
        assert(n + sizeof any_fields / sizeof *any_fields < SET_FIELDS);
        rows[n] = *f;
        rows[n++].offset = sizeof *set + f->offset;
    }
    for (const struct og_field *f = any_fields; f->key != NULL; f++) rows[n++] = *f;
    rows[n] = (struct og_field){.key = NULL};
}

// Binds all keys but the kind and the layer, and checks them.
static og_status fill(struct og_set *set, const og_item *item, struct og_error *err)
{
    struct og_field rows[SET_FIELDS];
    og_item **child = og_alloc(item->n, sizeof *child);
    if (child == NULL) return og_set_no_memory(err);
    og_item rest = *item;
    rest.child = child;
    rest.n = 0;
    for (size_t i = 0; i < item->n; i++)
        if (is_own(item->child[i]->key)) child[rest.n++] = item->child[i];
    set_fields(set, rows);
    og_status status = og_fields_bind(rows, &rest, set, err);
    og_free(child);
    return status == OG_OK ? set->type->check(set, item, err) : status;
}

og_status og_set_alloc(og_set **set, const og_item *item,
                       const struct og_weight_shape *shape, struct og_error *err)
{
    int kind = 0;
    *set = NULL;
    assert(shape->filters * shape->channels * shape->height * shape->width > 0);
    OG_TRY(find_kind(item, &kind, err));
    struct og_set *s = og_alloc(1, sizeof *s + types[kind]->attr_size);
    if (s == NULL) return og_set_no_memory(err);
    s->info = &infos[kind];
    s->type = types[kind];
    s->attr = s + 1;
    s->shape = *shape;
    s->rows = shape->filters;
    s->columns = shape->channels * shape->height * shape->width;
    assert(s->rows <= UINT32_MAX / s->columns);
    og_status status = fill(s, item, err);
    if (status == OG_OK)
        *set = s;
    else
        og_set_free(s);
    return status;
}

void og_set_free(og_set *set) { og_free(set); }

// What is behind a set was zeroed before its keys were bound, and holds no pointers.
bool og_set_same(const og_set *a, const og_set *b)
{
    return a->type == b->type && memcmp(a->attr, b->attr, a->type->attr_size) == 0;
}

// A position that is not allowed counts as a zero: what keeps the largest never prefers a
// zero, and what restricts values leaves zeros alone. So no set looks at `allowed`.
og_status og_set_project(const og_set *set, const float *v, const uint8_t *allowed,
                         float *z, struct og_error *err)
{
    size_t n = set->rows * set->columns;
    for (size_t i = 0; i < n; i++) {
        assert(isfinite(v[i]));
        // Also turns -0 into 0.
        z[i] = v[i] == 0 || (allowed != NULL && !allowed[i]) ? 0.0f : v[i];
    }
    return set->type->project(set, z, err);
}

bool og_set_holds(const og_set *set, const float *v) { return set->type->holds(set, v); }
