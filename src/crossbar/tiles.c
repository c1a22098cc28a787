// SPDX-License-Identifier: GPL-3.0-or-later
#include "crossbar/tiles.h"

#include <assert.h>

#include "ohmgrid/cpu.h"

extern const struct og_leaf_kernels og_leaves_plain;
#ifdef OG_X86_KERNELS
extern const struct og_leaf_kernels og_leaves_avx2, og_leaves_avx512;
#endif

const struct og_leaf_kernels *og_leaf_kernels(void)
{
#ifdef OG_X86_KERNELS
    if (og_cpu_isa() >= OG_ISA_AVX512) return &og_leaves_avx512;
    if (og_cpu_isa() == OG_ISA_AVX2) return &og_leaves_avx2;
#endif
    return &og_leaves_plain;
}

size_t og_ports_before(const struct og_ports *p, enum og_side side)
{
    size_t n = 0;
    for (int s = 0; s < (int)side; s++) n += p->n[s];
    return n;
}

size_t og_ports_count(const struct og_ports *p) { return og_ports_before(p, OG_SIDES); }

struct og_join og_join_of(const struct og_ports child[2], bool stacked)
{
    // Which children give each side: both, or the outer one.
    static const unsigned char givers[2][OG_SIDES] = {{1, 2, 3, 3}, {3, 3, 1, 2}};
    const enum og_side facing[2] = {stacked ? OG_BOTTOM : OG_RIGHT,
                                    stacked ? OG_TOP : OG_LEFT};
    struct og_join j = {.shared = child[0].n[facing[0]]};
    assert(j.shared == child[1].n[facing[1]]);
    for (int c = 0; c < 2; c++) j.x[c] = og_ports_before(&child[c], facing[c]);
    size_t pieces = 0, to = 0;
    for (int s = 0; s < OG_SIDES; s++)
        for (size_t c = 0; c < 2; c++) {
            if ((givers[stacked][s] >> c & 1) == 0) continue;
            const enum og_side side = (enum og_side)s;
            const size_t n = child[c].n[s];
            j.piece[pieces++] = (struct og_piece){
                c, og_ports_before(&child[c], side), n, to, side, j.ports.n[s]};
            j.ports.n[s] += n;
            to += n;
        }
    assert(pieces == OG_PIECES);
    return j;
}
