// SPDX-License-Identifier: GPL-3.0-or-later
// Recurrent layers through time, forward and backward, one block of samples at a time.
// What a step leaves for backward lies in a slot of the tape; without a tape all steps
// share one slot of the workspace.
#include <string.h>

#include "nn/exec.h"
#include "nn/rnn_common.h"

struct slot {
    size_t xh, xrh, kept, tape[OG_RNN_GATES], total;
};

struct room {
    size_t slot, seq[2], xsum, hsum, dxh, dx, dh, dc, drh, h, linear, total;
};

struct og_rnn_place {
    const struct og_view *v;
    size_t n, steps, units, directions, inputs, stride;
    int cell, first, linears;  // matrices of the cell: node->linear[first ...]
    struct slot slot;
    struct room room;
    char *work, *tape;  // tape: slots of this cell, NULL when not training
};

static size_t take(size_t *total, size_t floats)
{
    size_t at = *total;
    *total += og_round64(floats * sizeof(float));
    return at;
}

static size_t directions_of(const struct og_node *node)
{
    return ((const struct og_rnn_attr *)node->attr)->bidirectional ? 2 : 1;
}

static size_t columns_of(const struct og_node *node, int cell)
{
    return node->param[2 * cell].dim[1];
}

// `exec`: NULL where no products leave a tape.
static struct slot slot_of(const og_exec *exec, const struct og_node *node, int cell,
                           size_t n)
{
    const struct og_rnn_attr *a = node->attr;
    size_t columns = columns_of(node, cell), units = (size_t)a->units;
    const struct og_rnn_cell *law = og_rnn_law(node);
    int cells = node->params / 2, linears = node->linears / cells;
    bool second = law->two_sums && !a->before;
    struct slot slot = {0};
    slot.xh = take(&slot.total, n * columns);
    slot.xrh = take(&slot.total, second ? n * columns : 0);
    slot.kept = take(&slot.total, (size_t)law->kept * n * units);
    for (int k = 0; exec && k < linears; k++) {
        slot.tape[k] = slot.total;
        slot.total += og_round64(og_linear_tape_bytes(exec, node, cell * linears + k, n));
    }
    return slot;
}

static struct room room_of(const og_exec *exec, const struct og_node *node, size_t n)
{
    const struct og_rnn_attr *a = node->attr;
    size_t units = (size_t)a->units, steps = node->in[0].dim[0], columns = 0, slot = 0;
    size_t gates = (size_t)og_rnn_law(node)->gates, state = n * units, linear = 0;
    for (int cell = 0; cell < node->params / 2; cell++) {
        struct slot one = slot_of(NULL, node, cell, n);
        if (columns_of(node, cell) > columns) columns = columns_of(node, cell);
        if (one.total > slot) slot = one.total;
    }
    for (int k = 0; k < node->linears; k++) {
        size_t bytes = og_linear_work_bytes(exec, node, k, n);
        if (bytes > linear) linear = bytes;
    }
    size_t seq = a->layers > 1 ? steps * directions_of(node) * state : 0;
    struct room room = {.total = slot};
    for (int i = 0; i < 2; i++) room.seq[i] = take(&room.total, seq);
    room.xsum = take(&room.total, gates * state);
    room.hsum = take(&room.total, gates * state);
    room.dxh = take(&room.total, n * columns);
    room.dx = take(&room.total, n * columns);
    room.dh = take(&room.total, state);
    room.dc = take(&room.total, state);
    room.drh = take(&room.total, state);
    room.h = take(&room.total, state);
    room.linear = room.total;
    room.total += og_round64(linear);
    return room;
}

size_t og_rnn_tape_bytes(const og_exec *exec, const struct og_node *node, size_t n)
{
    size_t total = 0, steps = node->in[0].dim[0];
    for (int cell = 0; cell < node->params / 2; cell++)
        total += steps * slot_of(exec, node, cell, n).total;
    return total;
}

size_t og_rnn_work_bytes(const og_exec *exec, const struct og_node *node, size_t n)
{
    return room_of(exec, node, n).total;
}

static struct og_rnn_place place_of(const struct og_view *v)
{
    const struct og_rnn_attr *a = v->node->attr;
    return (struct og_rnn_place){
        .v = v,
        .n = v->n,
        .steps = v->node->in[0].dim[0],
        .units = (size_t)a->units,
        .directions = directions_of(v->node),
        .linears = v->node->linears / (v->node->params / 2),
        .room = room_of(v->exec, v->node, v->n),
        .work = v->work,
    };
}

// Goes to a cell. Cells lie in the tape one after the other.
static void enter(struct og_rnn_place *p, int cell)
{
    const struct og_view *v = p->v;
    p->cell = cell;
    p->first = cell * p->linears;
    p->stride = columns_of(v->node, cell);
    p->inputs = p->stride - p->units;
    const og_exec *tapes = v->tape ? v->exec : NULL;
    p->slot = slot_of(tapes, v->node, cell, p->n);
    p->tape = v->tape;
    for (int before = 0; p->tape && before < cell; before++)
        p->tape += p->steps * slot_of(tapes, v->node, before, p->n).total;
}

static float *work_at(const struct og_rnn_place *p, size_t offset)
{
    return (float *)(p->work + offset);
}

static char *slot_at(const struct og_rnn_place *p, size_t turn)
{
    return p->tape ? p->tape + turn * p->slot.total : p->work + p->room.slot;
}

static size_t gate_of(const struct og_rnn_place *p, const struct og_linear_decl *l)
{
    return l->first / l->stride / p->units;
}

// Column of [x, h] at which a matrix begins: 0, or the first of h.
static size_t start_of(const struct og_linear_decl *l) { return l->first % l->stride; }

// Whether it reads r h instead of h.
static bool is_second(const struct og_rnn_step *s, const struct og_linear_decl *l)
{
    bool reads_h = start_of(l) + l->rows > s->inputs;
    return reads_h && !s->attr->before && (int)gate_of(s->place, l) >= s->law->common;
}

// turn: how many steps came before; a reverse cell begins at the last position.
static struct og_rnn_step step_at(const struct og_rnn_place *p, size_t turn)
{
    const struct og_view *v = p->v;
    bool reverse = (size_t)p->cell % p->directions == 1;
    char *slot = slot_at(p, turn), *before = slot_at(p, turn > 0 ? turn - 1 : 0);
    struct og_rnn_step s = {
        .v = v,
        .attr = v->node->attr,
        .law = og_rnn_law(v->node),
        .n = p->n,
        .units = p->units,
        .inputs = p->inputs,
        .cell = (uint32_t)p->cell,
        .t = (uint32_t)(reverse ? p->steps - 1 - turn : turn),
        .first = turn == 0,
        .b = v->param[2 * p->cell + 1],
        .xh = (float *)(slot + p->slot.xh),
        .xrh = (float *)(slot + p->slot.xrh),
        .kept = (float *)(slot + p->slot.kept),
        .before = (float *)(before + p->slot.kept),
        .xsum = work_at(p, p->room.xsum),
        .hsum = work_at(p, p->room.hsum),
        .h = work_at(p, p->room.h),
        .place = p,
    };
    for (int k = 0; k < p->linears; k++) {
        const struct og_linear_decl *l = &v->node->linear[p->first + k];
        size_t gate = gate_of(p, l), end = gate + l->cols / p->units;
        for (; start_of(l) > 0 && gate < end; gate++)
            s.apart[gate] =
                !(s.law->two_sums && s.attr->before && (int)gate >= s.law->common);
    }
    return s;
}

// --- forward
// -----------------------------------------------------------------------------

static void products(const struct og_rnn_step *s, bool second)
{
    const struct og_rnn_place *p = s->place;
    size_t ld = (size_t)s->law->gates * s->units;
    char *slot = (char *)s->xh - p->slot.xh;
    for (int k = 0; k < p->linears; k++) {
        const struct og_linear_decl *l = &s->v->node->linear[p->first + k];
        if (is_second(s, l) != second) continue;
        const struct og_linear_io io = {
            .k = p->first + k,
            .x = (second ? s->xrh : s->xh) + start_of(l),
            .ldx = p->stride,
            .rows = s->n,
            .y = (start_of(l) > 0 ? s->hsum : s->xsum) + gate_of(p, l) * s->units,
            .ldy = ld,
            .step = s->t,
            .tape = p->tape ? slot + p->slot.tape[k] : NULL,
            .work = p->work + p->room.linear,
        };
        og_linear_forward(s->v, &io);
    }
}

void og_rnn_second(const struct og_rnn_step *s) { products(s, true); }

// A sequence inside a block: where sample r's vector at position t begins.
struct sequence {
    float *data;
    size_t sample, time;
};

static float *at(struct sequence q, size_t r, size_t t)
{
    return q.data + r * q.sample + t * q.time;
}

static void fill_input(const struct og_rnn_step *s, struct sequence x)
{
    for (size_t r = 0; r < s->n; r++) {
        float *to = s->xh + r * s->place->stride;
        memcpy(to, at(x, r, s->t), s->inputs * sizeof *to);
        if (s->first)
            memset(to + s->inputs, 0, s->units * sizeof *to);
        else
            memcpy(to + s->inputs, s->h + r * s->units, s->units * sizeof *to);
    }
}

// What layer `layer` reads; of gradients, where it adds them (data NULL: nowhere).
static struct sequence input_of(const struct og_rnn_place *p, int layer, float *own)
{
    size_t width = layer == 0 ? p->v->node->in[0].dim[1] : p->directions * p->units;
    float *data = layer == 0 ? own : work_at(p, p->room.seq[(layer - 1) & 1]);
    return (struct sequence){data, p->steps * width, width};
}

// What it writes (its gradients read): the node's output `own`, or the next one's input.
static struct sequence output_of(const struct og_rnn_place *p, int layer, float *own)
{
    const struct og_rnn_attr *a = p->v->node->attr;
    size_t width = p->directions * p->units;
    if (layer + 1 < a->layers) return input_of(p, layer + 1, NULL);
    if (a->returns == OG_RETURN_LAST) return (struct sequence){own, width, 0};
    return (struct sequence){own, p->steps * width, width};
}

// Whether a step's h is part of the output.
static bool is_output(const struct og_rnn_place *p, int layer, size_t turn)
{
    const struct og_rnn_attr *a = p->v->node->attr;
    bool every = layer + 1 < a->layers || a->returns == OG_RETURN_SEQUENCE;
    return every || turn + 1 == p->steps;
}

static void forward_cell(const struct og_rnn_place *p, struct sequence x,
                         struct sequence y)
{
    int layer = p->cell / (int)p->directions;
    size_t side = (size_t)p->cell % p->directions * p->units;
    for (size_t turn = 0; turn < p->steps; turn++) {
        struct og_rnn_step s = step_at(p, turn);
        fill_input(&s, x);
        products(&s, false);
        s.law->forward(&s);
        if (!is_output(p, layer, turn)) continue;
        for (size_t r = 0; r < s.n; r++)
            memcpy(at(y, r, s.t) + side, s.h + r * s.units, s.units * sizeof *s.h);
    }
}

void og_rnn_forward(const struct og_view *v)
{
    struct og_rnn_place p = place_of(v);
    for (int cell = 0; cell < v->node->params / 2; cell++) {
        int layer = cell / (int)p.directions;
        enter(&p, cell);
        // input_of serves gradients too, so it is not const; forward only reads it.
        forward_cell(&p, input_of(&p, layer, (float *)(uintptr_t)v->in[0]),
                     output_of(&p, layer, v->out));
    }
}

// --- backward
// ----------------------------------------------------------------------------

// dx (leading dimension `ld`) of one matrix, from the gradients of its column sums.
static void product_back(const struct og_rnn_step *s, int k, float *dx, size_t ld)
{
    const struct og_rnn_place *p = s->place;
    const struct og_linear_decl *l = &s->v->node->linear[p->first + k];
    const float *dsum = start_of(l) > 0 ? s->dhsum : s->dsum;
    const struct og_linear_back io = {
        .k = p->first + k,
        .x = (is_second(s, l) ? s->xrh : s->xh) + start_of(l),
        .dy = dsum + gate_of(p, l) * s->units,
        .ldx = p->stride,
        .rows = s->n,
        .lddy = (size_t)s->law->gates * s->units,
        .dx = dx,
        .lddx = ld,
        .tape = (char *)s->xh - p->slot.xh + p->slot.tape[k],
        .work = p->work + p->room.linear,
    };
    og_linear_backward(s->v, &io);
}

// Adds columns [from, to) of dx, which begins at column `start`, to dxh.
static void add_columns(const struct og_rnn_step *s, const struct og_linear_decl *l,
                        size_t to)
{
    const struct og_rnn_place *p = s->place;
    size_t start = start_of(l), end = start + l->rows < to ? start + l->rows : to;
    const float *dx = work_at(p, p->room.dx);
    float *dxh = work_at(p, p->room.dxh);
    for (size_t r = 0; r < s->n; r++)
        for (size_t i = start; i < end; i++)
            dxh[r * p->stride + i] += dx[r * l->rows + i - start];
}

void og_rnn_second_back(const struct og_rnn_step *s)
{
    const struct og_rnn_place *p = s->place;
    float *dx = work_at(p, p->room.dx);
    for (int k = 0; k < p->linears; k++) {
        const struct og_linear_decl *l = &s->v->node->linear[p->first + k];
        if (!is_second(s, l)) continue;
        product_back(s, k, dx, l->rows);
        add_columns(s, l, s->inputs);
        for (size_t r = 0; r < s->n; r++)
            memcpy(s->drh + r * s->units, dx + r * l->rows + s->inputs - start_of(l),
                   s->units * sizeof *dx);
    }
}

// The gradients of [x_t, h_{t-1}], in dxh.
static void products_back(const struct og_rnn_step *s)
{
    const struct og_rnn_place *p = s->place;
    if (p->linears == 1) {
        product_back(s, 0, work_at(p, p->room.dxh), p->stride);
        return;
    }
    for (int k = 0; k < p->linears; k++) {
        const struct og_linear_decl *l = &s->v->node->linear[p->first + k];
        if (is_second(s, l)) continue;
        product_back(s, k, work_at(p, p->room.dx), l->rows);
        add_columns(s, l, p->stride);
    }
}

static void bias_back(const struct og_rnn_step *s)
{
    float *db = s->v->dparam[2 * s->cell + 1];
    size_t width = (size_t)s->law->gates * s->units;
    for (size_t r = 0; r < s->n; r++)
        for (size_t j = 0; j < width; j++) db[j] += s->dsum[r * width + j];
    if (s->dhsum == s->dsum) return;
    for (size_t r = 0; r < s->n; r++)
        for (size_t j = 0; j < s->units; j++)
            db[width + j] += s->dhsum[(r + 1) * width - s->units + j];
}

// Hands dxh on: the part of h to the step before, the part of x to the input.
static void spread(const struct og_rnn_step *s, struct sequence dx)
{
    size_t stride = s->place->stride;
    const float *dxh = work_at(s->place, s->place->room.dxh);
    for (size_t r = 0; r < s->n; r++) {
        const float *from = dxh + r * stride + s->inputs;
        for (size_t j = 0; j < s->units; j++) s->dh[r * s->units + j] += from[j];
        if (!dx.data) continue;
        float *to = at(dx, r, s->t);
        for (size_t i = 0; i < s->inputs; i++) to[i] += dxh[r * stride + i];
    }
}

static void backward_cell(const struct og_rnn_place *p, struct sequence dy,
                          struct sequence dx)
{
    int layer = p->cell / (int)p->directions;
    size_t side = (size_t)p->cell % p->directions * p->units, state = p->n * p->units;
    float *dxh = work_at(p, p->room.dxh);
    memset(work_at(p, p->room.dh), 0, state * sizeof *dxh);
    memset(work_at(p, p->room.dc), 0, state * sizeof *dxh);
    for (size_t turn = p->steps; turn-- > 0;) {
        struct og_rnn_step s = step_at(p, turn);
        s.dh = work_at(p, p->room.dh);
        s.dc = work_at(p, p->room.dc);
        s.drh = work_at(p, p->room.drh);
        s.dsum = s.xsum;
        s.dhsum = s.law->two_sums && s.attr->before ? s.hsum : s.dsum;
        for (size_t r = 0; is_output(p, layer, turn) && r < s.n; r++) {
            const float *from = at(dy, r, s.t) + side;
            for (size_t j = 0; j < s.units; j++) s.dh[r * s.units + j] += from[j];
        }
        memset(dxh, 0, p->n * p->stride * sizeof *dxh);
        s.law->backward(&s);
        products_back(&s);
        bias_back(&s);
        spread(&s, dx);
    }
}

void og_rnn_backward(const struct og_view *v)
{
    struct og_rnn_place p = place_of(v);
    int directions = (int)p.directions;
    for (int layer = v->node->params / 2 / directions; layer-- > 0;) {
        struct sequence dx = input_of(&p, layer, v->din[0]);
        struct sequence dy = output_of(&p, layer, (float *)(uintptr_t)v->dout);
        if (layer > 0) memset(dx.data, 0, p.n * dx.sample * sizeof *dx.data);
        for (int d = 0; d < directions; d++) {
            enter(&p, layer * directions + d);
            backward_cell(&p, dy, dx);
        }
    }
}
