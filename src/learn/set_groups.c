// SPDX-License-Identifier: GPL-3.0-or-later
#include "learn/set_groups.h"

#include "base/mem.h"

static size_t ceil_div(size_t a, size_t b) { return (a + b - 1) / b; }
static size_t least(size_t a, size_t b) { return a < b ? a : b; }

// Pools along both sides of the matrix, and groups along both sides of a whole pool.
struct grid {
    size_t pools[2], groups[2];
};

static struct grid grid_of(const struct og_set *set)
{
    const struct og_groups *g = set->attr;
    return (struct grid){
        {ceil_div(set->rows, g->pool[0]), ceil_div(set->columns, g->pool[1])},
        {ceil_div(g->pool[0], g->group[0]), ceil_div(g->pool[1], g->group[1])}};
}

og_status og_groups_check(struct og_set *set, const og_item *item, struct og_error *err)
{
    struct og_groups *g = set->attr;
    size_t side[2] = {set->rows, set->columns};
    for (int i = 0; i < 2; i++) {
        g->pool[i] = least(g->pool[i], side[i]);
        g->group[i] = least(g->group[i], g->pool[i]);
    }
    struct grid grid = grid_of(set);
    return og_amount_check(&g->amount, grid.groups[0] * grid.groups[1], item, err);
}

// Groups kept in a pool; one at the end of the matrix may have fewer.
static size_t kept_in(const struct og_set *set, size_t pool_row, size_t pool_column)
{
    const struct og_groups *g = set->attr;
    size_t rows = least(g->pool[0], set->rows - pool_row * g->pool[0]);
    size_t columns = least(g->pool[1], set->columns - pool_column * g->pool[1]);
    return og_amount_of(&g->amount,
                        ceil_div(rows, g->group[0]) * ceil_div(columns, g->group[1]));
}

// A row of a group: `n` weights of row `row` from `column`, whose key is `key`.
struct run {
    size_t row, column, n, key;
};

// The run after `r` in the order of the weights; false after the last.
static bool next_run(const struct og_set *set, const struct grid *grid, struct run *r)
{
    const struct og_groups *g = set->attr;
    r->column += r->n;
    if (r->column == set->columns) {
        r->column = 0;
        r->row++;
    }
    if (r->row == set->rows) return false;
    size_t down = r->row / g->pool[0], right = r->column / g->pool[1];
    size_t y = r->row % g->pool[0] / g->group[0], in_pool = r->column % g->pool[1];
    size_t x = in_pool / g->group[1];
    r->n = least(least((x + 1) * g->group[1], g->pool[1]) - in_pool,
                 set->columns - r->column);
    r->key =
        ((down * grid->pools[1] + right) * grid->groups[0] + y) * grid->groups[1] + x;
    return true;
}

static void add_squares(const struct og_set *set, const struct grid *grid, const float *z,
                        double *key)
{
    struct run r = {0};
    while (next_run(set, grid, &r)) {
        const float *w = z + r.row * set->columns + r.column;
        double sum = 0;
        for (size_t i = 0; i < r.n; i++) sum += (double)w[i] * w[i];
        key[r.key] += sum;
    }
}

static void zero_others(const struct og_set *set, const struct grid *grid,
                        const double *kept, float *z)
{
    struct run r = {0};
    while (next_run(set, grid, &r)) {
        float *w = z + r.row * set->columns + r.column;
        if (kept[r.key] == 0)
            for (size_t i = 0; i < r.n; i++) w[i] = 0;
    }
}

og_status og_groups_project(const struct og_set *set, float *z, struct og_error *err)
{
    struct grid grid = grid_of(set);
    size_t groups = grid.groups[0] * grid.groups[1];
    double *key = og_alloc(grid.pools[0] * grid.pools[1] * groups, sizeof *key);
    if (key == NULL) return og_set_no_memory(err);
    add_squares(set, &grid, z, key);
    // Groups that a cut pool lacks have key 0 and so never displace one that matters.
    for (size_t y = 0; y < grid.pools[0]; y++)
        for (size_t x = 0; x < grid.pools[1]; x++)
            og_select_largest(key + (y * grid.pools[1] + x) * groups, groups,
                              kept_in(set, y, x));
    zero_others(set, &grid, key, z);
    og_free(key);
    return OG_OK;
}

static bool all_zero(const struct og_set *set, const float *v, const size_t from[2],
                     const size_t to[2])
{
    for (size_t y = from[0]; y < to[0]; y++)
        for (size_t x = from[1]; x < to[1]; x++)
            if (v[y * set->columns + x] != 0) return false;
    return true;
}

static size_t count_groups(const struct og_set *set, const float *v, size_t pool_row,
                           size_t pool_column)
{
    const struct og_groups *g = set->attr;
    size_t from[2] = {pool_row * g->pool[0], pool_column * g->pool[1]};
    size_t end[2] = {least(from[0] + g->pool[0], set->rows),
                     least(from[1] + g->pool[1], set->columns)};
    size_t n = 0;
    for (size_t y = from[0]; y < end[0]; y += g->group[0]) {
        for (size_t x = from[1]; x < end[1]; x += g->group[1]) {
            size_t first[2] = {y, x};
            size_t last[2] = {least(y + g->group[0], end[0]),
                              least(x + g->group[1], end[1])};
            n += !all_zero(set, v, first, last);
        }
    }
    return n;
}

bool og_groups_hold(const struct og_set *set, const float *v)
{
    struct grid grid = grid_of(set);
    for (size_t y = 0; y < grid.pools[0]; y++)
        for (size_t x = 0; x < grid.pools[1]; x++)
            if (count_groups(set, v, y, x) > kept_in(set, y, x)) return false;
    return true;
}

// --- regularisers ----------------------------------------------------------------------

static size_t all_groups(const struct grid *grid)
{
    return grid->pools[0] * grid->pools[1] * grid->groups[0] * grid->groups[1];
}

size_t og_set_groups(const og_set *set)
{
    if (set->type->project != og_groups_project) return 0;
    struct grid grid = grid_of(set);
    return all_groups(&grid);
}

void og_set_group_squares(const og_set *set, const float *w, double *sum)
{
    struct grid grid = grid_of(set);
    for (size_t i = 0, n = all_groups(&grid); i < n; i++) sum[i] = 0;
    add_squares(set, &grid, w, sum);
}

void og_set_group_values(const og_set *set, const double *value, float *to)
{
    struct grid grid = grid_of(set);
    struct run r = {0};
    while (next_run(set, &grid, &r))
        for (size_t i = 0; i < r.n; i++)
            to[r.row * set->columns + r.column + i] = (float)value[r.key];
}
