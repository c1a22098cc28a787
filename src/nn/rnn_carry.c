// SPDX-License-Identifier: GPL-3.0-or-later
// The state that goes on from one window of a text to the next: of each stream and cell
// what the next step reads and, where the cell has one, its memory c.
#include <string.h>

#include "nn/rnn_place.h"

static size_t cell_floats(const struct og_node *node)
{
    const struct og_rnn_attr *a = node->attr;
    return og_rnn_outputs(a) + (og_rnn_law(node)->memory > 0 ? (size_t)a->units : 0);
}

size_t og_rnn_carried(const struct og_node *node)
{
    return (size_t)og_rnn_cells(node) * cell_floats(node);
}

bool og_rnn_looks_ahead(const struct og_node *node)
{
    return ((const struct og_rnn_attr *)node->attr)->bidirectional;
}

static float *state_of(const struct og_rnn_step *s, size_t r)
{
    const struct og_view *v = s->v;
    const size_t stream = v->sample[r] % v->batch->streams;
    return v->carried + stream * og_rnn_carried(v->node) + s->cell * cell_floats(v->node);
}

void og_rnn_take_state(const struct og_rnn_step *s)
{
    const size_t units = s->units, outputs = s->outputs;
    const size_t memory = (size_t)s->law->memory * s->n * units;
    float *c = (float *)(uintptr_t)s->before + memory;  // ours before the first step
    for (size_t r = 0; r < s->n; r++) {
        const bool starts = s->v->sample[r] < s->v->batch->streams;
        const float *from = state_of(s, r);
        for (size_t j = 0; j < outputs; j++)
            s->y[r * outputs + j] = starts ? 0.0f : from[j];
        for (size_t j = 0; memory > 0 && j < units; j++)
            c[r * units + j] = starts ? 0.0f : from[outputs + j];
    }
}

void og_rnn_leave_state(const struct og_rnn_step *s)
{
    const size_t units = s->units, outputs = s->outputs;
    const size_t memory = (size_t)s->law->memory * s->n * units;
    for (size_t r = 0; r < s->n; r++) {
        float *to = state_of(s, r);
        memcpy(to, s->y + r * outputs, outputs * sizeof *to);
        if (memory > 0)
            memcpy(to + outputs, s->kept + memory + r * units, units * sizeof *to);
    }
}
