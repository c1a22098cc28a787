// SPDX-License-Identifier: GPL-3.0-or-later
// Products of a layer with one of its matrices: the float product on packed weights, or a
// read of the array that holds them.
//
// Noise injection (Qin and Vucinic): X and H are added after the DAC, so where they are
// on the DAC's quantiser runs here and the array takes the noisy value as it comes. A is
// added to the full column sums before the ADC, inside the read.
#include <assert.h>
#include <string.h>

#include "nn/exec.h"
#include "ohmgrid/vmath.h"

// Rows of x that are packed at once for the weight gradient.
enum { OG_PACK_ROWS = 256 };

static const struct og_linear_decl *decl_of(const struct og_matrix *m)
{
    return &m->node->linear[m->k];
}

static bool has_digital_dac(const struct og_matrix *m)
{
    return m->digital_dac[0] || m->digital_dac[1];
}

static size_t sums_bytes(const struct og_matrix *m, size_t rows)
{
    return og_round64(rows * decl_of(m)->cols * sizeof(float));
}

// Whether the power of noise at A is differentiated too. The noise and its signal then
// lie on the tape, behind what the array keeps there.
static bool keeps_power(const og_exec *exec, const struct og_matrix *m)
{
    return exec->training && exec->reparam && m->array &&
           og_injects_sums(exec, decl_of(m), m->node);
}

size_t og_linear_tape_bytes(const og_exec *exec, const struct og_node *node, int k,
                            size_t rows)
{
    const struct og_matrix *m = og_exec_linear(exec, node, k);
    if (!m->array || !exec->training) return 0;
    return og_round64(og_array_tape_bytes(m->array, rows)) +
           (keeps_power(exec, m) ? 2 * sums_bytes(m, rows) : 0);
}

// Workspace: what the product needs, then copies where the hardware asks for them.
struct room {
    size_t product, x, x_noise, a_noise, a_signal, dy, dw, total;
};

static struct room room_of(const og_exec *exec, const struct og_matrix *m, size_t rows)
{
    const struct og_linear_decl *l = decl_of(m);
    struct room room = {0};
    if (exec->training && !m->array)
        room.product = og_packed_bytes(OG_PACK_ROWS, l->rows);
    if (m->array) room.product = og_array_work_bytes(m->array, rows);
    room.product = og_round64(room.product);
    if (has_digital_dac(m)) room.x = og_round64(rows * l->rows * sizeof(float));
    room.x_noise = room.x;
    if (og_injects_sums(exec, l, m->node))
        room.a_noise = og_round64(rows * l->cols * sizeof(float));
    if (m->array && exec->training && l->stride != l->rows)
        room.dw = og_round64(l->rows * l->cols * sizeof(float));
    if (exec->training) room.a_signal = room.a_noise;
    room.total = room.product + room.x + room.x_noise + room.a_noise + room.a_signal;
    if (keeps_power(exec, m)) room.dy = room.a_noise;
    room.total += room.dy + room.dw;
    return room;
}

size_t og_linear_work_bytes(const og_exec *exec, const struct og_node *node, int k,
                            size_t rows)
{
    return room_of(exec, og_exec_linear(exec, node, k), rows).total;
}

// --- forward -------------------------------------------------------------------------

static struct og_noise noise_at(const og_exec *exec, const struct og_matrix *m, int point,
                                uint32_t step, size_t rows)
{
    int which = point == OG_POINT_X ? 0 : point == OG_POINT_H ? 1 : 2;
    return (struct og_noise){
        .layer = og_stream_node(exec, m->node),
        .tile = (uint32_t)point | (uint32_t)m->k << 8,
        .step = step,
        .slot = OG_SLOTS * m->index + (size_t)which,
        .rows = rows,
    };
}

// x as the DACs of this file leave it; segments that the array converts are copied.
static void convert(const struct og_matrix *m, const struct og_linear_io *io, float *out)
{
    const struct og_linear_decl *l = decl_of(m);
    for (size_t r = 0; r < io->rows; r++) {
        float *to = out + r * l->rows;
        memcpy(to, io->x + r * io->ldx, l->rows * sizeof *to);
        for (int s = 0; s < l->segments; s++)
            if (m->digital_dac[s])
                og_quantize_as(m->dac_rounding, to + og_segment_first(l, s),
                               l->segment[s].rows, m->dac_bits[s], m->range[s], true);
    }
}

// Powers for the running mean; those of the batch have been gathered in parts before.
static bool gathers_in_read(const struct og_view *v)
{
    return v->training && !v->exec->together;
}

// The power of the sums that noise is added to: all, or the columns of some gates.
static void add_sums_power(const struct og_view *v, const struct og_matrix *m,
                           const float *sums, size_t ld, size_t rows)
{
    const struct og_linear_decl *l = decl_of(m);
    size_t slot = OG_SLOTS * m->index + 2,
           width = l->gates ? l->cols / (size_t)l->gates : 0;
    if (og_injects(v->exec, m->node, OG_POINT_A)) {
        og_power_add(v, slot, sums, ld, rows, l->cols);
        return;
    }
    for (int g = 0; g < l->gates; g++)
        if (og_injects(v->exec, m->node, l->gate_point[g]))
            og_power_add(v, slot, sums + (size_t)g * width, ld, rows, width);
}

// noise[rows][cols] = 0 in the columns of gates that it is not for.
static void clear_other_gates(const struct og_view *v, const struct og_matrix *m,
                              float *noise, size_t rows)
{
    const struct og_linear_decl *l = decl_of(m);
    if (og_injects(v->exec, m->node, OG_POINT_A)) return;
    size_t width = l->cols / (size_t)l->gates;
    for (int g = 0; g < l->gates; g++) {
        if (og_injects(v->exec, m->node, l->gate_point[g])) continue;
        for (size_t r = 0; r < rows; r++)
            memset(noise + r * l->cols + (size_t)g * width, 0, width * sizeof *noise);
    }
}

// Adds the noise of segment s to converted inputs; `noise` is scratch [rows][width].
static void add_input_noise(const struct og_view *v, const struct og_matrix *m,
                            const struct og_linear_io *io, int s, float *x, float *noise)
{
    const struct og_linear_decl *l = decl_of(m);
    size_t width = l->segment[s].rows;
    float *at = x + og_segment_first(l, s);
    struct og_noise what =
        noise_at(v->exec, m, l->segment[s].recurrent ? OG_POINT_H : OG_POINT_X, io->step,
                 io->rows);
    what.width = width;
    og_noise_fill(v, &what, noise);
    if (gathers_in_read(v)) og_power_add(v, what.slot, at, l->rows, io->rows, width);
    for (size_t r = 0; r < io->rows; r++)
        for (size_t i = 0; i < width; i++) at[r * l->rows + i] += noise[r * width + i];
}

// Noise at A and the signal that it joins, both [rows][cols]; NULL: not wanted.
struct at_sums {
    const float *noise;
    float *signal;
};

// The inputs with their noise, then the read.
static void read_array(const struct og_view *v, const struct og_matrix *m,
                       const struct og_linear_io *io, struct at_sums sums)
{
    const struct og_linear_decl *l = decl_of(m);
    struct room room = room_of(v->exec, m, io->rows);
    char *work = io->work;
    struct og_read_io read = {.x = io->x,
                              .codes = io->codes,
                              .of = io->of,
                              .ldx = io->ldx,
                              .n = io->rows,
                              .y = io->y,
                              .ldy = io->ldy,
                              .a_noise = sums.noise,
                              .a_signal = sums.signal,
                              .tape = io->tape,
                              .work = work,
                              .use = og_probe_use(v, m)};
    if (room.x) {
        float *x = (float *)(work + room.product);
        convert(m, io, x);
        for (int s = 0; s < l->segments; s++)
            if (m->injects[s])
                add_input_noise(v, m, io, s, x, (float *)(work + room.product + room.x));
        read.x = x;
        read.ldx = l->rows;
    }
    const struct og_read which = {
        .seed = v->batch->seed,
        .trial = v->batch->trial,
        .pass = v->batch->pass,
        .sample = v->sample,
        .positions = io->rows / v->n,
        .step = io->step,
    };
    og_array_read(m->array, &which, &read);
}

// Noise and signal for backward, of the columns that have noise.
static void keep_power(const struct og_view *v, const struct og_matrix *m,
                       const struct og_linear_io *io, struct at_sums sums)
{
    const size_t bytes = io->rows * decl_of(m)->cols * sizeof(float);
    char *at = (char *)io->tape + og_round64(og_array_tape_bytes(m->array, io->rows));
    memcpy(at, sums.noise, bytes);
    at += sums_bytes(m, io->rows);
    memcpy(at, sums.signal, bytes);
    clear_other_gates(v, m, (float *)at, io->rows);
}

static void read_noisy(const struct og_view *v, const struct og_matrix *m,
                       const struct og_linear_io *io)
{
    const struct og_linear_decl *l = decl_of(m);
    struct room room = room_of(v->exec, m, io->rows);
    if (!room.a_noise) {
        read_array(v, m, io, (struct at_sums){NULL, NULL});
        return;
    }
    char *work = (char *)io->work + room.product + room.x + room.x_noise;
    float *noise = (float *)work, *signal = (float *)(work + room.a_noise);
    struct og_noise at = noise_at(v->exec, m, OG_POINT_A, io->step, io->rows);
    at.width = l->cols;
    og_noise_fill(v, &at, noise);
    clear_other_gates(v, m, noise, io->rows);
    bool gathers = gathers_in_read(v), keeps = io->tape && keeps_power(v->exec, m);
    struct at_sums sums = {noise, gathers || keeps ? signal : NULL};
    read_array(v, m, io, sums);
    if (keeps) keep_power(v, m, io, sums);
    if (gathers) add_sums_power(v, m, signal, l->cols, io->rows);
}

bool og_linear_gathers(const og_exec *exec, const struct og_node *node, int k,
                       enum og_part part)
{
    const struct og_matrix *m = og_exec_linear(exec, node, k);
    if (!exec->together || exec->mode != OG_RUN) return false;
    if (part == OG_PART_SUMS) return og_injects_sums(exec, decl_of(m), node);
    return m->injects[0] || m->injects[1];
}

// What the noise of the read will be measured by: its inputs as converted, or the sums of
// the same read without noise at A.
static void gather_signals(const struct og_view *v, const struct og_matrix *m,
                           const struct og_linear_io *io)
{
    const struct og_linear_decl *l = decl_of(m);
    if (io->part == OG_PART_SUMS) {
        struct og_linear_io trial = *io;
        trial.tape = NULL;
        struct room room = room_of(v->exec, m, io->rows);
        size_t before = room.product + room.x + room.x_noise + room.a_noise;
        float *signal = (float *)((char *)io->work + before);
        read_array(v, m, &trial, (struct at_sums){NULL, signal});
        add_sums_power(v, m, signal, l->cols, io->rows);
        return;
    }
    float *x = (float *)((char *)io->work + room_of(v->exec, m, io->rows).product);
    convert(m, io, x);
    for (int s = 0; s < l->segments; s++) {
        if (!m->injects[s]) continue;
        int point = l->segment[s].recurrent ? OG_POINT_H : OG_POINT_X;
        og_power_add(v, noise_at(v->exec, m, point, io->step, io->rows).slot,
                     x + og_segment_first(l, s), l->rows, io->rows, l->segment[s].rows);
    }
}

static void observe_sums(const struct og_view *v, const struct og_matrix *m,
                         const struct og_linear_io *io)
{
    struct room room = room_of(v->exec, m, io->rows);
    const float *x = io->x;
    size_t ldx = io->ldx;
    if (!m->adc_ranges) return;
    if (room.x) {
        float *converted = (float *)((char *)io->work + room.product);
        convert(m, io, converted);
        x = converted;
        ldx = decl_of(m)->rows;
    }
    og_array_observe(m->array, x, ldx, io->rows, io->work);
}

static void observe(const struct og_view *v, const struct og_matrix *m,
                    const struct og_linear_io *io)
{
    const struct og_linear_decl *l = decl_of(m);
    if (v->exec->mode == OG_OBSERVE_SUM) {
        observe_sums(v, m, io);
        return;
    }
    og_range_observe(v, m, io);
    for (int s = 0; s < l->segments; s++) {
        if (!m->injects[s]) continue;
        size_t slot = OG_SLOTS * m->index + (l->segment[s].recurrent ? 1 : 0);
        og_power_add(v, slot, io->x + og_segment_first(l, s), io->ldx, io->rows,
                     l->segment[s].rows);
    }
    if (og_injects_sums(v->exec, l, m->node))
        add_sums_power(v, m, io->y, io->ldy, io->rows);
}

void og_linear_forward(const struct og_view *v, const struct og_linear_io *io)
{
    const struct og_matrix *m = og_exec_linear(v->exec, v->node, io->k);
    assert(io->rows % v->n == 0);
    if (io->part != OG_PART_READ) {
        if (og_linear_gathers(v->exec, v->node, io->k, io->part))
            gather_signals(v, m, io);
        return;
    }
    if (m->array && v->exec->mode == OG_RUN) {
        read_noisy(v, m, io);
        if (v->exec->probe) og_probe_compare(v, m, io);
        return;
    }
    og_product((struct og_left){io->x, io->ldx, 1}, io->rows, m->w, io->y, io->ldy, 0);
    if (v->exec->mode == OG_RECORD)
        og_probe_record(v, m, io);
    else if (v->exec->mode != OG_RUN)
        observe(v, m, io);
    else if (v->exec->probe)
        og_probe_compare(v, m, io);
}

// --- backward ------------------------------------------------------------------------

// dW += dy^T x, in runs of OG_PACK_ROWS rows: x is the packed side.
static void weight_gradient(const struct og_linear_decl *l,
                            const struct og_linear_back *io, float *dw)
{
    for (size_t r = 0; r < io->rows; r += OG_PACK_ROWS) {
        size_t n = io->rows - r < OG_PACK_ROWS ? io->rows - r : OG_PACK_ROWS;
        og_packed *x = og_packed_place(io->work, OG_PACK_ROWS, l->rows);
        og_pack(x, io->x + r * io->ldx, io->ldx, 1, n, l->rows);
        og_product((struct og_left){io->dy + r * io->lddy, 1, io->lddy}, l->cols, x, dw,
                   l->stride, 1);
    }
}

// Where the DAC runs here, clipping stops the gradient here.
static void stop_clipped(const struct og_matrix *m, const struct og_linear_back *io)
{
    const struct og_linear_decl *l = decl_of(m);
    for (int s = 0; s < l->segments; s++) {
        if (!m->digital_dac[s] || m->dac_bits[s] == 0) continue;
        size_t first = og_segment_first(l, s), end = first + l->segment[s].rows;
        float range = m->range[s];
        for (size_t r = 0; r < io->rows; r++)
            for (size_t i = first; i < end; i++) {
                float x = io->x[r * io->ldx + i];
                if (x > range || x < -range) io->dx[r * io->lddx + i] = 0.0f;
            }
    }
}

// dy with what the power of the noise adds.
static const float *with_power(const struct og_view *v, const struct og_matrix *m,
                               const struct og_linear_back *io, float *out)
{
    const size_t cols = decl_of(m)->cols;
    const char *at =
        (const char *)io->tape + og_round64(og_array_tape_bytes(m->array, io->rows));
    const float *noise = (const float *)at;
    const float *signal = (const float *)(at + sums_bytes(m, io->rows));
    for (size_t r = 0; r < io->rows; r++)
        memcpy(out + r * cols, io->dy + r * io->lddy, cols * sizeof *out);
    og_power_back(og_exec_hardware(v->exec, v->node)->injection.ac, noise, signal,
                  io->rows * cols, out);
    return out;
}

// dw == NULL: only that of the inputs.
static void array_gradient(const struct og_view *v, const struct og_matrix *m,
                           const struct og_linear_back *io, float *dw)
{
    const struct og_linear_decl *l = decl_of(m);
    struct room room = room_of(v->exec, m, io->rows);
    float *own = dw;
    if (room.dw && dw) {
        own = (float *)((char *)io->work + room.total - room.dw);
        memset(own, 0, l->rows * l->cols * sizeof *own);
    }
    const bool power = keeps_power(v->exec, m);
    float *dy = (float *)((char *)io->work + room.total - room.dw - room.dy);
    const struct og_backward_io back = {
        .dy = power ? with_power(v, m, io, dy) : io->dy,
        .lddy = power ? l->cols : io->lddy,
        .n = io->rows,
        .dx = io->dx,
        .lddx = io->lddx,
        .dw = own,
        .tape = io->tape,
        .work = io->work,
        .gradient = v->exec->gradient,
        .reparam = v->exec->reparam,
    };
    og_array_backward(m->array, &back);
    for (size_t j = 0; room.dw && dw && j < l->cols; j++)
        for (size_t i = 0; i < l->rows; i++)
            dw[j * l->stride + i] += own[j * l->rows + i];
    if (io->dx && v->exec->gradient == OG_CLIPPED && room.x) stop_clipped(m, io);
}

bool og_linear_backward_needs_x(const og_exec *exec, const struct og_node *node, int k)
{
    const struct og_matrix *m = og_exec_linear(exec, node, k);
    return !m->array || (exec->gradient == OG_CLIPPED && has_digital_dac(m));
}

const float *og_linear_plain(const struct og_view *v, int k)
{
    return og_exec_linear(v->exec, v->node, k)->plain;
}

const float *og_linear_straight(const struct og_view *v, int k)
{
    const struct og_matrix *m = og_exec_linear(v->exec, v->node, k);
    const bool mine = decl_of(m)->plain && m->array && !has_digital_dac(m);
    if (!mine || v->exec->gradient != OG_STRAIGHT_THROUGH || keeps_power(v->exec, m))
        return NULL;
    return og_array_straight(m->array);
}

void og_linear_dac(const struct og_view *v, int k, const float *x, size_t n, float *out)
{
    og_array_dac(og_exec_linear(v->exec, v->node, k)->array, x, n, out);
}

bool og_linear_takes_codes(const struct og_view *v, int k)
{
    const struct og_matrix *m = og_exec_linear(v->exec, v->node, k);
    const bool leaves_tape = v->tape && !og_linear_straight(v, k);
    return m->array && !og_linear_is_watched(v) && !has_digital_dac(m) && !leaves_tape &&
           og_array_takes_codes(m->array);
}

void og_linear_codes(const struct og_view *v, int k, const float *x, size_t n,
                     float *codes)
{
    og_array_codes(og_exec_linear(v->exec, v->node, k)->array, x, n, codes);
}

bool og_linear_is_watched(const struct og_view *v)
{
    return v->exec->mode != OG_RUN || v->exec->probe;
}

float *og_linear_gradient(const struct og_view *v, int k)
{
    const struct og_linear_decl *l = &v->node->linear[k];
    return v->exec->inputs ? NULL : v->dparam[l->param] + l->first;
}

void og_linear_backward(const struct og_view *v, const struct og_linear_back *io)
{
    const struct og_matrix *m = og_exec_linear(v->exec, v->node, io->k);
    const struct og_linear_decl *l = decl_of(m);
    float *dw = v->exec->inputs ? NULL : v->dparam[l->param] + l->first;
    if (m->array) {
        array_gradient(v, m, io, dw);
        return;
    }
    if (dw) weight_gradient(l, io, dw);
    if (io->dx)
        og_product((struct og_left){io->dy, io->lddy, 1}, io->rows, m->wt, io->dx,
                   io->lddx, 0);
}
