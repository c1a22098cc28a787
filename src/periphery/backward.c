// SPDX-License-Identifier: GPL-3.0-or-later
// Gradients through a read.
//
// Straight-through: dx = dy w_hat, dw = dy^T x_hat, with the weights as programmed and
// the inputs as the DACs gave them; converters pass the gradient on. Clipped: not where
// they were saturated. Reparam: y = w_hat x + z s(x) and w_hat = w + sigma(g(w)) xi are
// also differentiated by the x and w inside s and sigma, z and xi held fixed (Kingma and
// Welling 2014); clipped conductances, faults and bit planes stay straight-through.
// Cells that are not ohmic: through their law, I = g f(V); behind wires by the adjoint of
// each read (og_wired_pull).
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "periphery/ramps.h"
#include "periphery/tape.h"
#include "periphery/wired.h"

static size_t padded(size_t bytes) { return (bytes + 63) / 64 * 64; }

struct og_tape og_tape_lay(const og_array *a, void *memory, size_t n)
{
    struct og_tape t = {.n = n};
    if (a->keep == OG_KEEP_NOTHING) return t;
    // Of the whole matrix, since lines come and go: what is left takes the first part.
    size_t rows = a->map.full_rows, cols = a->map.full_cols;
    size_t x = padded(n * rows * (a->short_codes ? sizeof(int16_t) : sizeof(float)));
    size_t ratio = 0;
    if (a->keep == OG_KEEP_REPARAM && og_output_noise(a))
        ratio = padded((size_t)(og_passes(a) * a->units_allocated) * n * cols *
                       sizeof(float));
    size_t dac = padded(n * rows);
    bool beyond = a->ramps != NULL && a->ramps->bounded;
    size_t adc = a->limit > 0 || beyond || a->map.hw.integrator.saturation > 0
                     ? padded((size_t)a->groups_allocated * n * cols)
                     : 0;
    t.bytes = x + ratio + dac + adc;
    if (memory == NULL) return t;
    char *at = memory;
    if (a->short_codes)
        t.codes = (int16_t *)at;
    else
        t.x = (float *)at;
    if (ratio > 0) t.ratio = (float *)(at + x);
    t.dac = (uint8_t *)(at + x + ratio);
    if (adc > 0) t.adc = (uint8_t *)(at + x + ratio + dac);
    return t;
}

size_t og_array_tape_bytes(const og_array *a, size_t n)
{
    return og_tape_lay(a, NULL, n).bytes;
}

const uint8_t *og_array_beyond(const og_array *a, const void *tape, size_t n)
{
    if (a->ramps == NULL || tape == NULL) return NULL;
    return og_tape_lay(a, (void *)(uintptr_t)tape, n).adc;
}

float *og_tape_ratio(const og_array *a, const struct og_tape *t, int pass,
                     const struct og_unit *u)
{
    size_t k = (size_t)pass * (size_t)a->units + (size_t)(u - a->unit);
    return t->ratio + k * t->n * a->map.cols;
}

// Rows that are taken together, so that what is packed of them stays in the cache.
enum { RUN = 256 };

struct work {
    float *dy;             // [run][cols] without clipped outputs
    float *x;              // [run][rows], from codes
    float *dw;             // [cols][rows of a group], reparam
    float *codes, *drive;  // [run][rows], reparam
    float *unit_dy;        // [run][cols], reparam
    float *live_dy;        // [run][cols], of the columns that are left
    float *live_dx;        // [run][rows]
    float *bent, *bend;  // [run][rows] inputs as cells carry them, and the slope of that
    void *packed;
};

static size_t lay_work(const og_array *a, void *memory, size_t n, struct work *w)
{
    if (n > RUN) n = RUN;
    size_t rows = a->map.full_rows, cols = a->map.full_cols;
    size_t group = rows < a->map.active ? rows : a->map.active;
    size_t reparam = a->keep == OG_KEEP_REPARAM, live = a->map.live_row != NULL;
    size_t drives = reparam | og_wired_is_nonlinear(a);
    size_t dy = padded(n * cols * sizeof(float));
    size_t dw = (reparam | live) * padded(cols * group * sizeof(float));
    size_t x = padded(n * rows * sizeof(float)), in = drives * x, live_x = live * x;
    size_t bent = a->bent ? x : 0;
    if (!a->short_codes) x = 0;
    size_t size[] = {dy, x, dw, in, in, drives * dy, live * dy, live_x, bent, bent};
    float **to[] = {&w->dy,      &w->x,       &w->dw,      &w->codes, &w->drive,
                    &w->unit_dy, &w->live_dy, &w->live_dx, &w->bent,  &w->bend};
    size_t at = 0;
    for (size_t k = 0; k < sizeof size / sizeof *size; k++) {
        *to[k] = memory == NULL ? NULL : (float *)((char *)memory + at);
        at += size[k];
    }
    w->packed = memory == NULL ? NULL : (char *)memory + at;
    return at + og_packed_bytes(n, group);
}

size_t og_backward_work_bytes(const og_array *a, size_t n)
{
    struct work w;
    return a->keep == OG_KEEP_NOTHING ? 0 : lay_work(a, NULL, n, &w);
}

// Rows row0 .. row0 + n - 1 of a call.
struct run {
    const struct og_backward_io *io;
    const struct og_tape *tape;
    size_t row0, n;
    const float *x;   // [n][rows] as the word lines carried them
    const float *dy;  // of its first row
    float *dx;        // of its first row, or NULL
    size_t lddy, lddx;
};

// dy of one group of rows, 0 where its ADC clipped.
static struct og_left group_dy(const og_array *a, const struct run *run, int group,
                               const struct work *w)
{
    const struct og_backward_io *io = run->io;
    if (run->tape->adc == NULL || (io->gradient != OG_CLIPPED && a->ramps == NULL))
        return (struct og_left){run->dy, run->lddy, 1};
    size_t cols = a->map.cols;
    const uint8_t *clipped =
        run->tape->adc + ((size_t)group * run->tape->n + run->row0) * cols;
    og_convert_kernels()->pass(clipped, run->n, cols, run->dy, run->lddy, w->dy);
    return (struct og_left){w->dy, cols, 1};
}

static void weight_gradient(const og_array *a, const struct og_unit *u,
                            const struct run *run, struct og_left dy,
                            const struct work *w)
{
    const struct og_mapping *m = &a->map;
    size_t rows = m->rows, cols = m->cols;
    bool reparam = run->io->reparam && a->slope != NULL;
    float *dw = run->io->dw;
    og_packed *x = og_packed_place(w->packed, run->n, u->rows);
    og_pack(x, run->x + u->row0, rows, 1, run->n, u->rows);
    struct og_left transposed = {dy.data, dy.col_stride, dy.row_stride};
    if (!reparam && !m->any_gone && og_mapping_is_whole(m)) {
        og_product(transposed, cols, x, dw + u->row0, rows, 1);
        return;
    }
    og_product(transposed, cols, x, w->dw, u->rows, 0);
    for (size_t j = 0; j < cols; j++)
        for (size_t i = 0; i < u->rows; i++) {
            if (og_missing(m, u->row0 + i, j)) continue;
            float factor = reparam ? 1 + a->slope[(u->row0 + i) * cols + j] : 1;
            size_t to = og_live_col(m, j) * m->full_rows + og_live_row(m, u->row0 + i);
            dw[to] += factor * w->dw[j * u->rows + i];
        }
}

// to[n][cols]: dy, times ratio unless NULL, by the sums of one unit in one pass.
static void sum_gradient(const struct og_array *a, const struct og_unit *u,
                         const struct og_drive *drive, size_t n, struct og_left dy,
                         const float *ratio, float *to)
{
    const size_t cols = a->map.cols;
    const float *scale = a->group_scale + (size_t)u->group * cols;
    const float side = u->side == 0 ? drive->weight : -drive->weight;
    for (size_t r = 0; r < n; r++)
        for (size_t j = 0; j < cols; j++) {
            float d = dy.data[r * dy.row_stride + j];
            if (ratio != NULL) d *= ratio[r * cols + j];
            to[r * cols + j] =
                d * (og_step_in_y(a) * scale[j] * side * og_compensation_of(a, j));
        }
}

// dx += d (z s) / dx for one conversion unit in one pass: s^2 = sum_i v_ij power(d_i), so
// d(z s)/d(d_i) = (z / s) v_ij power'(d_i) / 2.
static void noise_gradient(const og_array *a, const struct og_unit *u, int pass,
                           const struct run *run, struct og_left dy, const float *d_pass,
                           const struct work *w)
{
    size_t rows = a->map.rows, cols = a->map.cols;
    const float *ratio = og_tape_ratio(a, run->tape, pass, u) + run->row0 * cols;
    struct og_drive drive = og_pass(a, pass);
    sum_gradient(a, u, &drive, run->n, dy, ratio, w->unit_dy);
    bool pulses = a->map.hw.input.encoding == OG_PULSE_WIDTH;
    // One slice (og_array_keep_gradient), so the workspace still holds this unit's v.
    const float *v = og_varied(a) ? a->v + (size_t)u->side * rows * cols : NULL;
    for (size_t r = 0; r < run->n; r++)
        for (size_t i = u->row0; i < u->row0 + u->rows; i++) {
            const float *q = w->unit_dy + r * cols;
            float d = d_pass[r * rows + i], sum = 0;
            if (d == 0) continue;
            for (size_t j = 0; j < cols; j++) {
                if (og_missing(&a->map, i, j)) continue;
                sum += q[j] * (v == NULL ? a->variance : v[i * cols + j]);
            }
            float half_slope = pulses ? copysignf(0.5f * a->d_max, d) : d;
            float dd_dx = (float)drive.sign * a->d_max / a->a[i];
            run->dx[r * run->lddx + i] += sum * half_slope * dd_dx;
        }
}

static void set_codes(const struct og_array *a, const struct run *run,
                      const struct work *w)
{
    size_t rows = a->map.rows;
    for (size_t r = 0; r < run->n; r++)
        for (size_t i = 0; i < rows; i++) {
            float code = run->x[r * rows + i] * (a->code_max[i] / a->a[i]);
            w->codes[r * rows + i] = a->code_max[i] > 1 ? rintf(code) : code;
        }
}

static void reparam_inputs(const og_array *a, const struct run *run, const struct work *w)
{
    if (run->tape->ratio == NULL || a->map.hw.input.encoding == OG_BIT_SERIAL) return;
    if (a->variance == 0 && a->v == NULL) return;
    set_codes(a, run, w);
    for (int k = 0; k < og_passes(a); k++) {
        struct og_drive drive = og_pass(a, k);
        const float *d = og_make_drive(a, &drive, w->codes, run->n, w->drive);
        for (int m = 0; m < a->units; m++) {
            struct og_left dy = group_dy(a, run, a->unit[m].group, w);
            noise_gradient(a, &a->unit[m], k, run, dy, d, w);
        }
    }
}

// The inputs of a run, in units of x.
static const float *inputs_of(const og_array *a, const struct og_tape *t, size_t row0,
                              size_t n, const struct work *w)
{
    size_t rows = a->map.rows, first = 0;
    if (t->codes == NULL) return t->x + row0 * rows;
    for (int s = 0; s < a->shape.segments; s++) {
        const struct og_segment *seg = &a->shape.segment[s];
        if (seg->rows == 0) continue;
        og_convert_kernels()->decode(t->codes + row0 * rows + first, n, seg->rows, rows,
                                     seg->range / a->code_max[first], w->x + first);
        first += seg->rows;
    }
    return w->x;
}

// --- cells that are not ohmic ----------------------------------------------------------

// What ohmic cells would be driven with, and its slope. Two passes: with |x|, negated.
static void bend_inputs(const og_array *a, struct run *run, const struct work *w)
{
    const bool two_pass = a->map.hw.input.sign == OG_INPUT_TWO_PASS;
    const size_t rows = a->map.rows;
    for (size_t k = 0; k < run->n * rows; k++) {
        const double volts = a->map.hw.device.v_read / (double)a->a[k % rows];
        const double v = volts * (double)run->x[k], sign = two_pass && v < 0 ? -1 : 1;
        w->bent[k] = (float)(sign * og_iv_current(&a->law, sign * v) / volts);
        w->bend[k] = (float)og_iv_slope(&a->law, sign * v);
    }
    run->x = w->bent;
}

static void apply_bend(const og_array *a, const struct run *run, const struct work *w)
{
    for (size_t r = 0; r < run->n; r++)
        for (size_t i = 0; i < a->map.rows; i++)
            run->dx[r * run->lddx + i] *= w->bend[r * a->map.rows + i];
}

// Gradients by what the word lines were driven with, to those by the inputs. A line that
// a pass does not drive does not follow.
static void add_input_gradient(const og_array *a, const struct run *run,
                               const struct og_drive *p, const double *ddrive,
                               const struct work *w)
{
    const bool two_pass = a->map.hw.input.sign == OG_INPUT_TWO_PASS;
    for (size_t r = 0; r < run->n; r++)
        for (size_t i = 0; i < a->map.rows; i++) {
            const size_t k = r * a->map.rows + i;
            const float sign = (float)p->sign, v = sign * w->codes[k];
            if (two_pass && (v < 0 || (v == 0 && p->sign < 0))) continue;
            run->dx[r * run->lddx + i] += (float)ddrive[k] * sign * a->d_max / a->a[i];
        }
}

static og_status pull_passes(const og_array *a, const struct run *run, double *ddrive,
                             double *dq, const struct work *w)
{
    const size_t inputs = run->n * a->map.rows;
    for (int k = 0; k < og_passes(a); k++) {
        const struct og_drive p = og_pass(a, k);
        const float *drive = og_make_drive(a, &p, w->codes, run->n, w->drive);
        const struct og_wired_pull pull = {drive, w->unit_dy, run->n, ddrive, dq};
        memset(ddrive, 0, inputs * sizeof *ddrive);
        for (int m = 0; m < a->units; m++) {
            const struct og_unit *u = &a->unit[m];
            sum_gradient(a, u, &p, run->n, group_dy(a, run, u->group, w), NULL,
                         w->unit_dy);
            OG_TRY(og_wired_pull(a, u, &pull));
        }
        if (run->dx != NULL) add_input_gradient(a, run, &p, ddrive, w);
    }
    return OG_OK;
}

// Each read by the adjoint of its own solution; what cannot be solved is not a number.
static void back_solved(const og_array *a, const struct run *run, const struct work *w)
{
    const struct og_mapping *m = &a->map;
    const size_t inputs = run->n * m->rows, cells = m->rows * m->cols;
    double *ddrive = og_alloc(inputs + cells, sizeof *ddrive), *dq = ddrive + inputs;
    set_codes(a, run, w);
    for (size_t r = 0; run->dx != NULL && r < run->n; r++)
        memset(run->dx + r * run->lddx, 0, m->rows * sizeof *run->dx);
    const bool good = ddrive != NULL && pull_passes(a, run, ddrive, dq, w) == OG_OK;
    for (size_t k = 0; run->io->dw != NULL && k < cells; k++) {
        const size_t i = k / m->cols, j = k % m->cols;
        const float steps = m->D * a->a[i] / m->w_max[i / m->tile_rows * m->cols + j];
        float *dw = run->io->dw + og_live_col(m, j) * m->full_rows + og_live_row(m, i);
        *dw += good ? (float)dq[k] * steps : NAN;
    }
    for (size_t r = 0; !good && run->dx != NULL && r < run->n; r++)
        for (size_t i = 0; i < m->rows; i++) run->dx[r * run->lddx + i] = NAN;
    og_free(ddrive);
}

// --- all of it -------------------------------------------------------------------------

static void back_products(const og_array *a, const struct run *run, const struct work *w)
{
    const struct og_backward_io *io = run->io;
    for (int k = 0; k < a->units; k++) {
        const struct og_unit *u = &a->unit[k];
        if (u->slice > 0 || u->side > 0) continue;
        struct og_left dy = group_dy(a, run, u->group, w);
        if (io->dw != NULL) weight_gradient(a, u, run, dy, w);
        if (run->dx != NULL)
            og_product(dy, run->n, a->w_back[u->group], run->dx + u->row0, run->lddx, 0);
    }
    if (run->dx != NULL && a->bent) apply_bend(a, run, w);
}

static void back_run(const og_array *a, struct run *run, const struct work *w)
{
    const struct og_backward_io *io = run->io;
    size_t rows = a->map.rows;
    if (og_wired_is_nonlinear(a)) {
        back_solved(a, run, w);
    } else {
        if (a->bent) bend_inputs(a, run, w);
        back_products(a, run, w);
    }
    if (run->dx == NULL) return;
    if (io->reparam) reparam_inputs(a, run, w);
    if (io->gradient == OG_CLIPPED)
        og_convert_kernels()->stop(run->tape->dac + run->row0 * rows, run->n, rows,
                                   run->dx, run->lddx);
}

// dy of the columns that are left.
static void gather_dy(const og_array *a, struct run *run, const struct work *w)
{
    const struct og_mapping *m = &a->map;
    if (m->cols == m->full_cols) return;
    for (size_t r = 0; r < run->n; r++)
        for (size_t j = 0; j < m->cols; j++)
            w->live_dy[r * m->cols + j] = run->dy[r * run->lddy + m->live_col[j]];
    run->dy = w->live_dy;
    run->lddy = m->cols;
}

// Inputs of removed rows change nothing.
static void scatter_dx(const og_array *a, size_t n, const float *from, float *dx,
                       size_t lddx)
{
    const struct og_mapping *m = &a->map;
    for (size_t r = 0; r < n; r++) {
        memset(dx + r * lddx, 0, m->full_rows * sizeof *dx);
        for (size_t i = 0; i < m->rows; i++)
            dx[r * lddx + m->live_row[i]] = from[r * m->rows + i];
    }
}

const float *og_array_straight(const og_array *a)
{
    const bool plain = a->keep == OG_KEEP_GRADIENT && a->shape.segments == 1 &&
                       a->ramps == NULL && !a->bent && !og_wired_is_nonlinear(a) &&
                       !a->map.any_gone && og_mapping_is_whole(&a->map);
    return plain ? a->w_hat : NULL;
}

void og_array_dac(const og_array *a, const float *x, size_t n, float *x_hat)
{
    const float step = a->shape.segment[0].range / a->code_max[0];
    og_array_codes(a, x, n, x_hat);
    for (size_t i = 0; i < n; i++) x_hat[i] *= step;
}

void og_array_backward(const og_array *a, const struct og_backward_io *io)
{
    struct work w;
    lay_work(a, io->work, io->n, &w);
    // The tape is only read here; laying it out needs a plain pointer.
    struct og_tape t = og_tape_lay(a, (void *)(uintptr_t)io->tape, io->n);
    for (size_t row = 0; row < io->n; row += RUN) {
        struct run run = {.io = io, .tape = &t, .row0 = row, .lddy = io->lddy};
        bool whole = a->map.rows == a->map.full_rows;
        float *dx = io->dx == NULL ? NULL : io->dx + row * io->lddx;
        run.n = io->n - row < RUN ? io->n - row : RUN;
        run.x = inputs_of(a, &t, row, run.n, &w);
        run.dy = io->dy + row * io->lddy;
        gather_dy(a, &run, &w);
        run.dx = dx == NULL || whole ? dx : w.live_dx;
        run.lddx = whole ? io->lddx : a->map.rows;
        back_run(a, &run, &w);
        if (dx != NULL && !whole) scatter_dx(a, run.n, run.dx, dx, io->lddx);
    }
}
