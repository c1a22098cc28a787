// SPDX-License-Identifier: GPL-3.0-or-later
// What merging keeps of a crossbar: where it is cut into leaves, these, and a stack.
#ifndef OG_CROSSBAR_MERGE_H
#define OG_CROSSBAR_MERGE_H

#include "crossbar/tiles.h"
#include "crossbar/wires_impl.h"

// Leaves begin at row[k], the last one ends at row[n].
struct og_cuts {
    size_t n, *at;
};

struct og_merge {
    const struct og_wires *w;
    struct og_cuts row, col;
    double **leaf;  // [row.n * col.n], into `leaves`
    double *leaves;
    double *stack;
};

// Leaves [r0, r1) x [c0, c1).
struct og_region {
    size_t r0, r1, c0, c1;
};

size_t og_span(const struct og_cuts *c, size_t from, size_t to);
bool og_region_is_leaf(const struct og_region *r);
struct og_ports og_region_ports(const struct og_merge *m, const struct og_region *r);

// Rows or columns cut into as few leaves as there can be, as alike as they can be.
bool og_merge_cut(struct og_cuts *c, size_t n);
// All leaves, from the conductances of m->w. The stack is its scratch.
void og_merge_leaves(const struct og_merge *m);
enum {
    OG_MERGE_SCRATCH =
        OG_LEAF * OG_LEAF * 8 + 2 * OG_LEAF_PORTS * OG_LEAF_PORTS * 8 + OG_LEAF_SCRATCH
};

#endif
