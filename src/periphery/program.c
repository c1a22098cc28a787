// SPDX-License-Identifier: GPL-3.0-or-later
// Programming an array: every device of every slice, side and copy gets its errors, and
// the errors of all devices that carry one weight are added up to one number per weight.
#include <math.h>
#include <string.h>

#include "device/sigma.h"
#include "periphery/adcs.h"
#include "periphery/faults.h"
#include "periphery/ramps.h"
#include "periphery/wired.h"

enum { REFERENCE_SET = 1 << 20, WEIGHT_SET = 1 << 21 };

// Numbers first .. first + n - 1 of the weights of one slice.
struct span {
    int slice;
    size_t first, n;
    bool slope;
};

struct span_buffers {
    float q[OG_CELL_CHUNK], t[OG_CELL_CHUNK], asked[OG_CELL_CHUNK], dev[OG_CELL_CHUNK],
        var[OG_CELL_CHUNK], slope[OG_CELL_CHUNK], g[OG_CELL_CHUNK],
        flicker[OG_CELL_CHUNK];
};

// What side `side` of the matrix carries before any error. Only columns that are
// converted apart show the conductance that a pair has in common.
static void nominal_span(const struct og_array *a, int side, const float *q, float *e,
                         size_t n)
{
    const struct og_device *d = &a->map.hw.device;
    float D = a->map.D_slice, sign = side == 0 ? 1.0f : -1.0f;
    float common = D * (float)(d->g_min / (d->g_max - d->g_min));
    if (a->sides == 1) {
        for (size_t k = 0; k < n; k++) e[k] = q[k] + a->base;
    } else if (a->map.hw.mapping.scheme == OG_DIFFERENTIAL) {
        for (size_t k = 0; k < n; k++)
            e[k] = (sign * q[k] > 0 ? sign * q[k] : 0) + common;
    } else {
        for (size_t k = 0; k < n; k++) e[k] = (D + sign * q[k]) / 2 + common;
    }
}

// d(deviation of q)/dq through sigma(g): one-sided devices follow |q| on their own side
// only, two-sided ones by half, offset ones in full.
static void add_slope(const struct og_array *a, const struct span *s,
                      const struct span_buffers *b)
{
    enum og_scheme scheme = a->map.hw.mapping.scheme;
    bool one_sided = scheme == OG_DIFFERENTIAL;
    float share = (scheme == OG_DIFFERENTIAL_TWO_SIDED ? 0.5f : 1.0f) / (float)a->copies;
    float *to = a->slope + s->first;
    for (size_t k = 0; k < s->n; k++)
        to[k] += !one_sided || b->t[k] > 0 ? share * b->slope[k] : 0;
}

// Noise that follows the conductance itself.
static void add_conductance_noise(const struct og_array *a, const struct og_cells *cells,
                                  int side, const struct og_cell_io *io, size_t at)
{
    const float thermal = og_thermal_of(a, side);
    const size_t sides = (size_t)og_mapping_sides(&a->map);
    const size_t set = (size_t)(cells->set / 2) * sides + (size_t)side;
    const struct og_device_set devices = og_device_set(a, set);
    float *one = a->device_s;
    // Wires ask for it later.
    for (size_t k = 0; a->s != NULL && a->wired == NULL && k < io->n; k++)
        a->s[at + k] += thermal * io->g[k];
    if (one != NULL) one += set * a->map.rows * a->map.cols + io->first;
    for (size_t k = 0; one != NULL && k < io->n; k++) one[k] = thermal * io->g[k];
    float gain = og_mapping_gain(&a->map, side);
    og_clocked_take(a, &devices, cells, a->sides == 2 ? fabsf(gain) : gain, io);
}

static void add_device(const struct og_array *a, const struct span *s, int copy, int side,
                       struct span_buffers *b, size_t at)
{
    float *e = a->e + at, *v = og_varied(a) ? a->v + at : NULL;
    struct og_cells cells = og_cells_of(a, copy, s->slice, side);
    bool variance = v != NULL || a->sd != NULL;
    float *var = b->var;  // wires ask for it later
    if (a->wired != NULL && variance) var = og_wired_variance(a, copy, side) + s->first;
    const struct og_device_run run = {copy, s->slice, side, s->first, s->n};
    const bool moved = og_device_targets(a, &run, b->q, b->asked);
    og_mapping_target(&a->map, side, b->q, b->t, s->n);
    struct og_cell_io io = {
        .first = s->first,
        .n = s->n,
        .target = b->asked,
        .off = a->map.off == NULL ? NULL : a->map.off + s->first,
        .deviation = b->dev,
        .read_variance = variance ? var : NULL,
        .slope = s->slope ? b->slope : NULL,
        .flicker = a->flicker == NULL ? NULL : b->flicker,
        .g = a->wired == NULL ? b->g : og_wired_g(a, copy, s->slice, side) + s->first,
    };
    og_cells_program(&cells, &io);
    for (size_t k = 0; moved && k < s->n; k++) b->dev[k] += b->asked[k] - b->t[k];
    add_conductance_noise(a, &cells, side, &io, at);
    float gain = og_mapping_gain(&a->map, side), copies = (float)a->copies;
    if (a->sides == 2) gain = fabsf(gain);
    for (size_t k = 0; k < s->n; k++) e[k] += gain * b->dev[k] / copies;
    float power = gain * gain / (copies * copies);
    if (v != NULL && a->wired == NULL)
        for (size_t k = 0; k < s->n; k++) v[k] += power * var[k];
    if (a->sd != NULL) {
        size_t sides = (size_t)og_mapping_sides(&a->map), all = a->map.rows * a->map.cols;
        size_t set = ((size_t)(copy * a->map.slices + s->slice)) * sides + (size_t)side;
        float *sd = a->sd + set * all + s->first, root = sqrtf(power);
        for (size_t k = 0; k < s->n; k++) sd[k] = root * sqrtf(var[k]);
    }
    if (s->slope) add_slope(a, s, b);
}

// hardware.weight_noise.programmed: of the weight itself, whatever carries it; there is
// one slice and one side then.
static void add_weight_noise(const struct og_array *a, const struct span *s)
{
    float sigma = (float)a->map.hw.weight_noise.programmed * a->map.D, z[OG_CELL_CHUNK];
    if (!(sigma > 0)) return;
    struct og_stream stream = og_stream_named(a->chip.seed, OG_PROGRAMMING, a->chip.trial,
                                              a->shape.layer, WEIGHT_SET);
    og_gauss_fill(&stream, (struct og_index){a->chip.draw, 0, 0}, s->first, z, s->n);
    for (size_t k = 0; k < s->n; k++) a->e[s->first + k] += sigma * z[k];
}

static void program_span(const struct og_array *a, const struct span *s)
{
    struct span_buffers b;
    size_t all = a->map.rows * a->map.cols;
    og_mapping_slice(&a->map, s->slice, s->first, s->n, b.q);
    bool varied = og_varied(a);
    for (int side = 0; side < a->sides; side++) {
        nominal_span(a, side, b.q, a->e + (size_t)side * all + s->first, s->n);
        float *v = varied ? a->v + (size_t)side * all + s->first : NULL;
        for (size_t k = 0; varied && k < s->n; k++) v[k] = og_weight_variance(a);
        if (a->s != NULL)
            memset(a->s + (size_t)side * all + s->first, 0, s->n * sizeof *a->s);
    }
    add_weight_noise(a, s);
    const bool plain = a->sd == NULL && a->s == NULL && a->device_s == NULL &&
                       !og_clocked(a) && a->wired == NULL && a->faults == NULL;
    if (!varied && plain && !og_cells_deviate(&a->map.hw.device, a->t, a->reads)) return;
    for (int copy = 0; copy < a->copies; copy++)
        for (int side = 0; side < og_mapping_sides(&a->map); side++) {
            size_t at = (a->sides == 2 ? (size_t)side * all : 0) + s->first;
            add_device(a, s, copy, side, &b, at);
        }
}

// Lines without devices carry nothing, neither errors nor noise.
static void clear_gone(const struct og_array *a, int slice, bool slope)
{
    const struct og_mapping *m = &a->map;
    size_t all = m->rows * m->cols, sides = (size_t)og_mapping_sides(m);
    if (!m->any_gone) return;
    for (int side = 0; side < a->sides; side++) {
        og_lines_clear(m, a->e + (size_t)side * all);
        if (og_varied(a)) og_lines_clear(m, a->v + (size_t)side * all);
        if (a->s != NULL) og_lines_clear(m, a->s + (size_t)side * all);
    }
    for (int copy = 0; copy < a->copies; copy++)
        for (size_t side = 0; side < sides; side++) {
            size_t set = (size_t)(copy * m->slices + slice) * sides + side;
            if (a->sd != NULL) og_lines_clear(m, a->sd + set * all);
            if (a->device_s != NULL) og_lines_clear(m, a->device_s + set * all);
            if (a->flicker != NULL) og_lines_clear(m, og_flicker_steps(a) + set * all);
        }
    if (slope) og_lines_clear(m, a->slope);
}

// One set of reference devices, numbers first .. first + n - 1: added to ref, and their
// variances to ref_sd.
static void add_reference(struct og_array *a, int copy, int slice, size_t first, size_t n)
{
    float flicker[OG_CELL_CHUNK];
    float dev[OG_CELL_CHUNK], own[OG_CELL_CHUNK], t[OG_CELL_CHUNK], own_g[OG_CELL_CHUNK];
    float gain = og_mapping_gain(&a->map, 0), copies = (float)a->copies, *var = own;
    float *g = own_g;
    if (a->wired != NULL) {
        size_t at = (size_t)copy * a->map.rows * a->map.col_tiles + first;
        g = a->wired->ref_g + at;
        var = a->wired->ref_variance + at;
    }
    struct og_cells cells = {&a->map.hw.device,
                             a->chip,
                             a->shape.layer,
                             (uint32_t)(REFERENCE_SET + copy),
                             a->t,
                             a->reads,
                             NULL};
    struct og_cell_io io = {.first = first,
                            .n = n,
                            .target = t,
                            .deviation = dev,
                            .g = g,
                            .read_variance = var,
                            .flicker = a->flicker == NULL ? NULL : flicker};
    const struct og_device_set devices = og_reference_set(a, copy, slice);
    for (size_t k = 0; k < n; k++) t[k] = 0.5f;
    og_cells_program(&cells, &io);
    for (size_t k = 0; k < n; k++) a->ref[first + k] += gain * dev[k] / copies;
    og_clocked_take(a, &devices, &cells, gain, &io);
    for (size_t k = 0; a->ref_s != NULL && a->wired == NULL && k < n; k++)
        a->ref_s[first + k] += og_thermal_of(a, 0) * g[k];
    if (a->ref_sd == NULL || a->wired != NULL) return;
    for (size_t k = 0; k < n; k++)
        a->ref_sd[first + k] += gain * gain * var[k] / (copies * copies);
}

// The reference column of the offset scheme: in each tile one device per row in the
// middle of the range, shared by the columns of the tile.
static void program_reference(struct og_array *a, int slice)
{
    size_t rows = a->map.rows, cols = a->map.cols, all = rows * a->map.col_tiles;
    memset(a->ref, 0, all * sizeof *a->ref);
    if (a->ref_sd != NULL) memset(a->ref_sd, 0, all * sizeof *a->ref_sd);
    if (a->ref_s != NULL) memset(a->ref_s, 0, all * sizeof *a->ref_s);
    for (int copy = 0; copy < a->copies; copy++)
        for (size_t k = 0; k < all; k += OG_CELL_CHUNK)
            add_reference(a, copy, slice, k,
                          all - k < OG_CELL_CHUNK ? all - k : OG_CELL_CHUNK);
    for (size_t k = 0; a->ref_sd != NULL && a->wired == NULL && k < all; k++)
        a->ref_sd[k] = sqrtf(a->ref_sd[k]);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            a->e[i * cols + j] -= a->ref[j / a->map.tile_cols * rows + i];
}

static og_status program_slice(struct og_array *a, int slice, bool slope)
{
    size_t all = a->map.rows * a->map.cols;
    long chunks = (long)((all + OG_CELL_CHUNK - 1) / OG_CELL_CHUNK);
#pragma omp parallel for schedule(static) default(none)                                  \
    shared(a, slice, all, chunks, slope) if (chunks > 8)
    for (long c = 0; c < chunks; c++) {
        size_t first = (size_t)c * OG_CELL_CHUNK;
        size_t n = all - first < OG_CELL_CHUNK ? all - first : OG_CELL_CHUNK;
        program_span(a, &(struct span){slice, first, n, slope});
    }
    clear_gone(a, slice, slope);
    if (a->ref != NULL) program_reference(a, slice);
    if (a->wired != NULL) OG_TRY(og_wired_program(a, slice));
    if (a->ref != NULL) og_lines_clear(&a->map, a->e);  // nothing is compared with it
    return OG_OK;
}

static void pack_slice(struct og_array *a, int slice, bool nominal)
{
    size_t cols = a->map.cols, all = a->map.rows * cols;
    for (int k = 0; k < a->units; k++) {
        const struct og_unit *u = &a->unit[k];
        if (u->slice != slice) continue;
        const float *e = a->e + (size_t)u->side * all + u->row0 * cols;
        og_pack(nominal ? u->nominal : u->e, e, cols, 1, u->rows, cols);
        if (!nominal && og_varied(a))
            og_pack_positive(u->v, a->v + (size_t)u->side * all + u->row0 * cols, cols, 1,
                             u->rows, cols);
    }
}

// Training programs far more often than it observes.
void og_pack_nominal(struct og_array *a)
{
    size_t all = a->map.rows * a->map.cols;
    if (!a->nominal_stale) return;
    for (int slice = 0; slice < a->map.slices; slice++) {
        for (size_t first = 0; first < all; first += OG_CELL_CHUNK) {
            float q[OG_CELL_CHUNK];
            size_t n = all - first < OG_CELL_CHUNK ? all - first : OG_CELL_CHUNK;
            og_mapping_slice(&a->map, slice, first, n, q);
            for (int side = 0; side < a->sides; side++)
                nominal_span(a, side, q, a->e + (size_t)side * all + first, n);
        }
        const bool good = a->wired == NULL || og_wired_calibrate(a, slice) == OG_OK;
        for (size_t k = 0; !good && k < all; k++) a->e[k] = NAN;
        for (int side = 0; side < a->sides; side++)
            og_lines_clear(&a->map, a->e + (size_t)side * all);
        pack_slice(a, slice, true);
    }
    a->nominal_stale = false;
}

// out(i, j) += what this slice contributes, in units of w.
static void add_weights(const struct og_array *a, int slice, float *out, size_t stride_i,
                        size_t stride_j)
{
    size_t cols = a->map.cols, all = a->map.rows * cols;
    float weight = og_slice_weight(&a->map, slice) / a->map.D;
    for (size_t i = 0; i < a->map.rows; i++) {
        const float *w_max = a->map.w_max + i / a->map.tile_rows * cols;
        const float *e = a->e + i * cols;
        float scale = weight / a->a[i];
        for (size_t j = 0; j < cols; j++) {
            float value = a->sides == 2 ? e[j] - e[all + j] : e[j];
            value = value * og_compensation_of(a, j) - (a->sides == 2 ? 0 : a->base);
            if (a->base != 0 && og_missing(&a->map, i, j)) value = 0;
            out[i * stride_i + j * stride_j] += value * w_max[j] * scale;
        }
    }
}

static og_status program_weights(struct og_array *a)
{
    size_t all = a->map.rows * a->map.cols;
    if (a->w_hat != NULL) memset(a->w_hat, 0, all * sizeof *a->w_hat);
    if (a->slope != NULL) memset(a->slope, 0, all * sizeof *a->slope);
    if (a->flicker != NULL) og_flicker_age(a);
    for (int s = 0; s < a->map.slices; s++) {
        OG_TRY(program_slice(a, s, a->slope != NULL));
        pack_slice(a, s, false);
        OG_TRY(og_cubic_pack(a, s));
        og_thermal_pack(a, s);
        if (a->w_hat != NULL) add_weights(a, s, a->w_hat, a->map.cols, 1);
    }
    return OG_OK;
}

// With the factors that are in use: a compensated weight follows its own by as much more.
static void compensate_slope(struct og_array *a)
{
    const size_t cols = a->map.cols;
    if (a->compensation == NULL || a->slope == NULL) return;
    for (size_t k = 0; k < a->map.rows * cols; k++)
        a->slope[k] = a->compensation[k % cols] * (1 + a->slope[k]) - 1;
}

static void set_all_lanes(struct og_array *a)
{
    og_adcs_program(a);
    for (int k = 0; k < a->units; k++) og_unit_set_lanes(a, &a->unit[k]);
}

// The devices as they are at a->t, without factors; then the factors.
static og_status calibrate_compensation(struct og_array *a)
{
    const double t = a->t, reads = a->reads;
    og_compensation_start(a);
    for (int after = 0; after < 2; after++) {
        a->t = after ? t : 0;
        a->reads = after ? reads : 0;
        OG_TRY(program_weights(a));
        if (a->rtn != NULL) og_rtn_list(a);
        set_all_lanes(a);
        og_compensation_read(a, after);
    }
    og_compensation_finish(a);
    return OG_OK;
}

static void set_group_scales(struct og_array *a)
{
    size_t cols = a->map.cols;
    if (a->column_sum != NULL)
        memset(a->column_sum, 0, (size_t)a->groups * cols * sizeof *a->column_sum);
    for (int k = 0; k < a->units; k++) {
        const struct og_unit *u = &a->unit[k];
        if (u->slice > 0 || u->side > 0) continue;
        const float *w_max = a->map.w_max + u->row0 / a->map.tile_rows * cols;
        float *scale = a->group_scale + (size_t)u->group * cols;
        for (size_t j = 0; j < cols; j++) scale[j] = w_max[j] / a->map.w_ref;
        if (a->column_sum == NULL) continue;
        float *sum = a->column_sum + (size_t)u->group * cols;
        for (size_t i = u->row0; i < u->row0 + u->rows; i++)
            for (size_t j = 0; j < cols; j++) sum[j] += a->map.q[i * cols + j];
    }
}

og_status og_array_program(og_array *a, const float *w, const struct og_chip *chip)
{
    const struct og_device *d = &a->map.hw.device;
    a->chip = *chip;
    og_array_compact(a, w);
    og_mapping_set(&a->map, w, a->a);
    og_faults_place(a);
    bool digital = a->map.hw.mapping.scheme == OG_OFFSET && a->ref == NULL;
    a->base =
        digital ? a->map.D * (float)((d->g_max + d->g_min) / (d->g_max - d->g_min)) : 0;
    set_group_scales(a);
    a->nominal_stale = a->unit[0].nominal != NULL;
    a->t = a->map.hw.t_inference;
    a->reads = a->map.hw.past_reads;
    if (a->compensation != NULL) OG_TRY(calibrate_compensation(a));
    OG_TRY(program_weights(a));
    if (a->rtn != NULL) og_rtn_list(a);
    compensate_slope(a);
    if (a->ramps != NULL) OG_TRY(og_ramps_program(a));
    set_all_lanes(a);
    if (a->keep == OG_KEEP_NOTHING) return OG_OK;
    for (int k = 0; k < a->units; k++) {
        const struct og_unit *u = &a->unit[k];
        if (u->slice == 0 && u->side == 0)
            og_pack(a->w_back[u->group], a->w_hat + u->row0 * a->map.cols, 1, a->map.cols,
                    a->map.cols, u->rows);
    }
    return OG_OK;
}

og_status og_array_weights(og_array *a, float *w_hat)
{
    const struct og_mapping *m = &a->map;
    // Programming is deterministic: done once more, it finds the same errors.
    memset(w_hat, 0, m->full_rows * m->full_cols * sizeof *w_hat);
    for (int s = 0; s < m->slices; s++) {
        OG_TRY(program_slice(a, s, false));
        add_weights(a, s, w_hat, 1, m->rows);
    }
    if (og_mapping_is_whole(m)) return OG_OK;
    // From the last one down: no line moves towards the front.
    for (size_t j = m->cols; j-- > 0;)
        for (size_t i = m->rows; i-- > 0;) {
            size_t to = m->live_col[j] * m->full_rows + m->live_row[i];
            float value = w_hat[j * m->rows + i];
            w_hat[j * m->rows + i] = 0;
            w_hat[to] = value;
        }
    return OG_OK;
}
