// SPDX-License-Identifier: GPL-3.0-or-later
// Kinds that keep the strongest rectangles. `tile` is [word lines, bit lines], that is
// columns of the matrix first (a filter is a bit line); `block` is [rows, columns] of it.
#include "learn/set_groups.h"

static const struct og_field amount_fields[] = {OG_AMOUNT_ROWS, {.key = NULL}};

static og_status check(struct og_set *set, const size_t group[2], const size_t pool[2],
                       const og_item *item, struct og_error *err)
{
    struct og_groups *g = set->attr;
    for (int i = 0; i < 2; i++) {
        g->group[i] = group[i];
        g->pool[i] = pool[i];
    }
    return og_groups_check(set, item, err);
}

static og_status check_whole(struct og_set *set, size_t rows, size_t columns,
                             const og_item *item, struct og_error *err)
{
    return check(set, (size_t[]){rows, columns}, (size_t[]){set->rows, set->columns},
                 item, err);
}

static og_status check_irregular(struct og_set *set, const og_item *item,
                                 struct og_error *err)
{
    return check_whole(set, 1, 1, item, err);
}

static og_status check_filter(struct og_set *set, const og_item *item,
                              struct og_error *err)
{
    return check_whole(set, 1, set->columns, item, err);
}

static og_status check_column(struct og_set *set, const og_item *item,
                              struct og_error *err)
{
    return check_whole(set, set->rows, 1, item, err);
}

static og_status check_channel(struct og_set *set, const og_item *item,
                               struct og_error *err)
{
    return check_whole(set, set->rows, set->shape.height * set->shape.width, item, err);
}

const struct og_set_type og_set_irregular = {amount_fields, sizeof(struct og_groups),
                                             check_irregular, og_groups_project,
                                             og_groups_hold};
const struct og_set_type og_set_filter = {amount_fields, sizeof(struct og_groups),
                                          check_filter, og_groups_project,
                                          og_groups_hold};
const struct og_set_type og_set_column = {amount_fields, sizeof(struct og_groups),
                                          check_column, og_groups_project,
                                          og_groups_hold};
const struct og_set_type og_set_channel = {amount_fields, sizeof(struct og_groups),
                                           check_channel, og_groups_project,
                                           og_groups_hold};

// --- whole kernels (PatDNN, ASPLOS 2020: connectivity) ---------------------------------

static const struct og_field connectivity_fields[] = {
    OG_AMOUNT_ROWS,
    {.key = "balanced",
     .type = OG_FIELD_BOOL,
     .offset = offsetof(struct og_groups, local),
     .def = "false",
     .stage = OG_STAGE_TRAIN,
     .help = "Every filter keeps equally many kernels; keep and count are per filter."},
    {.key = NULL},
};

static og_status check_connectivity(struct og_set *set, const og_item *item,
                                    struct og_error *err)
{
    const struct og_groups *g = set->attr;
    size_t kernel = set->shape.height * set->shape.width;
    return check(set, (size_t[]){1, kernel},
                 (size_t[]){g->local ? 1 : set->rows, set->columns}, item, err);
}

const struct og_set_type og_set_connectivity = {
    connectivity_fields, sizeof(struct og_groups), check_connectivity, og_groups_project,
    og_groups_hold};

// --- n of m ----------------------------------------------------------------------------

static const struct og_field n_m_fields[] = {
    {.key = "n",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct og_groups, n),
     .min = 1,
     .max = 1e6,
     .stage = OG_STAGE_TRAIN,
     .help = "Weights kept in each run."},
    {.key = "m",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct og_groups, m),
     .min = 1,
     .max = 1e6,
     .stage = OG_STAGE_TRAIN,
     .help =
         "Length of a run along a filter, in the order of channel, y, x; the last one "
         "of a filter may be shorter, and keeps up to n as well."},
    {.key = NULL},
};

static og_status check_n_m(struct og_set *set, const og_item *item, struct og_error *err)
{
    struct og_groups *g = set->attr;
    if (g->n > g->m)
        return og_set_fail(item, "n", err, "%d is more than m, %d", g->n, g->m);
    // A filter shorter than m is one run, of which no more than all can be kept.
    size_t run = (size_t)g->m < set->columns ? (size_t)g->m : set->columns;
    g->amount.count = (size_t)g->n < run ? g->n : (int)run;
    return check(set, (size_t[]){1, 1}, (size_t[]){1, run}, item, err);
}

const struct og_set_type og_set_n_m = {n_m_fields, sizeof(struct og_groups), check_n_m,
                                       og_groups_project, og_groups_hold};

// --- crossbar tiles (Yuan et al., ISLPED 2019) -----------------------------------------

#define TILE_ROW                                                                         \
    {                                                                                    \
        .key = "tile", .type = OG_FIELD_LIST,                                            \
        .offset = offsetof(struct og_groups, size), .stage = OG_STAGE_TRAIN,             \
        .help = "Size of the crossbar, [word lines, bit lines]."                         \
    }

static const struct og_field tile_fields[] = {
    OG_AMOUNT_ROWS,
    TILE_ROW,
    {.key = NULL},
};
static const struct og_field tile_line_fields[] = {
    OG_AMOUNT_ROWS,
    TILE_ROW,
    {.key = "within",
     .type = OG_FIELD_BOOL,
     .choices = "tensor tile",
     .offset = offsetof(struct og_groups, local),
     .def = "tensor",
     .stage = OG_STAGE_TRAIN,
     .help = "Where keep and count are counted: over all, or in each tile."},
    {.key = NULL},
};

// Group and pool of lines of a tile of `rows` x `columns` of the matrix.
static og_status check_lines(struct og_set *set, const size_t tile[2],
                             const size_t line[2], const og_item *item,
                             struct og_error *err)
{
    const struct og_groups *g = set->attr;
    size_t whole[2] = {set->rows, set->columns};
    // Lines must not run on past a tile, so pools are tiles or the matrix as one.
    return check(set, line, g->local ? tile : whole, item, err);
}

static og_status tile_of(struct og_set *set, const og_item *item, size_t tile[2],
                         struct og_error *err)
{
    const struct og_groups *g = set->attr;
    size_t pair[2];
    OG_TRY(og_pair_check(&g->size, "tile", item, pair, err));
    tile[0] = pair[1];
    tile[1] = pair[0];
    return OG_OK;
}

static og_status check_tile(struct og_set *set, const og_item *item, struct og_error *err)
{
    size_t tile[2];
    OG_TRY(tile_of(set, item, tile, err));
    return check_whole(set, tile[0], tile[1], item, err);
}

static og_status check_tile_rows(struct og_set *set, const og_item *item,
                                 struct og_error *err)
{
    size_t tile[2];
    OG_TRY(tile_of(set, item, tile, err));
    return check_lines(set, tile, (size_t[]){tile[0], 1}, item, err);
}

static og_status check_tile_columns(struct og_set *set, const og_item *item,
                                    struct og_error *err)
{
    size_t tile[2];
    OG_TRY(tile_of(set, item, tile, err));
    return check_lines(set, tile, (size_t[]){1, tile[1]}, item, err);
}

const struct og_set_type og_set_tile = {tile_fields, sizeof(struct og_groups), check_tile,
                                        og_groups_project, og_groups_hold};
const struct og_set_type og_set_tile_rows = {tile_line_fields, sizeof(struct og_groups),
                                             check_tile_rows, og_groups_project,
                                             og_groups_hold};
const struct og_set_type og_set_tile_columns = {
    tile_line_fields, sizeof(struct og_groups), check_tile_columns, og_groups_project,
    og_groups_hold};

// --- lines of blocks (BLK-REW, 2020) ---------------------------------------------------

static const struct og_field block_fields[] = {
    OG_AMOUNT_ROWS,
    {.key = "block",
     .type = OG_FIELD_LIST,
     .offset = offsetof(struct og_groups, size),
     .stage = OG_STAGE_TRAIN,
     .help = "Size of a block, [rows, columns] of the matrix (a row is a filter)."},
    {.key = "within",
     .type = OG_FIELD_BOOL,
     .choices = "tensor block",
     .offset = offsetof(struct og_groups, local),
     .def = "tensor",
     .stage = OG_STAGE_TRAIN,
     .help = "Where keep and count are counted: over all, or in each block."},
    {.key = NULL},
};

static og_status check_block_rows(struct og_set *set, const og_item *item,
                                  struct og_error *err)
{
    const struct og_groups *g = set->attr;
    size_t block[2];
    OG_TRY(og_pair_check(&g->size, "block", item, block, err));
    return check_lines(set, block, (size_t[]){1, block[1]}, item, err);
}

static og_status check_block_columns(struct og_set *set, const og_item *item,
                                     struct og_error *err)
{
    const struct og_groups *g = set->attr;
    size_t block[2];
    OG_TRY(og_pair_check(&g->size, "block", item, block, err));
    return check_lines(set, block, (size_t[]){block[0], 1}, item, err);
}

const struct og_set_type og_set_block_rows = {block_fields, sizeof(struct og_groups),
                                              check_block_rows, og_groups_project,
                                              og_groups_hold};
const struct og_set_type og_set_block_columns = {block_fields, sizeof(struct og_groups),
                                                 check_block_columns, og_groups_project,
                                                 og_groups_hold};
