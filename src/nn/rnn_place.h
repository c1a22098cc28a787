// SPDX-License-Identifier: GPL-3.0-or-later
// Where a recurrent layer's tensors lie. What a step leaves for backward lies in a slot
// of the tape; without a tape all steps share one slot of the workspace.
#ifndef OG_NN_RNN_PLACE_H
#define OG_NN_RNN_PLACE_H

#include "nn/exec.h"
#include "nn/rnn_common.h"

struct og_rnn_slot {
    size_t xh, xrh, kept, tape[OG_RNN_GATES], total;
};

struct og_rnn_room {
    size_t slot, seq[2], xsum, hsum, dxh, dx, dh, dc, drh, h, linear, total;
};

struct og_rnn_place {
    const struct og_view *v;
    size_t n, steps, units, directions, inputs, stride;
    int cell, first, linears;  // matrices of the cell: node->linear[first ...]
    struct og_rnn_slot slot;
    struct og_rnn_room room;
    char *work, *tape;  // tape: slots of this cell, NULL when not training
};

struct og_rnn_place og_rnn_place_of(const struct og_view *v);
// Goes to a cell. Cells lie in the tape one after the other.
void og_rnn_enter(struct og_rnn_place *p, int cell);
// turn: how many steps came before; a reverse cell begins at the last position.
struct og_rnn_step og_rnn_step_at(const struct og_rnn_place *p, size_t turn);

static inline float *og_rnn_work(const struct og_rnn_place *p, size_t offset)
{
    return (float *)(p->work + offset);
}

static inline size_t og_rnn_gate(const struct og_rnn_place *p,
                                 const struct og_linear_decl *l)
{
    return l->first / l->stride / p->units;
}

// Column of [x, h] at which a matrix begins: 0, or the first of h.
static inline size_t og_rnn_start(const struct og_linear_decl *l)
{
    return l->first % l->stride;
}

// Whether it reads r h instead of h.
static inline bool og_rnn_is_second(const struct og_rnn_step *s,
                                    const struct og_linear_decl *l)
{
    bool reads_h = og_rnn_start(l) + l->rows > s->inputs;
    return reads_h && !s->attr->before && (int)og_rnn_gate(s->place, l) >= s->law->common;
}

#endif
