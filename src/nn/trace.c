// SPDX-License-Identifier: GPL-3.0-or-later
// Sums are kept for each sample and step and added up in the order of samples, counts for
// each block, so that blocks and threads change no bit.
#include "nn/trace.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nn/rnn_common.h"

// Outputs of gates this near to their ends count as saturated (ohmgrid's choice).
static const float end_of_gate = 0.01f;

// The same of gate g, or its last level where that is further inside.
static float end_of(const struct og_rnn_step *s, int g)
{
    const struct og_hardware *hw = s->v->hw;
    const bool between = hw->rnn.gate_bits > 0 && hw->rnn.gate_rounding == OG_MID_RISE;
    const int bits = between ? hw->rnn.gate_bits : s->ramped[g] ? hw->adc.ramp.bits : 0;
    const float span = g < s->law->sigmoids ? 1.0f : 2.0f;
    return bits > 0 ? fmaxf(end_of_gate, ldexpf(span, -bits)) : end_of_gate;
}

// From which |c| on it counts as saturated: the last level, where that is below the
// range.
static float end_of_memory(const struct og_hardware *hw)
{
    const bool between = hw->rnn.c_bits > 0 && hw->rnn.c_rounding == OG_MID_RISE;
    const double step = between ? ldexp(2, -hw->rnn.c_bits) : 0;
    return (float)(hw->rnn.c_range * (1 - step));
}

// Of one sample at one step.
struct seen {
    double sums, h, c;  // squares of errors
    uint32_t columns, units, c_saturated, gates, gates_saturated;
};

struct cell {
    const struct og_node *node;
    uint32_t number;  // of the cell in its node
    bool memory;      // has c
    size_t steps, units, outputs;
    float *h, *c;              // [n][steps][outputs], [n][steps][units] of the float pass
    struct seen *seen;         // [n][steps]
    struct og_trace_use *use;  // [blocks][steps]
};

struct og_trace {
    const og_exec *exec;
    size_t n, blocks, cells, first;
    struct cell *cell;
    size_t *first_cell;  // [nodes]
};

// --- set-up --------------------------------------------------------------------------

static bool is_recurrent(const struct og_node *node) { return node->op->recurrent; }

static bool alloc_cell(const struct og_trace *t, struct cell *c)
{
    const size_t places = t->n * c->steps;
    c->h = og_alloc(places, c->outputs * sizeof *c->h);
    c->c = og_alloc(places, (c->memory ? c->units : 1) * sizeof *c->c);
    c->seen = og_alloc(places, sizeof *c->seen);
    c->use = og_alloc(t->blocks * c->steps, sizeof *c->use);
    return c->h && c->c && c->seen && c->use;
}

static bool fill(struct og_trace *t)
{
    const og_exec *exec = t->exec;
    size_t nodes = exec->model->nodes, at = 0;
    t->first_cell = og_alloc(nodes, sizeof *t->first_cell);
    for (size_t i = 0; i < nodes; i++)
        if (is_recurrent(&exec->node[i]))
            t->cells += (size_t)og_rnn_cells(&exec->node[i]);
    t->cell = og_alloc(t->cells, sizeof *t->cell);
    if (!t->first_cell || !t->cell) return false;
    for (size_t i = 0; i < nodes; i++) {
        const struct og_node *node = &exec->node[i];
        const struct og_rnn_attr *a = node->attr;
        t->first_cell[i] = at;
        for (int k = 0; is_recurrent(node) && k < og_rnn_cells(node); k++) {
            struct cell *c = &t->cell[at++];
            *c = (struct cell){.node = node,
                               .number = (uint32_t)k,
                               .memory = og_rnn_law(node)->memory > 0,
                               .steps = node->in[0].dim[0],
                               .units = (size_t)a->units};
            c->outputs = a->projection > 0 ? (size_t)a->projection : c->units;
            if (!alloc_cell(t, c)) return false;
        }
    }
    return true;
}

og_status og_trace_alloc(struct og_trace **trace, const og_exec *exec, size_t samples,
                         size_t blocks, struct og_error *err)
{
    struct og_trace *t = *trace = og_alloc(1, sizeof *t);
    if (t) *t = (struct og_trace){.exec = exec, .n = samples, .blocks = blocks};
    if (t && fill(t)) return OG_OK;
    og_trace_free(t);
    *trace = NULL;
    return og_fail(err, OG_NO_MEMORY, "no memory to follow %zu samples step by step",
                   samples);
}

void og_trace_free(struct og_trace *t)
{
    if (!t) return;
    for (size_t i = 0; t->cell && i < t->cells; i++) {
        og_free(t->cell[i].h);
        og_free(t->cell[i].c);
        og_free(t->cell[i].seen);
        og_free(t->cell[i].use);
    }
    og_free(t->cell);
    og_free(t->first_cell);
    og_free(t);
}

void og_trace_begin(struct og_trace *t, size_t first, bool all)
{
    t->first = first;
    for (size_t i = 0; all && i < t->cells; i++) {
        struct cell *c = &t->cell[i];
        memset(c->seen, 0, t->n * c->steps * sizeof *c->seen);
        memset(c->use, 0, t->blocks * c->steps * sizeof *c->use);
    }
}

// --- while a pass runs ---------------------------------------------------------------

// The cell of a matrix of gates; NULL: of another layer, or a projection.
static struct cell *cell_of(struct og_trace *t, const struct og_matrix *m)
{
    const struct og_node *node = m->node;
    if (!is_recurrent(node)) return NULL;
    const struct og_rnn_attr *a = node->attr;
    const int cells = og_rnn_cells(node);
    const int gates = node->linears - (a->projection > 0 ? cells : 0);
    if (m->k >= gates) return NULL;
    return &t->cell[t->first_cell[node->index] + (size_t)(m->k / (gates / cells))];
}

void og_trace_sums(struct og_trace *t, const struct og_matrix *m, size_t sample,
                   size_t step, double square, size_t cols)
{
    struct cell *c = cell_of(t, m);
    if (!c) return;
    struct seen *s = &c->seen[sample * c->steps + step];
    s->sums += square;
    s->columns += (uint32_t)cols;
}

void og_trace_converters(struct og_trace *t, const struct og_matrix *m, size_t block,
                         size_t step, struct og_trace_use use)
{
    struct cell *c = cell_of(t, m);
    if (!c) return;
    struct og_trace_use *sum = &c->use[block * c->steps + step];
    sum->inputs += use.inputs;
    sum->dac_clipped += use.dac_clipped;
    sum->conversions += use.conversions;
    sum->adc_clipped += use.adc_clipped;
}

static double square_error(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - (double)b[i];
        sum += d * d;
    }
    return sum;
}

static void count_gates(const struct og_rnn_step *s, size_t row, struct seen *seen)
{
    const size_t units = s->units, all = s->n * units;
    const float *gate =
        og_rnn_gates_kept(s, s->kept, s->kept + (size_t)s->law->gates * all);
    for (int g = 0; s->law->sigmoids > 0 && g < s->law->gates; g++) {
        const float *x = gate + (size_t)g * all + row * units;
        const float low = g < s->law->sigmoids ? 0.0f : -1.0f, end = end_of(s, g);
        for (size_t j = 0; j < units; j++)
            seen->gates_saturated += x[j] < low + end || x[j] > 1.0f - end;
        seen->gates += (uint32_t)units;
    }
}

static void compare(const struct og_rnn_step *s, const struct cell *c, size_t row,
                    size_t place)
{
    struct seen *seen = &c->seen[place];
    seen->h +=
        square_error(s->y + row * c->outputs, c->h + place * c->outputs, c->outputs);
    seen->units += (uint32_t)c->outputs;
    count_gates(s, row, seen);
    if (!c->memory) return;
    const float *now = s->kept + ((size_t)s->law->memory * s->n + row) * c->units;
    const float end = end_of_memory(s->v->hw);
    seen->c += square_error(now, c->c + place * c->units, c->units);
    for (size_t j = 0; j < c->units; j++) seen->c_saturated += fabsf(now[j]) >= end;
}

void og_trace_state(const struct og_rnn_step *s)
{
    const og_exec *exec = s->v->exec;
    struct og_trace *t = exec->trace;
    struct cell *c = &t->cell[t->first_cell[s->v->node->index] + s->cell];
    for (size_t row = 0; row < s->n; row++) {
        const size_t place = (t->first + og_view_row(s->v, row)) * c->steps + s->t;
        if (exec->mode == OG_RUN) {
            compare(s, c, row, place);
            continue;
        }
        memcpy(c->h + place * c->outputs, s->y + row * c->outputs,
               c->outputs * sizeof *c->h);
        if (c->memory)
            memcpy(c->c + place * c->units,
                   s->kept + ((size_t)s->law->memory * s->n + row) * c->units,
                   c->units * sizeof *c->c);
    }
}

// --- results -------------------------------------------------------------------------

size_t og_trace_cells(const struct og_trace *t) { return t->cells; }

struct og_probe_cell og_trace_cell(const struct og_trace *t, size_t cell)
{
    const struct cell *c = &t->cell[cell];
    const struct og_rnn_attr *a = c->node->attr;
    const int directions = a->bidirectional ? 2 : 1, number = (int)c->number;
    struct og_probe_cell out = {.steps = c->steps};
    char layer[16] = "";
    if (a->layers > 1) snprintf(layer, sizeof layer, ".l%d", number / directions);
    snprintf(out.name, sizeof out.name, "%s%s%s", c->node->name, layer,
             number % directions ? ".reverse" : "");
    return out;
}

static float rms(double square, double n)
{
    return n > 0 ? (float)sqrt(square / n) : NAN;
}

static float part(double some, double all) { return all > 0 ? (float)(some / all) : NAN; }

static float along(const struct og_trace *t, const struct cell *c, size_t step,
                   enum og_along what)
{
    double sums = 0, h = 0, e = 0, columns = 0, units = 0, saturated = 0, gates = 0,
           at_end = 0, inputs = 0, dac = 0, conversions = 0, adc = 0;
    for (size_t k = 0; k < t->n; k++) {
        const struct seen *s = &c->seen[k * c->steps + step];
        sums += s->sums;
        h += s->h;
        e += s->c;
        columns += s->columns;
        units += s->units;
        saturated += s->c_saturated;
        gates += s->gates;
        at_end += s->gates_saturated;
    }
    for (size_t b = 0; b < t->blocks; b++) {
        const struct og_trace_use *u = &c->use[b * c->steps + step];
        inputs += (double)u->inputs;
        dac += (double)u->dac_clipped;
        conversions += (double)u->conversions;
        adc += (double)u->adc_clipped;
    }
    const double states = c->memory ? units / (double)c->outputs * (double)c->units : 0;
    const float value[OG_ALONG] = {rms(sums, columns),    rms(h, units),
                                   rms(e, states),        part(saturated, states),
                                   part(at_end, gates),   part(dac, inputs),
                                   part(adc, conversions)};
    return value[what];
}

void og_trace_along(const struct og_trace *t, size_t cell, enum og_along what, float *out)
{
    const struct cell *c = &t->cell[cell];
    for (size_t step = 0; step < c->steps; step++) out[step] = along(t, c, step, what);
}
