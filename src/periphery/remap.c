// SPDX-License-Identifier: GPL-3.0-or-later
#include <math.h>
#include <string.h>

#include "crossbar/assign.h"
#include "periphery/faults.h"

// --- the error of a weight -----------------------------------------------------------

static float digit(const struct og_mapping *m, int slice, size_t number)
{
    float q;
    og_mapping_slice(m, slice, number, 1, &q);
    return q;
}

// In parts of the conductance range, of the two devices (one) of a weight with faults f.
static float pair_error(const struct og_fault_tile *s, const uint8_t f[2], float q)
{
    const struct og_mapping *m = &s->a->map;
    const int sides = og_mapping_sides(m);
    const bool partners = (m->hw.mapping.remap & OG_REMAP_PARTNERS) != 0;
    float t[2] = {0, 0}, is[2];
    for (int k = 0; k < sides; k++) og_mapping_target(m, k, &q, &t[k], 1);
    for (int k = 0; k < 2; k++) is[k] = f[k] != OG_HEALTHY ? s->stuck[f[k]] : t[k];
    for (int k = 0; partners && k < 2; k++)
        if (f[k] == OG_HEALTHY && f[1 - k] != OG_HEALTHY)
            is[k] = og_taken_on(t[k], t[1 - k], is[1 - k]);
    return (is[0] - t[0]) - (is[1] - t[1]);
}

// Squared, of weight (i, j) of the tile whose devices have the faults code[set * all].
// The weights of a network that has diverged have no best place: 0.
static double weight_error(const struct og_fault_tile *s, size_t i, size_t j,
                           const uint8_t *code, size_t all, bool flip)
{
    const struct og_array *a = s->a;
    const struct og_mapping *m = &a->map;
    const size_t cell = (s->row0 + i) * m->cols + s->col0 + j;
    const int sides = og_mapping_sides(m);
    double error = 0;
    for (int slice = 0; slice < m->slices; slice++) {
        const float q = digit(m, slice, cell);
        for (int copy = 0; copy < a->copies; copy++) {
            uint8_t f[2] = {OG_HEALTHY, OG_HEALTHY};
            for (int k = 0; k < sides; k++)
                f[k] = code[og_fault_set(a, copy, slice, flip ? 1 - k : k) * all];
            error += (double)(og_slice_weight(m, slice) * pair_error(s, f, q));
        }
    }
    error *= (double)(og_mapping_gain(m, 0) / m->D) / a->copies;
    error *= (double)m->w_max[s->row0 / m->tile_rows * m->cols + s->col0 + j];
    return isfinite(error) ? error * error : 0;
}

// The same on physical line `row` and column `place`.
static double error_at(const struct og_fault_tile *s, size_t i, size_t j, size_t row,
                       size_t place, bool flip)
{
    const struct og_mapping *m = &s->a->map;
    const size_t at = (s->row0 + row) * s->f->width + s->first + place;
    if (s->f->any[at] == 0 || og_missing(m, s->row0 + i, s->col0 + j)) return 0;
    return weight_error(s, i, j, s->f->physical + at, m->rows * s->f->width, flip);
}

// --- places --------------------------------------------------------------------------

static bool remaps(const struct og_fault_tile *s, enum og_remap what)
{
    return (s->a->map.hw.mapping.remap & (int)what) != 0;
}

// Of column j in a place, one way round.
static double column_error(const struct og_fault_tile *s, size_t j, size_t place,
                           bool flip)
{
    const uint8_t *any = s->f->any + s->row0 * s->f->width + s->first + place;
    double sum = 0;
    for (size_t row = 0; row < s->rows; row++)
        if (any[row * s->f->width] != 0)
            sum += error_at(s, s->f->line[row], j, row, place, flip);
    return sum;
}

// The better way round, if that may be chosen.
static double column_cost(const struct og_fault_tile *s, size_t j, size_t place,
                          uint8_t *flip)
{
    const double plain = column_error(s, j, place, false);
    *flip = 0;
    if (plain == 0 || !remaps(s, OG_REMAP_SIDES)) return plain;
    const double turned = column_error(s, j, place, true);
    *flip = turned < plain;
    return turned < plain ? turned : plain;
}

static void set_columns(const struct og_fault_tile *s, const uint32_t *to)
{
    for (size_t j = 0; j < s->cols; j++) {
        s->f->col[j] = to[j];
        column_cost(s, j, to[j], &s->f->flip[j]);
    }
}

static void assign_columns(const struct og_fault_tile *s)
{
    uint8_t flip;
    for (size_t j = 0; j < s->cols; j++)
        for (size_t p = 0; p < s->places; p++)
            s->f->cost[j * s->places + p] = column_cost(s, j, p, &flip);
    og_assign(s->f->cost, s->cols, s->places, s->f->to, s->f->work);
    set_columns(s, s->f->to);
}

// Spare columns one after the other where they lessen the error most.
static void replace_columns(const struct og_fault_tile *s)
{
    const size_t spares = s->places - s->cols;
    double *cost = s->f->cost;  // [cols][1 + spares]: of the own place, of each spare one
    uint8_t flip;
    for (size_t j = 0; j < s->cols; j++) {
        s->f->to[j] = (uint32_t)j;
        cost[j * (1 + spares)] = column_cost(s, j, j, &flip);
        for (size_t k = 0; k < spares; k++)
            cost[j * (1 + spares) + 1 + k] = column_cost(s, j, s->cols + k, &flip);
    }
    for (size_t turn = 0; turn < spares; turn++) {
        double most = 0;
        size_t best = 0, spare = 0;
        for (size_t j = 0; j < s->cols; j++)
            for (size_t k = 1; k <= spares; k++) {
                const double *own = cost + j * (1 + spares);
                if (s->f->to[j] != j || own[0] - own[k] <= most) continue;
                most = own[0] - own[k];
                best = j;
                spare = k;
            }
        if (most == 0) break;
        s->f->to[best] = (uint32_t)(s->cols + spare - 1);
        for (size_t j = 0; j < s->cols; j++) cost[j * (1 + spares) + spare] = INFINITY;
    }
    set_columns(s, s->f->to);
}

// Word lines [row0, row0 + n) of the tile among themselves.
static void assign_rows(const struct og_fault_tile *s, size_t row0, size_t n)
{
    memset(s->f->cost, 0, n * n * sizeof *s->f->cost);
    for (size_t row = 0; row < n; row++)
        for (size_t j = 0; j < s->cols; j++) {
            const size_t place = s->f->col[j];
            const size_t at = (s->row0 + row0 + row) * s->f->width + s->first + place;
            for (size_t i = 0; s->f->any[at] != 0 && i < n; i++)
                s->f->cost[i * n + row] +=
                    error_at(s, row0 + i, j, row0 + row, place, s->f->flip[j]);
        }
    og_assign(s->f->cost, n, n, s->f->to, s->f->work);
    for (size_t i = 0; i < n; i++) {
        s->f->row[row0 + i] = (uint32_t)row0 + s->f->to[i];
        s->f->line[row0 + s->f->to[i]] = (uint32_t)(row0 + i);
    }
}

static void place_columns(const struct og_fault_tile *s)
{
    if (remaps(s, OG_REMAP_COLUMNS))
        assign_columns(s);
    else if (s->places > s->cols)
        replace_columns(s);
    else
        set_columns(s, s->f->col);
}

static void place_tile(const struct og_fault_tile *s)
{
    const struct og_mapping *m = &s->a->map;
    const size_t step = og_fewer(m->active, m->array_rows);
    for (size_t j = 0; j < s->cols; j++) s->f->col[j] = (uint32_t)j;
    for (size_t i = 0; i < s->rows; i++) s->f->row[i] = s->f->line[i] = (uint32_t)i;
    place_columns(s);
    if (!remaps(s, OG_REMAP_ROWS)) return;
    for (size_t row = 0; row < s->rows; row += step)
        assign_rows(s, row, og_fewer(step, s->rows - row));
    if (remaps(s, OG_REMAP_COLUMNS)) assign_columns(s);
}

static void take_tile(const struct og_fault_tile *s)
{
    const struct og_mapping *m = &s->a->map;
    const int sides = og_mapping_sides(m);
    for (size_t set = 0; set < og_fault_sets(s->a); set++)
        for (size_t i = 0; i < s->rows; i++)
            for (size_t j = 0; j < s->cols; j++) {
                const size_t swapped = set / (size_t)sides * (size_t)sides +
                                       (size_t)sides - 1 - set % (size_t)sides;
                const size_t from = s->f->flip[j] ? swapped : set;
                const size_t row = from * m->rows + s->row0 + s->f->row[i];
                s->f->logical[(set * m->rows + s->row0 + i) * m->cols + s->col0 + j] =
                    s->f->physical[row * s->f->width + s->first + s->f->col[j]];
            }
}

static void keep_places(const struct og_fault_tile *s)
{
    const struct og_mapping *m = &s->a->map;
    const size_t row_at = s->col0 / m->tile_cols * m->rows + s->row0;
    const size_t col_at = s->row0 / m->tile_rows * m->cols + s->col0;
    if (s->f->kept_row == NULL) return;
    for (size_t i = 0; i < s->rows; i++)
        s->f->kept_row[row_at + i] = (uint32_t)s->row0 + s->f->row[i];
    for (size_t j = 0; j < s->cols; j++) {
        s->f->kept_col[col_at + j] = s->f->col[j];
        s->f->kept_flip[col_at + j] = s->f->flip[j];
    }
}

void og_faults_place(struct og_array *a)
{
    struct og_faults *f = a->faults;
    if (f == NULL) return;
    og_faults_find(a);
    if (f->to == NULL) {
        memcpy(f->logical, f->physical, og_fault_sets(a) * a->map.rows * f->width);
        return;
    }
    for (size_t row = 0; row < a->map.rows; row += a->map.tile_rows)
        for (size_t col = 0; col < a->map.cols; col += a->map.tile_cols) {
            const struct og_fault_tile s = og_fault_tile_at(a, row, col);
            place_tile(&s);
            take_tile(&s);
            keep_places(&s);
        }
}

struct og_fault_info og_array_fault_info(const og_array *a)
{
    const struct og_mapping *m = &a->map;
    const size_t all = m->rows * m->cols;
    struct og_fault_info info = {0};
    double sum = 0;
    size_t weights = 0;
    for (size_t k = 0; a->faults != NULL && k < all; k++) {
        const size_t i = k / m->cols, j = k % m->cols;
        const size_t row0 = i / m->tile_rows * m->tile_rows,
                     col0 = j / m->tile_cols * m->tile_cols;
        const uint8_t *code = a->faults->logical + k;
        if (og_missing(m, i, j)) continue;
        weights++;
        bool any = false;
        for (size_t set = 0; set < og_fault_sets(a); set++) {
            info.stuck += code[set * all] != OG_HEALTHY;
            any |= code[set * all] != OG_HEALTHY;
        }
        if (!any) continue;
        const struct og_fault_tile s = og_fault_tile_at(a, row0, col0);
        sum += weight_error(&s, i - row0, j - col0, code, all, false);
    }
    info.devices = weights * og_fault_sets(a);
    if (weights > 0) info.error = sqrt(sum / (double)weights) / (double)m->w_ref;
    return info;
}
