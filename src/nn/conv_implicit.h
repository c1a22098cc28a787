// SPDX-License-Identifier: GPL-3.0-or-later
// The passes of a convolution whose rows nobody looks at: floats, or arrays that take the
// codes of their DACs, by implicit products (implicit.h). The same outputs as by rows, to
// the bit; gradients may differ in the order of their sums.
#ifndef OG_NN_CONV_IMPLICIT_H
#define OG_NN_CONV_IMPLICIT_H

#include "nn/ops.h"
#include "nn/windows.h"

// Workspace, without what the linears need behind it.
size_t og_conv_implicit_bytes(const struct og_windows *g);
// v->out of the whole block; false, and nothing done: somebody needs the rows.
bool og_conv_implicit_read(const struct og_view *v, const struct og_windows *g);

// Whether gradients need neither rows nor tape.
bool og_conv_is_implicit_back(const struct og_view *v);
// v->din and v->dparam of the whole block.
void og_conv_implicit_backward(const struct og_view *v, const struct og_windows *g);

#endif
