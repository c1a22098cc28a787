// SPDX-License-Identifier: GPL-3.0-or-later
// Where a recurrent layer's tensors lie. What a step leaves for backward lies in a slot
// of the tape; without a tape all steps share one slot of the workspace.
#ifndef OG_NN_RNN_PLACE_H
#define OG_NN_RNN_PLACE_H

#include "nn/exec.h"
#include "nn/rnn_common.h"

struct og_rnn_slot {
    size_t xh, xrh, kept, tape[OG_RNN_GATES], total;
    size_t h, projection;  // with a projection: its input; its tape
};

struct og_rnn_room {
    size_t slot, seq[2], xsum, hsum, dxh, dx, dy, dh, dc, drh, h, y, linear, total;
};

struct og_rnn_place {
    const struct og_view *v;
    size_t n, steps, units, outputs, directions, inputs, stride;
    // Rows of tensors: the samples of the block, the longest sequence first, so that
    // those which are not over yet are the first. Not used where all sequences have all
    // steps: then rows are samples.
    bool ragged;
    uint32_t order[OG_BLOCK], length[OG_BLOCK];  // place in the block; steps
    uint32_t sample[OG_BLOCK], row[OG_BLOCK];    // for og_view
    int cell, first, linears;  // matrices of the cell: node->linear[first ...]
    bool projects;
    struct og_rnn_slot slot;
    struct og_rnn_room room;
    char *work, *tape;  // tape: slots of this cell, NULL when not training
};

struct og_rnn_place og_rnn_place_of(const struct og_view *v);
// Goes to a cell. Cells lie in the tape one after the other.
void og_rnn_enter(struct og_rnn_place *p, int cell);
// The step after `turn` others, of the og_rnn_alive() samples that have it (at least
// one). s->v points into the step.
void og_rnn_step_at(const struct og_rnn_place *p, size_t turn, struct og_rnn_step *s);
// Of text (rnn_carry.c): h and memory before a window's first step; after its last.
void og_rnn_take_state(const struct og_rnn_step *s);
void og_rnn_leave_state(const struct og_rnn_step *s);
// How many sequences have more than `turn` steps.
size_t og_rnn_alive(const struct og_rnn_place *p, size_t turn);

// Of tensor row r: its place in the block, and how many steps it has.
static inline size_t og_rnn_order(const struct og_rnn_place *p, size_t r)
{
    return p->ragged ? p->order[r] : r;
}
static inline size_t og_rnn_length(const struct og_rnn_place *p, size_t r)
{
    return p->ragged ? p->length[r] : p->steps;
}

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
