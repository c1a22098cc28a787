// SPDX-License-Identifier: GPL-3.0-or-later
#include "nn/rnn_place.h"

#include <assert.h>

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
static struct og_rnn_slot slot_of(const og_exec *exec, const struct og_node *node,
                                  int cell, size_t n)
{
    const struct og_rnn_attr *a = node->attr;
    size_t columns = columns_of(node, cell), units = (size_t)a->units;
    const struct og_rnn_cell *law = og_rnn_law(node);
    int cells = og_rnn_cells(node), projections = a->projection > 0 ? cells : 0;
    int linears = (node->linears - projections) / cells;
    bool second = law->two_sums && !a->before;
    struct og_rnn_slot slot = {0};
    slot.xh = take(&slot.total, n * columns);
    slot.xrh = take(&slot.total, second ? n * columns : 0);
    slot.kept = take(&slot.total, (size_t)law->kept * n * units);
    for (int k = 0; exec && k < linears; k++) {
        slot.tape[k] = slot.total;
        slot.total += og_round64(og_linear_tape_bytes(exec, node, cell * linears + k, n));
    }
    if (projections == 0) return slot;
    slot.h = take(&slot.total, n * units);
    slot.projection = slot.total;
    int k = og_rnn_projection(node, cell);
    if (exec) slot.total += og_round64(og_linear_tape_bytes(exec, node, k, n));
    return slot;
}

static struct og_rnn_room room_of(const og_exec *exec, const struct og_node *node,
                                  size_t n)
{
    const struct og_rnn_attr *a = node->attr;
    size_t units = (size_t)a->units, steps = node->in[0].dim[0], columns = 0, slot = 0;
    size_t gates = (size_t)og_rnn_law(node)->gates, state = n * units, linear = 0;
    size_t out = n * og_rnn_outputs(a);
    for (int cell = 0; cell < og_rnn_cells(node); cell++) {
        struct og_rnn_slot one = slot_of(NULL, node, cell, n);
        if (columns_of(node, cell) > columns) columns = columns_of(node, cell);
        if (one.total > slot) slot = one.total;
    }
    for (int k = 0; k < node->linears; k++) {
        size_t bytes = og_linear_work_bytes(exec, node, k, n);
        if (bytes > linear) linear = bytes;
    }
    size_t seq = a->layers > 1 ? steps * directions_of(node) * out : 0;
    struct og_rnn_room room = {.total = slot};
    for (int i = 0; i < 2; i++) room.seq[i] = take(&room.total, seq);
    room.xsum = take(&room.total, gates * state);
    room.hsum = take(&room.total, gates * state);
    room.dxh = take(&room.total, n * columns);
    room.dx = take(&room.total, n * columns);
    room.dy = take(&room.total, out);
    room.dh = take(&room.total, state);
    room.dc = take(&room.total, state);
    room.drh = take(&room.total, state);
    room.h = take(&room.total, state);
    room.y = take(&room.total, out);
    room.linear = room.total;
    room.total += og_round64(linear);
    return room;
}

// Of a cell: the slots of its steps, then what came before the first of them in text.
static size_t cell_bytes(const og_exec *exec, const struct og_node *node, int cell,
                         size_t n)
{
    const struct og_rnn_attr *a = node->attr;
    size_t start = (size_t)og_rnn_law(node)->kept * n * (size_t)a->units * sizeof(float);
    return node->in[0].dim[0] * slot_of(exec, node, cell, n).total +
           (exec->streams > 0 ? og_round64(start) : 0);
}

size_t og_rnn_tape_bytes(const og_exec *exec, const struct og_node *node, size_t n)
{
    size_t total = 0;
    for (int cell = 0; cell < og_rnn_cells(node); cell++)
        total += cell_bytes(exec, node, cell, n);
    return total;
}

size_t og_rnn_work_bytes(const og_exec *exec, const struct og_node *node, size_t n)
{
    return room_of(exec, node, n).total;
}

// Insertion sort, which keeps samples of the same length in their order.
static void set_order(struct og_rnn_place *p, const struct og_view *v)
{
    uint32_t length[OG_BLOCK];
    p->ragged = true;
    for (size_t k = 0; k < p->n; k++) {
        size_t at = k;
        length[k] = v->batch->length[v->sample[k]];
        for (; at > 0 && length[p->order[at - 1]] < length[k]; at--)
            p->order[at] = p->order[at - 1];
        p->order[at] = (uint32_t)k;
    }
    for (size_t r = 0; r < p->n; r++) {
        p->length[r] = length[p->order[r]];
        assert(p->length[r] >= 1 && p->length[r] <= p->steps);
        p->sample[r] = v->sample[p->order[r]];
        p->row[r] = (uint32_t)v->first + p->order[r];
    }
}

size_t og_rnn_alive(const struct og_rnn_place *p, size_t turn)
{
    if (!p->ragged) return turn < p->steps ? p->n : 0;
    size_t n = p->n;
    while (n > 0 && p->length[n - 1] <= turn) n--;
    return n;
}

struct og_rnn_place og_rnn_place_of(const struct og_view *v)
{
    const struct og_rnn_attr *a = v->node->attr;
    struct og_rnn_place p = {
        .v = v,
        .n = v->n,
        .steps = v->node->in[0].dim[0],
        .units = (size_t)a->units,
        .outputs = og_rnn_outputs(a),
        .projects = a->projection > 0,
        .directions = directions_of(v->node),
        .linears =
            (a->projection > 0 ? og_rnn_projection(v->node, 0) : v->node->linears) /
            og_rnn_cells(v->node),
        .room = room_of(v->exec, v->node, v->n),
        .work = v->work,
    };
    if (v->batch->length) set_order(&p, v);
    return p;
}

void og_rnn_enter(struct og_rnn_place *p, int cell)
{
    const struct og_view *v = p->v;
    p->cell = cell;
    p->first = cell * p->linears;
    p->stride = columns_of(v->node, cell);
    p->inputs = p->stride - p->outputs;
    const og_exec *tapes = v->tape ? v->exec : NULL;
    p->slot = slot_of(tapes, v->node, cell, p->n);
    p->tape = v->tape;
    for (int before = 0; p->tape && before < cell; before++)
        p->tape += cell_bytes(tapes, v->node, before, p->n);
}

static char *slot_at(const struct og_rnn_place *p, size_t turn)
{
    return p->tape ? p->tape + turn * p->slot.total : p->work + p->room.slot;
}

// Which gates add two sums, and which have their outputs from ramps.
static void mark_gates(const struct og_rnn_place *p, struct og_rnn_step *s)
{
    const struct og_view *v = p->v;
    for (int k = 0; k < p->linears; k++) {
        const struct og_linear_decl *l = &v->node->linear[p->first + k];
        size_t gate = og_rnn_gate(p, l), end = gate + l->cols / p->units;
        bool ramp = og_linear_is_ramp(v, p->first + k);
        for (size_t g = gate; ramp && g < end; g++) s->ramped[g] = true;
        for (; og_rnn_start(l) > 0 && gate < end; gate++)
            s->apart[gate] =
                !(s->law->two_sums && s->attr->before && (int)gate >= s->law->common);
    }
}

void og_rnn_step_at(const struct og_rnn_place *p, size_t turn, struct og_rnn_step *s)
{
    const struct og_view *v = p->v;
    char *slot = slot_at(p, turn), *before = slot_at(p, turn > 0 ? turn - 1 : 0);
    before += p->slot.kept;
    if (turn == 0 && v->carried && p->tape) before = slot_at(p, p->steps);
    *s = (struct og_rnn_step){
        .view = *v,
        .v = &s->view,
        .attr = v->node->attr,
        .law = og_rnn_law(v->node),
        .n = og_rnn_alive(p, turn),
        .n_before = og_rnn_alive(p, turn > 0 ? turn - 1 : 0),
        .units = p->units,
        .outputs = p->outputs,
        .inputs = p->inputs,
        .cell = (uint32_t)p->cell,
        .t = (uint32_t)turn,
        .first = turn == 0 && !v->carried,
        .b = v->param[2 * p->cell + 1],
        .xh = (float *)(slot + p->slot.xh),
        .xrh = (float *)(slot + p->slot.xrh),
        .kept = (float *)(slot + p->slot.kept),
        .before = (float *)before,
        .xsum = og_rnn_work(p, p->room.xsum),
        .hsum = og_rnn_work(p, p->room.hsum),
        .h = p->projects ? (float *)(slot + p->slot.h) : og_rnn_work(p, p->room.h),
        .y = og_rnn_work(p, p->projects ? p->room.y : p->room.h),
        .place = p,
    };
    s->view.n = s->n;
    if (p->ragged) {
        s->view.row = p->row;
        s->view.sample = p->sample;
    }
    mark_gates(p, s);
}
