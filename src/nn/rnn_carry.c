// SPDX-License-Identifier: GPL-3.0-or-later
// The state that goes on from one window of a text to the next: of each stream and cell
// the vector h and, where the cell has one, its memory c.
#include <string.h>

#include "nn/rnn_place.h"

static size_t cell_floats(const struct og_node *node)
{
    const struct og_rnn_attr *a = node->attr;
    return (size_t)a->units * (og_rnn_law(node)->memory > 0 ? 2 : 1);
}

size_t og_rnn_carried(const struct og_node *node)
{
    return (size_t)(node->params / 2) * cell_floats(node);
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
    const size_t units = s->units, memory = (size_t)s->law->memory * s->n * units;
    float *c = (float *)(uintptr_t)s->before + memory;  // ours before the first step
    for (size_t r = 0; r < s->n; r++) {
        const bool starts = s->v->sample[r] < s->v->batch->streams;
        const float *from = state_of(s, r);
        for (size_t j = 0; j < units; j++) s->h[r * units + j] = starts ? 0.0f : from[j];
        for (size_t j = 0; memory > 0 && j < units; j++)
            c[r * units + j] = starts ? 0.0f : from[units + j];
    }
}

void og_rnn_leave_state(const struct og_rnn_step *s)
{
    const size_t units = s->units, memory = (size_t)s->law->memory * s->n * units;
    for (size_t r = 0; r < s->n; r++) {
        float *to = state_of(s, r);
        memcpy(to, s->h + r * units, units * sizeof *to);
        if (memory > 0)
            memcpy(to + units, s->kept + memory + r * units, units * sizeof *to);
    }
}
