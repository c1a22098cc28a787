// SPDX-License-Identifier: GPL-3.0-or-later
// The walk through time: blocks of samples over threads, each through all steps of both
// directions. Sequences that are over take no part in reads and keep their states.
#include <string.h>

#include "base/mem.h"
#include "nn/op.h"
#include "onnx/rnn.h"

// --- sizes ---------------------------------------------------------------------------

static bool has_shape(const struct og_nd *a, int rank, const size_t *dim)
{
    bool same = !a || a->rank == rank;
    for (int k = 0; a && same && k < rank; k++) same = (size_t)a->dim[k] == dim[k];
    return same;
}

static og_status check_input(const struct og_call *c, size_t input, int rank,
                             const size_t *dim)
{
    const struct og_nd *a = og_call_in(c, input);
    if (has_shape(a, rank, dim)) return OG_OK;
    char is[OG_ND_TEXT], wanted[OG_ND_TEXT];
    int64_t want[3] = {0};
    for (int k = 0; k < rank; k++) want[k] = (int64_t)dim[k];
    og_nd_shape_text(a->rank, a->dim, is);
    og_nd_shape_text(rank, want, wanted);
    return og_call_fail(c, "input %zu has the shape %.100s, expected %.100s", input, is,
                        wanted);
}

static og_status check_lengths(const struct og_rnn_run *q)
{
    const struct og_nd *lengths = q->lengths;
    for (size_t i = 0; lengths && i < lengths->count; i++) {
        int64_t n = og_nd_int(lengths, i);
        if (n < 0 || (size_t)n > q->steps)
            return og_call_fail(q->c, "a sequence of %lld in %zu steps", (long long)n,
                                q->steps);
    }
    return OG_OK;
}

static og_status check_sizes(struct og_rnn_run *q)
{
    const struct og_call *c = q->c;
    size_t d = (size_t)q->plan.directions, rows = (size_t)q->plan.gates * q->units;
    OG_TRY(check_input(c, RNN_W, 3, (size_t[]){d, rows, q->inputs}));
    OG_TRY(check_input(c, RNN_R, 3, (size_t[]){d, rows, q->units}));
    OG_TRY(check_input(c, RNN_B, 2, (size_t[]){d, 2 * rows}));
    OG_TRY(check_input(c, RNN_LENGTHS, 1, (size_t[]){q->batch}));
    size_t state[3] = {d, q->batch, q->units}, first[3] = {q->batch, d, q->units};
    for (size_t k = RNN_H; k <= RNN_C; k++)
        OG_TRY(check_input(c, k, 3, q->plan.batch_first ? first : state));
    OG_TRY(check_input(c, RNN_P, 2, (size_t[]){d, 3 * q->units}));
    return check_lengths(q);
}

static og_status read_run(const struct og_call *c, struct og_rnn_run *q)
{
    const struct og_nd *x = c->in[RNN_X], *r = c->in[RNN_R];
    char why[OG_WHY];
    *q = (struct og_rnn_run){.c = c, .lengths = og_call_in(c, RNN_LENGTHS)};
    if (!og_rnn_plan_read(c->node, &q->plan, why)) return og_call_fail(c, "%s", why);
    if (x->rank != 3 || r->rank != 3)
        return og_call_fail(c, "X has %d axes and R %d, expected three", x->rank,
                            r->rank);
    q->steps = (size_t)x->dim[q->plan.batch_first];
    q->batch = (size_t)x->dim[!q->plan.batch_first];
    q->inputs = (size_t)x->dim[2];
    q->units = (size_t)r->dim[2];
    if (q->batch > UINT32_MAX || q->steps > UINT32_MAX)
        return og_call_fail(c, "%zu samples of %zu steps", q->batch, q->steps);
    if ((size_t)og_node_int(c->node, "hidden_size", (int64_t)q->units) != q->units)
        return og_call_fail(c, "hidden_size differs from R, which has %zu", q->units);
    return check_sizes(q);
}

// --- weights -------------------------------------------------------------------------

static void add_piece(struct og_rnn_run *q, struct og_rnn_piece piece)
{
    for (int d = 0; d < q->plan.directions; d++) q->piece[d][q->pieces] = piece;
    q->pieces++;
}

// Gates [first, first + gates) as rnn.mapping asks for.
static void add_gates(struct og_rnn_run *q, enum og_rnn_mapping mapping, int first,
                      int gates, bool after_reset)
{
    struct og_rnn_piece p = {.first = first, .gates = gates, .of_x = true, .of_h = true};
    p.after_reset = after_reset;
    if (mapping == OG_RNN_PER_GATE) {
        p.gates = 1;
        for (; p.first < first + gates; p.first++) add_piece(q, p);
        return;
    }
    p.of_h = mapping != OG_RNN_SPLIT;
    add_piece(q, p);
    p.of_x = false;
    p.of_h = true;
    if (mapping == OG_RNN_SPLIT) add_piece(q, p);
}

// GRU's candidate reads r h, or (linear_before_reset) h by itself.
static void plan_pieces(struct og_rnn_run *q, enum og_rnn_mapping mapping)
{
    if (q->plan.kind != OG_KIND_GRU) {
        add_gates(q, mapping, 0, q->plan.gates, false);
        return;
    }
    add_gates(q, mapping, 0, 2, false);
    if (!q->plan.before_reset) {
        add_gates(q, mapping, 2, 1, true);
        return;
    }
    add_piece(q, (struct og_rnn_piece){.first = 2, .gates = 1, .of_x = true});
    add_piece(q,
              (struct og_rnn_piece){.first = 2, .gates = 1, .of_h = true, .apart = true});
}

static void copy_weights(const struct og_rnn_run *q, const struct og_rnn_piece *p, int d,
                         float *w)
{
    const float *of_x = og_nd_f32(q->c->in[RNN_W]), *of_h = og_nd_f32(q->c->in[RNN_R]);
    size_t gates = (size_t)q->plan.gates, rows = (size_t)p->gates * q->units;
    size_t first = ((size_t)d * gates + (size_t)p->first) * q->units;
    for (size_t j = 0; j < rows; j++) {
        const float *x = of_x + (first + j) * q->inputs;
        const float *h = of_h + (first + j) * q->units;
        for (size_t i = 0; p->of_x && i < q->inputs; i++) *w++ = x[i];
        for (size_t i = 0; p->of_h && i < q->units; i++) *w++ = h[i];
    }
}

static og_status make_piece(struct og_rnn_run *q, int d, struct og_rnn_piece *p)
{
    const struct og_call *c = q->c;
    struct og_factor f = {.out = (size_t)p->gates * q->units,
                          .in = (p->of_x ? q->inputs : 0) + (p->of_h ? q->units : 0),
                          .out_step =
                              (p->of_x ? q->inputs : 0) + (p->of_h ? q->units : 0),
                          .in_step = 1,
                          .constant = c->constant[RNN_W] && c->constant[RNN_R],
                          .recurrent = true,
                          .is_h = !p->of_x};
    if (p->of_x) f.segment[f.segments++] = q->inputs;
    if (p->of_h) f.segment[f.segments++] = q->units;
    float *w = og_alloc(f.out * f.in, sizeof *w);
    if (!w) return og_fail(c->err, OG_NO_MEMORY, "out of memory");
    copy_weights(q, p, d, w);
    f.w = w;
    og_status status = og_engine_product(c, &f, &p->product);
    og_free(w);
    if (status != OG_OK) return status;
    size_t bytes = og_product_work(p->product, RNN_ROWS);
    if (bytes > q->work_bytes) q->work_bytes = bytes;
    return OG_OK;
}

// Bits of gates and c, where the layer is on arrays.
static og_status set_bits(struct og_rnn_run *q, const struct og_hardware *hw)
{
    const struct og_call *c = q->c;
    if (!og_engine_reads(c->engine) || !c->constant[RNN_W] || !c->constant[RNN_R])
        return OG_OK;
    q->gate_bits = hw->rnn.gate_bits;
    q->c_bits = q->plan.kind == OG_KIND_LSTM ? hw->rnn.c_bits : 0;
    q->c_range = (float)hw->rnn.c_range;
    for (int d = 0; q->gate_bits && d < q->plan.directions; d++)
        for (int a = 0; a < q->plan.activations; a++)
            if (!q->plan.act[d][a].is_sigmoid && !q->plan.act[d][a].is_tanh)
                return og_call_fail(c, "rnn.gate_bits needs gates of Sigmoid and Tanh");
    return OG_OK;
}

static og_status make_pieces(struct og_rnn_run *q)
{
    const struct og_hardware *hw = og_engine_hardware(q->c->engine);
    if (hw) OG_TRY(set_bits(q, hw));
    plan_pieces(q, hw ? hw->rnn.mapping : OG_RNN_COMBINED);
    for (int d = 0; d < q->plan.directions; d++)
        for (int k = 0; k < q->pieces; k++) OG_TRY(make_piece(q, d, &q->piece[d][k]));
    return OG_OK;
}

// --- time ----------------------------------------------------------------------------

// A thread's memory: for RNN_ROWS rows.
struct room {
    float *xh, *sum, *part, *apart, *h, *c, *reset, *all_h, *all_c;
    void *work;
};

static size_t lay_out(const struct og_rnn_run *q, char *memory, struct room *room)
{
    size_t gates = (size_t)q->plan.gates * q->units, at = 0, n = RNN_ROWS;
    float **field[] = {&room->xh, &room->sum,   &room->part,  &room->apart, &room->h,
                       &room->c,  &room->reset, &room->all_h, &room->all_c};
    size_t width[] = {q->inputs + q->units,
                      gates,
                      gates,
                      q->units,
                      q->units,
                      q->units,
                      q->units,
                      q->units,
                      q->units};
    for (size_t k = 0; k < sizeof width / sizeof *width; k++) {
        if (memory) *field[k] = (float *)(memory + at);
        at += og_round64(n * width[k] * sizeof(float));
    }
    if (memory) room->work = memory + at;
    return at + q->work_bytes;
}

// Rows of a block that are at work in a step.
struct active {
    size_t n;
    uint32_t sample[RNN_ROWS];
    size_t row[RNN_ROWS], time[RNN_ROWS];
};

static size_t length_of(const struct og_rnn_run *q, size_t sample)
{
    return q->lengths ? (size_t)og_nd_int(q->lengths, sample) : q->steps;
}

static void find_active(const struct og_rnn_run *q, size_t first, size_t n, size_t step,
                        bool reverse, struct active *a)
{
    a->n = 0;
    for (size_t r = 0; r < n; r++) {
        size_t length = length_of(q, first + r);
        if (step >= length) continue;
        a->sample[a->n] = (uint32_t)(first + r);
        a->row[a->n] = r;
        a->time[a->n++] = reverse ? length - 1 - step : step;
    }
}

static void multiply(const struct og_rnn_run *q, const struct active *a,
                     const struct og_rnn_piece *p, const struct room *room, size_t step)
{
    size_t units = q->units, gates = (size_t)q->plan.gates,
           out = (size_t)p->gates * units;
    const struct og_product_io io = {.x = room->xh + (p->of_x ? 0 : q->inputs),
                                     .ldx = q->inputs + units,
                                     .rows = a->n,
                                     .y = room->part,
                                     .ldy = out,
                                     .sample = a->sample,
                                     .positions = 1,
                                     .step = (uint32_t)step,
                                     .per_sample = 1,
                                     .work = room->work};
    og_product_read(p->product, &io);
    for (size_t r = 0; r < a->n; r++) {
        float *to = p->apart ? room->apart + r * units
                             : room->sum + (r * gates + (size_t)p->first) * units;
        for (size_t i = 0; i < out; i++) to[i] += room->part[r * out + i];
    }
}

// [x_t, state] of the active rows.
static void gather(const struct og_rnn_run *q, const struct active *a,
                   const struct room *room, const float *state)
{
    const float *x = og_nd_f32(q->c->in[RNN_X]);
    size_t width = q->inputs + q->units;
    for (size_t r = 0; r < a->n; r++) {
        size_t row = q->plan.batch_first ? a->sample[r] * q->steps + a->time[r]
                                         : a->time[r] * q->batch + a->sample[r];
        memcpy(room->xh + r * width, x + row * q->inputs, q->inputs * sizeof *x);
        memcpy(room->xh + r * width + q->inputs, state + r * q->units,
               q->units * sizeof *x);
    }
}

static void step_once(const struct og_rnn_run *q, const struct active *a, int d,
                      size_t step, const struct room *room)
{
    struct og_rnn_now s = {.run = q,
                           .direction = d,
                           .n = a->n,
                           .sum = room->sum,
                           .apart = room->apart,
                           .h = room->h,
                           .c = room->c,
                           .reset = room->reset};
    size_t gates = (size_t)q->plan.gates * q->units;
    memset(room->sum, 0, a->n * gates * sizeof(float));
    memset(room->apart, 0, a->n * q->units * sizeof(float));
    gather(q, a, room, room->h);
    for (int k = 0; k < q->pieces; k++)
        if (!q->piece[d][k].after_reset) multiply(q, a, &q->piece[d][k], room, step);
    if (q->plan.kind == OG_KIND_GRU) {
        og_rnn_reset(&s);
        gather(q, a, room, room->reset);
        for (int k = 0; k < q->pieces; k++)
            if (q->piece[d][k].after_reset) multiply(q, a, &q->piece[d][k], room, step);
    }
    og_rnn_cell(&s);
}

static size_t state_at(const struct og_rnn_run *q, size_t sample, size_t d)
{
    size_t directions = (size_t)q->plan.directions;
    size_t row = q->plan.batch_first ? sample * directions + d : d * q->batch + sample;
    return row * q->units;
}

static void write_outputs(const struct og_rnn_run *q, const struct active *a, size_t d,
                          const struct room *room)
{
    size_t directions = (size_t)q->plan.directions, bytes = q->units * sizeof(float);
    struct og_nd *y = og_call_out(q->c, 0);
    for (size_t r = 0; r < a->n; r++) {
        size_t t = a->time[r], sample = a->sample[r];
        size_t row = q->plan.batch_first ? (sample * q->steps + t) * directions + d
                                         : (t * directions + d) * q->batch + sample;
        memcpy(room->all_h + a->row[r] * q->units, room->h + r * q->units, bytes);
        memcpy(room->all_c + a->row[r] * q->units, room->c + r * q->units, bytes);
        if (y) memcpy((float *)y->data + row * q->units, room->h + r * q->units, bytes);
    }
}

// State of the block's samples before the first step, or after the last one.
static void move_states(const struct og_rnn_run *q, size_t first, size_t n, size_t d,
                        const struct room *room, bool begin)
{
    const struct og_call *c = q->c;
    float *all[2] = {room->all_h, room->all_c};
    for (size_t k = 0; k < 2; k++)
        for (size_t r = 0; r < n; r++) {
            const struct og_nd *in = og_call_in(c, RNN_H + k);
            struct og_nd *out = og_call_out(c, 1 + k);
            float *at = all[k] + r * q->units;
            size_t place = state_at(q, first + r, d);
            for (size_t i = 0; begin && i < q->units; i++)
                at[i] = in ? og_nd_f32(in)[place + i] : 0.0f;
            if (!begin && out)
                memcpy((float *)out->data + place, at, q->units * sizeof *at);
        }
}

static void run_block(const struct og_rnn_run *q, size_t block, size_t d, char *memory)
{
    struct room room = {0};
    struct active a;
    size_t first = block * RNN_ROWS, left = q->batch - first, units = q->units;
    size_t n = left < RNN_ROWS ? left : RNN_ROWS;
    bool reverse = q->plan.reverse || d == 1;
    lay_out(q, memory, &room);
    move_states(q, first, n, d, &room, true);
    for (size_t step = 0; step < q->steps; step++) {
        find_active(q, first, n, step, reverse, &a);
        if (a.n == 0) break;
        for (size_t r = 0; r < a.n; r++) {
            memcpy(room.h + r * units, room.all_h + a.row[r] * units,
                   units * sizeof(float));
            memcpy(room.c + r * units, room.all_c + a.row[r] * units,
                   units * sizeof(float));
        }
        step_once(q, &a, (int)d, step, &room);
        write_outputs(q, &a, d, &room);
    }
    move_states(q, first, n, d, &room, false);
}

static og_status run_time(const struct og_rnn_run *q)
{
    struct room none = {0};
    size_t bytes = lay_out(q, NULL, &none), blocks = (q->batch + RNN_ROWS - 1) / RNN_ROWS;
    size_t jobs = blocks * (size_t)q->plan.directions;
    char *work = og_engine_work(bytes);
    if (!work) return og_fail(q->c->err, OG_NO_MEMORY, "out of memory");
#pragma omp parallel for schedule(static) default(none)                                  \
    shared(q, bytes, blocks, jobs, work) if (jobs > 1)
    for (size_t j = 0; j < jobs; j++)
        run_block(q, j % blocks, j / blocks, og_engine_own_work(work, bytes));
    og_free(work);
    return OG_OK;
}

static og_status make_outputs(const struct og_rnn_run *q)
{
    int64_t t = (int64_t)q->steps, n = (int64_t)q->batch, d = q->plan.directions;
    int64_t h = (int64_t)q->units;
    int64_t y[4] = {t, d, n, h}, y_first[4] = {n, t, d, h};
    int64_t state[3] = {d, n, h}, state_first[3] = {n, d, h};
    bool first = q->plan.batch_first;
    OG_TRY(og_call_make(q->c, 0, OG_ND_FLOAT, 4, first ? y_first : y));
    OG_TRY(og_call_make(q->c, 1, OG_ND_FLOAT, 3, first ? state_first : state));
    return og_call_make(q->c, 2, OG_ND_FLOAT, 3, first ? state_first : state);
}

og_status og_run_rnn(const struct og_call *c)
{
    struct og_rnn_run q;
    OG_TRY(read_run(c, &q));
    OG_TRY(make_outputs(&q));
    og_status status = make_pieces(&q);
    if (status == OG_OK && q.units > 0) status = run_time(&q);
    for (int d = 0; d < q.plan.directions; d++)
        for (int k = 0; k < q.pieces; k++)
            og_engine_release(c->engine, q.piece[d][k].product);
    return status;
}
