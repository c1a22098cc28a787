// SPDX-License-Identifier: GPL-3.0-or-later
// The linear assignment problem: n lines to m >= n places so that the sum of the costs is
// least (Kuhn, Naval Research Logistics Quarterly 2, 1955, by shortest augmenting paths:
// Jonker and Volgenant, Computing 38, 1987). O(n^2 m).
#ifndef OG_CROSSBAR_ASSIGN_H
#define OG_CROSSBAR_ASSIGN_H

#include <stddef.h>
#include <stdint.h>

// Bytes of workspace.
size_t og_assign_bytes(size_t n, size_t m);
// to[i] of each of n lines; cost[i * m + j] >= 0, finite. Where leaving every line in its
// own place, to[i] = i, costs no more, that is the answer.
void og_assign(const double *cost, size_t n, size_t m, uint32_t *to, void *work);

#endif
