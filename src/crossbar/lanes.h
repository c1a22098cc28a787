// SPDX-License-Identifier: GPL-3.0-or-later
// Eight doubles side by side, for the kernels. Handed on by address, because no two
// compilers pass such vectors alike.
#ifndef OG_CROSSBAR_LANES_H
#define OG_CROSSBAR_LANES_H

enum { OG_LANES = 8 };
typedef double og_lanes8 __attribute__((vector_size(OG_LANES * sizeof(double))));
// The same at any address.
typedef double og_loose8 __attribute__((vector_size(OG_LANES * sizeof(double)),
                                        aligned(sizeof(double)), may_alias));

// m[i][j] <-> m[j][i].
__attribute__((always_inline)) static inline void og_transpose8(og_lanes8 m[8])
{
    og_lanes8 a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
        a[i] = __builtin_shufflevector(m[i], m[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        a[i + 1] = __builtin_shufflevector(m[i], m[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int i = 0; i < 8; i += 4)
        for (int k = 0; k < 2; k++) {
            const og_lanes8 *low = &a[i + k], *high = &a[i + k + 2];
            b[i + k] = __builtin_shufflevector(*low, *high, 0, 1, 8, 9, 4, 5, 12, 13);
            b[i + k + 2] =
                __builtin_shufflevector(*low, *high, 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int k = 0; k < 4; k++) {
        m[k] = __builtin_shufflevector(b[k], b[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        m[k + 4] = __builtin_shufflevector(b[k], b[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

#endif
