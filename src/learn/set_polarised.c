// SPDX-License-Identifier: GPL-3.0-or-later
// FORMS (Yuan et al., ISCA 2021): all weights of a fragment have one sign, so that one
// crossbar does without its negative twin. The published rule keeps the sign of the sum
// of the fragment, which is not the nearest point: [2, -.8, -.8, -.8] would lose 4
// instead of 1.92. Here the sign of the larger sum of squares is kept; of equal ones,
// plus.
#include "learn/set.h"

struct polarised {
    struct og_list size;
    size_t rows, columns;  // of a fragment, in the matrix
};

static const struct og_field fields[] = {
    {.key = "fragment",
     .type = OG_FIELD_LIST,
     .offset = offsetof(struct polarised, size),
     .stage = OG_STAGE_TRAIN,
     .help = "Size of a fragment, [word lines, bit lines]; FORMS: 4 to 16 by 1."},
    {.key = NULL},
};

static og_status check(struct og_set *set, const og_item *item, struct og_error *err)
{
    struct polarised *p = set->attr;
    size_t pair[2];
    OG_TRY(og_pair_check(&p->size, "fragment", item, pair, err));
    p->rows = pair[1];
    p->columns = pair[0];
    return OG_OK;
}

// Weights from row y and column x on; what lies beyond the matrix is cut off.
struct fragment {
    size_t y, x, rows, columns;
};

static struct fragment fragment_at(const struct og_set *set, size_t y, size_t x)
{
    const struct polarised *p = set->attr;
    size_t rows = set->rows - y, columns = set->columns - x;
    return (struct fragment){y, x, p->rows < rows ? p->rows : rows,
                             p->columns < columns ? p->columns : columns};
}

// Sums of squares of what is positive and of what is negative.
static void energies(const struct og_set *set, const struct fragment *f, const float *v,
                     double sum[2])
{
    sum[0] = sum[1] = 0;
    for (size_t i = 0; i < f->rows; i++) {
        for (size_t j = 0; j < f->columns; j++) {
            double w = v[(f->y + i) * set->columns + f->x + j];
            sum[w < 0] += w * w;
        }
    }
}

static void keep_sign(const struct og_set *set, const struct fragment *f, bool negative,
                      float *z)
{
    for (size_t i = 0; i < f->rows; i++) {
        for (size_t j = 0; j < f->columns; j++) {
            float *w = &z[(f->y + i) * set->columns + f->x + j];
            if (*w < 0 ? !negative : negative) *w = 0;
        }
    }
}

static og_status project(const struct og_set *set, float *z, struct og_error *err)
{
    const struct polarised *p = set->attr;
    (void)err;
    for (size_t y = 0; y < set->rows; y += p->rows) {
        for (size_t x = 0; x < set->columns; x += p->columns) {
            struct fragment f = fragment_at(set, y, x);
            double sum[2];
            energies(set, &f, z, sum);
            keep_sign(set, &f, sum[1] > sum[0], z);
        }
    }
    return OG_OK;
}

static bool holds(const struct og_set *set, const float *v)
{
    const struct polarised *p = set->attr;
    for (size_t y = 0; y < set->rows; y += p->rows) {
        for (size_t x = 0; x < set->columns; x += p->columns) {
            struct fragment f = fragment_at(set, y, x);
            double sum[2];
            energies(set, &f, v, sum);
            if (sum[0] > 0 && sum[1] > 0) return false;
        }
    }
    return true;
}

const struct og_set_type og_set_polarised = {fields, sizeof(struct polarised), check,
                                             project, holds};
