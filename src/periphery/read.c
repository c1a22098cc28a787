// SPDX-License-Identifier: GPL-3.0-or-later
// Reads: DAC -> products -> read noise -> ADC -> digital sum, a chunk of rows at a time.
#include <assert.h>
#include <string.h>

#include "periphery/adcs.h"
#include "periphery/ramps.h"
#include "periphery/read.h"
#include "periphery/wired.h"

// Codes that come line by line lie this far apart.
enum { CODES_PITCH = OG_CHUNK + 16 };

static size_t padded(size_t n) { return (n + 15) / 16 * 16; }

static size_t lay_work(const struct og_array *a, void *memory, struct og_read_work *w)
{
    // Of the whole matrix: lines come and go with each programming.
    size_t in = padded(OG_CHUNK * a->map.full_rows), cols = a->map.full_cols;
    size_t out = padded(OG_CHUNK * cols + OG_LANES + cols);
    size_t tiles = (cols + a->map.tile_cols - 1) / a->map.tile_cols;
    size_t size[] = {
        a->map.live_row == NULL ? 0 : in,
        padded(CODES_PITCH * a->map.full_rows + 16),
        in,
        in,
        og_needs_thermal(a) ? in : 0,
        out,
        out,
        out,
        out,
        out,
        og_convert_scratch(OG_LANES + cols),
        padded(OG_CHUNK * (a->ref_sd == NULL && a->ref_s == NULL ? 1 : tiles)),
        og_use_room(OG_LANES + cols),
        a->ramps == NULL ? 0 : OG_RAMP_ROOM,
        a->map.hw.integrator.saturation > 0 ? out : 0,
        a->bent ? in : 0,
        og_wiring_is_cubic(&a->map.hw.wires) && a->wired ? in + 2 * out : 0,
    };
    float **to[] = {&w->x,        &w->codes, &w->memory, &w->power,  &w->thermal, &w->sum,
                    &w->variance, &w->z,     &w->acc,    &w->signal, &w->scratch, &w->row,
                    &w->use,      &w->ramp,  &w->z_adc,  &w->bent,   &w->cubic};
    size_t at = 0;
    for (size_t k = 0; k < sizeof size / sizeof *size; k++) {
        *to[k] = memory == NULL ? NULL : (float *)memory + at;
        at += size[k];
    }
    return at * sizeof(float);
}

size_t og_array_work_bytes(const og_array *a, size_t n)
{
    struct og_read_work w;
    size_t read = lay_work(a, NULL, &w), back = og_backward_work_bytes(a, n);
    return read > back ? read : back;
}

// Whether the full column sums exist as one, before an ADC.
static bool one_conversion(const struct og_array *a)
{
    return a->units == 1 && og_passes(a) == 1;
}

static void column_sums(const struct og_array *a, const struct og_unit *u, size_t n,
                        const og_packed *e, const struct og_read_work *w)
{
    if (og_wired_is_nonlinear(a)) {
        const struct og_wired_read io = {w->voltage, n, w->sum, e != u->e};
        og_wired_read(a, u, &io);
        return;
    }
    struct og_left left = {w->drive + u->row0 * w->next_line, w->next_row, w->next_line};
    og_product(left, n, e, w->sum, a->map.cols, 0);
    if (u->size != NULL) og_cubic_take(a, u, w->drive, n, w->cubic, w->sum);
}

// Where the digital sum is one conversion and nothing more, y is written at once.
static bool is_direct(const struct og_array *a, const struct og_read_io *io)
{
    return one_conversion(a) && a->base == 0 && a->column_sum == NULL &&
           a->ramps == NULL && io->ldy == a->map.cols && og_mapping_is_whole(&a->map);
}

static void convert_unit(const struct og_array *a, const struct og_unit *u,
                         const struct og_read_part *p, const struct og_read_work *w,
                         const struct og_tape *t)
{
    size_t cols = a->map.cols, all = p->n * cols;
    bool noisy = og_output_noise(a), by_rows = og_read_noise_by_rows(a, t);
    bool direct = is_direct(a, p->io);
    og_read_noise_add(a, u, p, w);
    if (noisy) og_read_noise_fill(a, u, p, w, by_rows);
    if (og_read_adc_apart(a)) og_read_adc_noise(a, u, p, w->z_adc);
    float *out = direct ? p->io->y + p->row0 * cols : w->acc;
    uint8_t *clipped =
        t->adc == NULL ? NULL : t->adc + ((size_t)u->group * t->n + p->row0) * cols;
    const struct og_steps steps =
        u->steps == NULL ? (struct og_steps){.n = 0} : og_adcs_steps(a, u);
    struct og_convert c = {
        .lanes = og_unit_lanes(a, u),
        .steps = u->steps == NULL ? NULL : &steps,
        .saturation = og_unit_saturation(a, u),
        .cols = cols,
        .limit = a->limit,
        .mid_rise = a->map.hw.adc.rounding == OG_MID_RISE,
        .begin = p->pass == 0 && u == a->unit,
        .begin_clipped = p->pass == 0 && u->slice == 0 && u->side == 0,
        .ratio = noisy && t->ratio != NULL,
        .weight = p->drive->weight,
        .scale = direct || a->ramps != NULL ? og_step_in_y(a) * a->lsb_ref : 1,
    };
    for (size_t k = 0; k < all; k += a->run) {
        size_t n = all - k < a->run ? all - k : a->run;
        c.sum = w->sum + k;
        c.z = noisy ? w->z + k : NULL;
        c.z_adc = og_read_adc_apart(a) ? w->z_adc + k : NULL;
        c.variance = w->variance + k;
        c.row_sd = by_rows ? w->row + k / cols : NULL;
        c.out = out + k;
        c.clipped = clipped == NULL ? NULL : clipped + k;
        if (p->io->use != NULL) og_use_add(a, &c, n, p->io->use, w->scratch, w->use);
        og_convert_kernels()->convert(&c, n, w->scratch);
    }
    if (c.ratio)
        memcpy(og_tape_ratio(a, t, p->pass, u) + p->row0 * cols, w->variance,
               all * sizeof(float));
}

// Digital reference: every column also carries `base` for each unit of drive.
static void subtract_base(const struct og_array *a, const struct og_unit *u,
                          const struct og_read_part *p, const struct og_read_work *w,
                          float *acc)
{
    size_t rows = a->map.rows, cols = a->map.cols;
    const float *scale = a->group_scale + (size_t)u->group * cols;
    og_convert_kernels()->row_sums(w->drive + u->row0, rows, p->n, u->rows, OG_POWER_NONE,
                                   w->row);
    for (size_t r = 0; r < p->n; r++) {
        float common = w->row[r] * a->base * p->drive->weight / a->lsb_ref;
        for (size_t j = 0; j < cols; j++)
            if (!og_col_gone(&a->map, (size_t)u->group, j))
                acc[r * cols + j] -= common * scale[j];
    }
}

// Offset inputs: n times the nominal column sum is known and taken away digitally.
static void subtract_offset(const struct og_array *a, size_t n, float *acc)
{
    size_t cols = a->map.cols;
    for (int g = 0; g < a->groups; g++) {
        const float *sum = a->column_sum + (size_t)g * cols;
        const float *scale = a->group_scale + (size_t)g * cols;
        for (size_t r = 0; r < n; r++)
            for (size_t j = 0; j < cols; j++)
                acc[r * cols + j] -= a->d_max * sum[j] * scale[j] / a->lsb_ref;
    }
}

// Injected noise at point A joins the column sums where these exist as one.
static void add_injected(const struct og_array *a, const struct og_read_io *io,
                         size_t row0, size_t n, const struct og_read_work *w)
{
    const struct og_mapping *m = &a->map;
    size_t cols = m->cols;
    float *to = one_conversion(a) ? w->sum : w->acc, inv = 1 / og_step_in_y(a);
    if (!one_conversion(a)) inv /= a->lsb_ref;
    for (size_t r = 0; r < n; r++)
        for (size_t j = 0; j < cols; j++) {
            float scale = inv;
            if (one_conversion(a)) scale /= a->group_scale[j] * og_compensation_of(a, j);
            size_t from = (row0 + r) * m->full_cols + og_live_col(m, j);
            to[r * cols + j] += io->a_noise[from] * scale;
        }
}

// The sum that will be converted, as it would come out of a perfect ADC.
static void keep_signal(const struct og_array *a, const struct og_unit *u,
                        const struct og_read_part *p, const struct og_read_work *w)
{
    size_t cols = a->map.cols;
    const float *scale = a->group_scale + (size_t)u->group * cols;
    float weight = og_slice_weight(&a->map, u->slice) * p->drive->weight / a->lsb_ref;
    for (size_t r = 0; r < p->n; r++)
        for (size_t j = 0; j < cols; j++)
            w->signal[r * cols + j] =
                w->sum[r * cols + j] * (weight * scale[j] * og_compensation_of(a, j));
}

static void read_unit(const struct og_array *a, const struct og_unit *u,
                      const struct og_read_part *p, const struct og_read_work *w,
                      const struct og_tape *t)
{
    const struct og_read_io *io = p->io;
    bool one = one_conversion(a), signal = one && io->a_signal != NULL;
    column_sums(a, u, p->n, u->e, w);
    if (signal) keep_signal(a, u, p, w);
    if (io->a_noise != NULL && one) add_injected(a, io, p->row0, p->n, w);
    if (a->ramps != NULL) og_ramps_add_bias(a, w->sum, p->n);
    convert_unit(a, u, p, w, t);
    if (a->base == 0 || a->raw) return;
    subtract_base(a, u, p, w, w->acc);
    if (signal) subtract_base(a, u, p, w, w->signal);
}

// What is digital and known, the signal at A, and its noise where it comes last.
static void finish_sums(const struct og_array *a, const struct og_read_io *io,
                        size_t row0, size_t n, const struct og_read_work *w)
{
    bool one = one_conversion(a);
    float *signal = one ? w->signal : w->acc;
    if (a->column_sum != NULL && !a->raw) subtract_offset(a, n, w->acc);
    if (io->a_signal != NULL) {
        if (one && a->column_sum != NULL) subtract_offset(a, n, signal);
        for (size_t r = 0; r < n; r++)
            og_live_outputs(a, signal + r * a->map.cols,
                            io->a_signal + (row0 + r) * a->map.full_cols);
    }
    if (io->a_noise != NULL && !one) add_injected(a, io, row0, n, w);
}

bool og_array_takes_codes(const og_array *a)
{
    return a->shape.segments == 1 && a->map.rows > 1 && a->direct && !a->bent &&
           a->base == 0 && a->ramps == NULL && og_mapping_is_whole(&a->map) &&
           !og_wired_is_nonlinear(a) && !og_clocked(a) && !og_needs_power(a) &&
           !og_needs_thermal(a) && a->device_s == NULL && a->ref_s == NULL &&
           (a->keep == OG_KEEP_NOTHING || og_array_straight(a) != NULL);
}

// The inputs of a chunk as DAC codes.
static void make_codes(const struct og_array *a, const struct og_read_io *io,
                       struct og_read_work *w, const struct og_tape *t, size_t row0,
                       size_t n)
{
    size_t rows = a->map.rows, ldx = io->ldx;
    w->next_row = io->codes == NULL ? rows : 1;
    w->next_line = io->codes == NULL ? 1 : CODES_PITCH;
    if (io->codes != NULL) {
        assert(io->tape == NULL && og_array_takes_codes(a));
        io->codes(io->of, row0, n, w->codes, CODES_PITCH);
        return;
    }
    const struct og_dac_out dac = {
        .codes = w->codes,
        .x_hat = t->x == NULL ? NULL : t->x + row0 * rows,
        .kept = t->codes == NULL ? NULL : t->codes + row0 * rows,
        .clipped = t->dac == NULL ? NULL : t->dac + row0 * rows,
    };
    const float *x = og_live_inputs(a, io->x + row0 * ldx, &ldx, n, w->x);
    og_dac(a, x, ldx, n, &dac);
}

static void read_chunk(const struct og_array *a, const struct og_read *at,
                       const struct og_read_io *io, struct og_read_work *w,
                       const struct og_tape *t, size_t row0, size_t n)
{
    make_codes(a, io, w, t, row0, n);
    for (int k = 0; k < og_passes(a); k++) {
        struct og_drive drive = og_pass(a, k);
        struct og_read_part p = {at, io, row0, n, k, &drive};
        w->voltage = og_make_drive(a, &drive, w->codes, n, w->memory);
        w->drive = og_bend_drive(a, w->voltage, n, w->bent);
        if (og_needs_power(a)) og_drive_power(a, w->drive, n, w->power);
        if (og_needs_thermal(a)) og_thermal_power(a, w->drive, n, w->thermal);
        for (int m = 0; m < a->units; m++) read_unit(a, &a->unit[m], &p, w, t);
    }
    finish_sums(a, io, row0, n, w);
    uint8_t *beyond = t->adc == NULL ? NULL : t->adc + row0 * a->map.cols;
    if (a->ramps != NULL) og_ramps_convert(a, at, io, row0, n, w->acc, w->ramp, beyond);
    if (a->ramps != NULL || is_direct(a, io)) return;
    for (size_t r = 0; r < n; r++)
        og_live_outputs(a, w->acc + r * a->map.cols, io->y + (row0 + r) * io->ldy);
}

void og_array_read(const og_array *a, const struct og_read *at,
                   const struct og_read_io *io)
{
    struct og_read_work w;
    lay_work(a, io->work, &w);
    struct og_tape t = og_tape_lay(a, io->tape, io->n);
    for (size_t row = 0; row < io->n; row += OG_CHUNK) {
        size_t n = io->n - row < OG_CHUNK ? io->n - row : OG_CHUNK;
        read_chunk(a, at, io, &w, &t, row, n);
    }
}

void og_array_observe(og_array *a, const float *x, size_t ldx, size_t n, void *work)
{
    if (a->unit[0].nominal == NULL || a->units == 0) return;
    og_lock(&a->lock);
    og_pack_nominal(a);
    og_unlock(&a->lock);
    struct og_read_work w = {.next_row = a->map.rows, .next_line = 1};
    lay_work(a, work, &w);
    for (size_t row = 0; row < n; row += OG_CHUNK) {
        size_t rows = n - row < OG_CHUNK ? n - row : OG_CHUNK;
        size_t ld = ldx;
        const float *live = og_live_inputs(a, x + row * ldx, &ld, rows, w.x);
        og_dac(a, live, ld, rows, &(struct og_dac_out){.codes = w.codes});
        for (int k = 0; k < og_passes(a); k++) {
            struct og_drive drive = og_pass(a, k);
            w.voltage = og_make_drive(a, &drive, w.codes, rows, w.memory);
            w.drive = og_bend_drive(a, w.voltage, rows, w.bent);
            for (int m = 0; m < a->units; m++) {
                column_sums(a, &a->unit[m], rows, a->unit[m].nominal, &w);
                og_observe_sums(a, &a->unit[m], w.sum, rows);
            }
        }
    }
}
