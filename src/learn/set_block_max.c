// SPDX-License-Identifier: GPL-3.0-or-later
// DARB (Ren et al., AAAI 2020): each row is divided into blocks, of which only the
// largest weight is kept; rows that matter more have smaller blocks. Here the size of a
// row's blocks is one of a list, and all rows together keep no more than the given
// number. Which sizes retain most energy is a knapsack: it is filled by the largest gain
// in energy for each weight more, over the convex hull of a row's choices, so it is
// nearly the best, and exactly with one size. (How DARB chooses the sizes is not known to
// us.)
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "learn/set.h"

struct block_max {
    struct og_amount amount;
    struct og_list blocks;
    size_t kept;
};

static const struct og_field fields[] = {
    OG_AMOUNT_ROWS,
    {.key = "blocks",
     .type = OG_FIELD_LIST,
     .offset = offsetof(struct block_max, blocks),
     .min = 1,
     .max = 1e6,
     .stage = OG_STAGE_TRAIN,
     .help = "Sizes that the blocks of a row can have, rising; each divides the next."},
    {.key = NULL},
};

// Blocks of the i-th size in a row, of which the last may be shorter.
static size_t blocks_in(const struct og_set *set, int i)
{
    const struct block_max *b = set->attr;
    size_t size = (size_t)b->blocks.v[i];
    return (set->columns + size - 1) / size;
}

static og_status check(struct og_set *set, const og_item *item, struct og_error *err)
{
    struct block_max *b = set->attr;
    const struct og_list *l = &b->blocks;
    OG_TRY(og_amount_check(&b->amount, set->rows * set->columns, item, err));
    b->kept = og_amount_of(&b->amount, set->rows * set->columns);
    for (int i = 0; i < l->n; i++) {
        bool good = l->v[i] == floor(l->v[i]);
        if (i > 0) good &= l->v[i] > l->v[i - 1] && fmod(l->v[i], l->v[i - 1]) == 0;
        if (!good)
            return og_set_fail(item, "blocks", err,
                               "must be rising whole numbers, each dividing the next");
    }
    if (l->n == 0) return og_set_fail(item, "blocks", err, "needs at least one size");
    size_t fewest = set->rows * blocks_in(set, l->n - 1);
    if (b->kept < fewest)
        return og_set_fail(item, b->amount.count > 0 ? "count" : "keep", err,
                           "keeps %zu weights, but blocks of %g keep %zu at least",
                           b->kept, l->v[l->n - 1], fewest);
    return OG_OK;
}

// The largest of a block, the first of several.
static size_t largest_in(const float *row, size_t from, size_t to)
{
    size_t best = from;
    for (size_t i = from + 1; i < to; i++)
        if (fabsf(row[i]) > fabsf(row[best])) best = i;
    return best;
}

static size_t end_of(const struct og_set *set, size_t from, size_t size)
{
    return from + size < set->columns ? from + size : set->columns;
}

// --- membership ------------------------------------------------------------------------

static bool row_holds(const struct og_set *set, const float *row, size_t size)
{
    for (size_t from = 0; from < set->columns; from += size) {
        size_t n = 0, end = end_of(set, from, size);
        for (size_t i = from; i < end; i++) n += row[i] != 0;
        if (n > 1) return false;
    }
    return true;
}

static bool holds(const struct og_set *set, const float *v)
{
    const struct block_max *b = set->attr;
    size_t kept = 0;
    for (size_t r = 0; r < set->rows; r++) {
        int i = b->blocks.n - 1;
        while (i >= 0 && !row_holds(set, v + r * set->columns, (size_t)b->blocks.v[i]))
            i--;
        if (i < 0) return false;
        kept += blocks_in(set, i);
    }
    return kept <= b->kept;
}

// --- projection ------------------------------------------------------------------------

// A step of one row from blocks of one size to smaller ones.
struct step {
    uint32_t row;
    int from, to;
};
struct work {
    struct step *step;
    uint64_t *order, *spare;  // steps by falling gain
    int *size;                // of each row: number in the list
    size_t steps;
};

static double energy(const struct og_set *set, const float *row, size_t size)
{
    double sum = 0;
    for (size_t from = 0; from < set->columns; from += size) {
        double w = row[largest_in(row, from, end_of(set, from, size))];
        sum += w * w;
    }
    return sum;
}

// The steps of a row: from each size to that of the largest gain for each weight more.
static void add_steps(const struct og_set *set, const float *row, uint32_t r,
                      struct work *w)
{
    const struct block_max *b = set->attr;
    double e[OG_LIST_MAX];
    for (int i = 0; i < b->blocks.n; i++) e[i] = energy(set, row, (size_t)b->blocks.v[i]);
    for (int from = b->blocks.n - 1, to; from > 0; from = to) {
        double most = -1;
        to = -1;
        for (int i = from - 1; i >= 0; i--) {
            size_t more = blocks_in(set, i) - blocks_in(set, from);
            double gain = more > 0 ? (e[i] - e[from]) / (double)more : -1;
            if (gain > most) to = i;
            if (gain > most) most = gain;
        }
        if (to < 0) break;
        w->order[w->steps] = og_sort_key(-(float)most, w->steps);
        w->step[w->steps++] = (struct step){r, from, to};
    }
}

// A row's steps have falling gains, so they come in their order.
static void take_steps(const struct og_set *set, struct work *w)
{
    const struct block_max *b = set->attr;
    size_t left = b->kept - set->rows * blocks_in(set, b->blocks.n - 1);
    og_sort_keys(w->order, w->spare, w->steps);
    for (size_t i = 0; i < w->steps; i++) {
        const struct step *s = &w->step[(uint32_t)w->order[i]];
        size_t more = blocks_in(set, s->to) - blocks_in(set, s->from);
        if (w->size[s->row] != s->from || more > left) continue;
        w->size[s->row] = s->to;
        left -= more;
    }
}

static void keep_largest(const struct og_set *set, float *row, size_t size)
{
    for (size_t from = 0; from < set->columns; from += size) {
        size_t end = end_of(set, from, size), best = largest_in(row, from, end);
        for (size_t i = from; i < end; i++)
            if (i != best) row[i] = 0;
    }
}

static og_status project(const struct og_set *set, float *z, struct og_error *err)
{
    const struct block_max *b = set->attr;
    if (holds(set, z)) return OG_OK;
    size_t most = set->rows * (size_t)b->blocks.n;
    struct work w = {og_alloc(most, sizeof *w.step), og_alloc(most, sizeof *w.order),
                     og_alloc(most, sizeof *w.spare), og_alloc(set->rows, sizeof *w.size),
                     0};
    bool good = w.step && w.order && w.spare && w.size;
    for (size_t r = 0; good && r < set->rows; r++) {
        w.size[r] = b->blocks.n - 1;
        add_steps(set, z + r * set->columns, (uint32_t)r, &w);
    }
    if (good) take_steps(set, &w);
    for (size_t r = 0; good && r < set->rows; r++)
        keep_largest(set, z + r * set->columns, (size_t)b->blocks.v[w.size[r]]);
    og_free(w.step);
    og_free(w.order);
    og_free(w.spare);
    og_free(w.size);
    return good ? OG_OK : og_set_no_memory(err);
}

const struct og_set_type og_set_block_max = {fields, sizeof(struct block_max), check,
                                             project, holds};
