// SPDX-License-Identifier: GPL-3.0-or-later
// Recurrent layers through time, forward and backward, one block of samples at a time.
#include <string.h>

#include "nn/rnn_place.h"
#include "nn/trace.h"

// --- forward -------------------------------------------------------------------------

static void products(const struct og_rnn_step *s, bool second, enum og_part part)
{
    const struct og_rnn_place *p = s->place;
    size_t ld = (size_t)s->law->gates * s->units;
    char *slot = (char *)s->xh - p->slot.xh;
    for (int k = 0; k < p->linears; k++) {
        const struct og_linear_decl *l = &s->v->node->linear[p->first + k];
        if (og_rnn_is_second(s, l) != second) continue;
        const struct og_linear_io io = {
            .part = part,
            .k = p->first + k,
            .x = (second ? s->xrh : s->xh) + og_rnn_start(l),
            .ldx = p->stride,
            .rows = s->n,
            .y = (og_rnn_start(l) > 0 ? s->hsum : s->xsum) + og_rnn_gate(p, l) * s->units,
            .ldy = ld,
            .step = s->t,
            .tape = p->tape ? slot + p->slot.tape[k] : NULL,
            .work = p->work + p->room.linear,
        };
        og_linear_forward(s->v, &io);
    }
}

void og_rnn_second(const struct og_rnn_step *s, enum og_part part)
{
    products(s, true, part);
}

// A sequence inside a block: where a sample's vector at a position begins.
struct sequence {
    float *data;
    size_t sample, time;
};

// That of tensor row r at this step: a reverse cell begins at the last position.
static float *at(const struct og_rnn_step *s, struct sequence q, size_t r)
{
    const struct og_rnn_place *p = s->place;
    bool reverse = (size_t)s->cell % p->directions == 1;
    size_t t = reverse ? og_rnn_length(p, r) - 1 - s->t : s->t;
    return q.data + og_rnn_order(p, r) * q.sample + t * q.time;
}

static void fill_input(const struct og_rnn_step *s, struct sequence x)
{
    for (size_t r = 0; r < s->n; r++) {
        float *to = s->xh + r * s->place->stride;
        memcpy(to, at(s, x, r), s->inputs * sizeof *to);
        if (s->first)
            memset(to + s->inputs, 0, s->outputs * sizeof *to);
        else
            memcpy(to + s->inputs, s->y + r * s->outputs, s->outputs * sizeof *to);
    }
}

// What layer `layer` reads; of gradients, where it adds them (data NULL: nowhere).
static struct sequence input_of(const struct og_rnn_place *p, int layer, float *own)
{
    size_t width = layer == 0 ? p->v->node->in[0].dim[1] : p->directions * p->outputs;
    float *data = layer == 0 ? own : og_rnn_work(p, p->room.seq[(layer - 1) & 1]);
    return (struct sequence){data, p->steps * width, width};
}

// Where the cell states begin in what a layer writes; 0: there are none.
static size_t cells_begin(const struct og_rnn_place *p, int layer)
{
    const struct og_rnn_attr *a = p->v->node->attr;
    const bool given = layer + 1 == a->layers && a->returns == OG_RETURN_STATES;
    return given ? p->directions * p->outputs : 0;
}

// What it writes (its gradients read): the node's output `own`, or the next one's input.
static struct sequence output_of(const struct og_rnn_place *p, int layer, float *own)
{
    const struct og_rnn_attr *a = p->v->node->attr;
    size_t width = p->directions * p->outputs;
    if (layer + 1 < a->layers) return input_of(p, layer + 1, NULL);
    if (cells_begin(p, layer) > 0) width += p->directions * p->units;
    if (a->returns == OG_RETURN_LAST) return (struct sequence){own, width, 0};
    return (struct sequence){own, p->steps * width, width};
}

// From which row on a step's h is part of the output: all, or those of sequences that end
// here.
static size_t first_output(const struct og_rnn_step *s)
{
    const struct og_rnn_place *p = s->place;
    int layer = p->cell / (int)p->directions;
    bool every = layer + 1 < s->attr->layers || s->attr->returns != OG_RETURN_LAST;
    return every ? 0 : og_rnn_alive(p, s->t + 1u);
}

static void hand_out(const struct og_rnn_step *s, struct sequence y)
{
    const struct og_rnn_place *p = s->place;
    const size_t direction = (size_t)s->cell % p->directions;
    const size_t cells = cells_begin(p, p->cell / (int)p->directions);
    const float *c = s->kept + (size_t)s->law->memory * s->n * s->units;
    for (size_t r = first_output(s); r < s->n; r++) {
        float *to = at(s, y, r);
        memcpy(to + direction * s->outputs, s->y + r * s->outputs,
               s->outputs * sizeof *to);
        if (cells == 0) continue;
        memcpy(to + cells + direction * s->units, c + r * s->units,
               s->units * sizeof *to);
    }
}

// The gradients of what a step has handed out, added to those of its states.
static void take_back(const struct og_rnn_step *s, struct sequence dy)
{
    const struct og_rnn_place *p = s->place;
    const size_t direction = (size_t)s->cell % p->directions;
    const size_t cells = cells_begin(p, p->cell / (int)p->directions);
    for (size_t r = first_output(s); r < s->n; r++) {
        const float *from = at(s, dy, r) + direction * s->outputs;
        for (size_t j = 0; j < s->outputs; j++) s->dy[r * s->outputs + j] += from[j];
        if (cells == 0) continue;
        from = at(s, dy, r) + cells + direction * s->units;
        for (size_t j = 0; j < s->units; j++) s->dc[r * s->units + j] += from[j];
    }
}

// What follows the end of a sequence is 0. Both directions write into the same output.
static void clear_rest(const struct og_rnn_place *p)
{
    size_t width = p->v->node->shape.dim[1];
    for (size_t k = 0; k < p->n; k++) {
        size_t used = p->v->batch->length[p->v->sample[k]];
        memset(p->v->out + (k * p->steps + used) * width, 0,
               (p->steps - used) * width * sizeof(float));
    }
}

static void project(const struct og_rnn_step *s, enum og_part part)
{
    const struct og_rnn_place *p = s->place;
    const struct og_linear_io io = {
        .part = part,
        .k = og_rnn_projection(s->v->node, p->cell),
        .x = s->h,
        .ldx = s->units,
        .rows = s->n,
        .y = s->y,
        .ldy = s->outputs,
        .step = s->t,
        .tape = p->tape ? (char *)s->xh - p->slot.xh + p->slot.projection : NULL,
        .work = p->work + p->room.linear,
    };
    og_linear_forward(s->v, &io);
}

// The parts of a step: inputs, sums and read of the products, then those of the cell,
// then inputs, sums and read of the projection.
enum { CELL_PART = OG_PART_READ + 1 };

static size_t cell_parts(const struct og_node *node)
{
    const struct og_rnn_cell *law = og_rnn_law(node);
    size_t n = 0;
    while (n < OG_RNN_PARTS && law->forward[n]) n++;
    return n;
}

static size_t step_parts(const struct og_node *node)
{
    const struct og_rnn_attr *a = node->attr;
    return CELL_PART + cell_parts(node) + (a->projection > 0 ? OG_PART_READ + 1 : 0);
}

static void step_part(const struct og_rnn_place *p, size_t turn, size_t part)
{
    const struct og_view *v = p->v;
    struct og_rnn_step s;
    if (og_rnn_alive(p, turn) == 0) return;
    og_rnn_step_at(p, turn, &s);
    int layer = p->cell / (int)p->directions;
    // input_of serves gradients too, so it is not const; forward only reads it.
    if (part == 0 && turn == 0 && v->carried) og_rnn_take_state(&s);
    if (part == 0) fill_input(&s, input_of(p, layer, (float *)(uintptr_t)v->in[0]));
    const size_t after = CELL_PART + cell_parts(v->node);
    if (part < CELL_PART)
        products(&s, false, (enum og_part)part);
    else if (part < after)
        s.law->forward[part - CELL_PART](&s);
    else
        project(&s, (enum og_part)(part - after));
    if (part + 1 < step_parts(v->node)) return;
    if (v->exec->trace) og_trace_state(&s);
    hand_out(&s, output_of(p, layer, v->out));
    if (turn + 1 == p->steps && v->carried) og_rnn_leave_state(&s);
}

static bool has_rest(const struct og_rnn_place *p)
{
    const struct og_rnn_attr *a = p->v->node->attr;
    return p->ragged && a->returns != OG_RETURN_LAST;
}

void og_rnn_forward(const struct og_view *v)
{
    struct og_rnn_place p = og_rnn_place_of(v);
    size_t parts = step_parts(v->node);
    if (has_rest(&p)) clear_rest(&p);
    for (int cell = 0; cell < og_rnn_cells(v->node); cell++) {
        og_rnn_enter(&p, cell);
        for (size_t turn = 0; turn < p.steps; turn++)
            for (size_t part = 0; part < parts; part++) step_part(&p, turn, part);
    }
}

size_t og_rnn_parts(const struct og_node *node)
{
    return (size_t)og_rnn_cells(node) * node->in[0].dim[0] * step_parts(node);
}

void og_rnn_part(const struct og_view *v, size_t part)
{
    struct og_rnn_place p = og_rnn_place_of(v);
    size_t parts = step_parts(v->node), turn = part / parts;
    if (part == 0 && has_rest(&p)) clear_rest(&p);
    og_rnn_enter(&p, (int)(turn / p.steps));
    step_part(&p, turn % p.steps, part % parts);
}

// --- backward ------------------------------------------------------------------------

// dx (leading dimension `ld`) of one matrix, from the gradients of its column sums.
static void product_back(const struct og_rnn_step *s, int k, float *dx, size_t ld)
{
    const struct og_rnn_place *p = s->place;
    const struct og_linear_decl *l = &s->v->node->linear[p->first + k];
    const float *dsum = og_rnn_start(l) > 0 ? s->dhsum : s->dsum;
    const struct og_linear_back io = {
        .k = p->first + k,
        .x = (og_rnn_is_second(s, l) ? s->xrh : s->xh) + og_rnn_start(l),
        .dy = dsum + og_rnn_gate(p, l) * s->units,
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
    size_t start = og_rnn_start(l), end = start + l->rows < to ? start + l->rows : to;
    const float *dx = og_rnn_work(p, p->room.dx);
    float *dxh = og_rnn_work(p, p->room.dxh);
    for (size_t r = 0; r < s->n; r++)
        for (size_t i = start; i < end; i++)
            dxh[r * p->stride + i] += dx[r * l->rows + i - start];
}

void og_rnn_second_back(const struct og_rnn_step *s)
{
    const struct og_rnn_place *p = s->place;
    float *dx = og_rnn_work(p, p->room.dx);
    for (int k = 0; k < p->linears; k++) {
        const struct og_linear_decl *l = &s->v->node->linear[p->first + k];
        if (!og_rnn_is_second(s, l)) continue;
        product_back(s, k, dx, l->rows);
        add_columns(s, l, s->inputs);
        for (size_t r = 0; r < s->n; r++)
            memcpy(s->drh + r * s->units, dx + r * l->rows + s->inputs - og_rnn_start(l),
                   s->units * sizeof *dx);
    }
}

// The gradients of [x_t, h_{t-1}], in dxh.
static void products_back(const struct og_rnn_step *s)
{
    const struct og_rnn_place *p = s->place;
    if (p->linears == 1) {
        product_back(s, 0, og_rnn_work(p, p->room.dxh), p->stride);
        return;
    }
    for (int k = 0; k < p->linears; k++) {
        const struct og_linear_decl *l = &s->v->node->linear[p->first + k];
        if (og_rnn_is_second(s, l)) continue;
        product_back(s, k, og_rnn_work(p, p->room.dx), l->rows);
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
    const float *dxh = og_rnn_work(s->place, s->place->room.dxh);
    for (size_t r = 0; r < s->n; r++) {
        const float *from = dxh + r * stride + s->inputs;
        for (size_t j = 0; j < s->outputs; j++) s->dy[r * s->outputs + j] += from[j];
        if (!dx.data) continue;
        float *to = at(s, dx, r);
        for (size_t i = 0; i < s->inputs; i++) to[i] += dxh[r * stride + i];
    }
}

// dh from dy, which is used up.
static void project_back(const struct og_rnn_step *s)
{
    const struct og_rnn_place *p = s->place;
    const struct og_linear_back io = {
        .k = og_rnn_projection(s->v->node, p->cell),
        .x = s->h,
        .dy = s->dy,
        .ldx = s->units,
        .rows = s->n,
        .lddy = s->outputs,
        .dx = s->dh,
        .lddx = s->units,
        .tape = (char *)s->xh - p->slot.xh + p->slot.projection,
        .work = p->work + p->room.linear,
    };
    og_linear_backward(s->v, &io);
    memset(s->dy, 0, s->n * s->outputs * sizeof *s->dy);
}

static void backward_cell(const struct og_rnn_place *p, struct sequence dy,
                          struct sequence dx)
{
    size_t state = p->n * p->units;
    float *dxh = og_rnn_work(p, p->room.dxh);
    memset(og_rnn_work(p, p->room.dy), 0, p->n * p->outputs * sizeof *dxh);
    memset(og_rnn_work(p, p->room.dh), 0, state * sizeof *dxh);
    memset(og_rnn_work(p, p->room.dc), 0, state * sizeof *dxh);
    for (size_t turn = p->steps; turn-- > 0;) {
        struct og_rnn_step s;
        if (og_rnn_alive(p, turn) == 0) continue;
        og_rnn_step_at(p, turn, &s);
        s.dh = og_rnn_work(p, p->room.dh);
        s.dy = p->projects ? og_rnn_work(p, p->room.dy) : s.dh;
        s.dc = og_rnn_work(p, p->room.dc);
        s.drh = og_rnn_work(p, p->room.drh);
        s.dsum = s.xsum;
        s.dhsum = s.law->two_sums && s.attr->before ? s.hsum : s.dsum;
        take_back(&s, dy);
        memset(dxh, 0, s.n * p->stride * sizeof *dxh);
        if (p->projects) project_back(&s);
        s.law->backward(&s);
        products_back(&s);
        bias_back(&s);
        spread(&s, dx);
    }
}

void og_rnn_backward(const struct og_view *v)
{
    struct og_rnn_place p = og_rnn_place_of(v);
    int directions = (int)p.directions;
    for (int layer = og_rnn_cells(v->node) / directions; layer-- > 0;) {
        struct sequence dx = input_of(&p, layer, v->din[0]);
        struct sequence dy = output_of(&p, layer, (float *)(uintptr_t)v->dout);
        if (layer > 0) memset(dx.data, 0, p.n * dx.sample * sizeof *dx.data);
        for (int d = 0; d < directions; d++) {
            og_rnn_enter(&p, layer * directions + d);
            backward_cell(&p, dy, dx);
        }
    }
}
