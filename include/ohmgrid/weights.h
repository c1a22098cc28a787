// SPDX-License-Identifier: GPL-3.0-or-later
// Weights out of ohmgrid's files, for other programs and for model.weights.
// Thread-safety: one call at a time, since HDF5 knows no threads.
#ifndef OHMGRID_WEIGHTS_H
#define OHMGRID_WEIGHTS_H

#include "ohmgrid/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// Writes the float weights of a result file (/model, output.model: true) or of a model
// file of og_onnx_import to `out`, NumPy's .npz or .safetensors by its ending, which is
// replaced as a whole. Types float32, shapes and values as they are stored. Names:
// "layer.tensor" of a result, those of the initialisers of a model. `group`: which of a
// result's models (m0, c0, ...); "": the only one. OG_INPUT: no such file, group or
// weights; OG_USAGE: another ending.
OG_API og_status og_weights_export(const char *in, const char *group, const char *out,
                                   struct og_error *err);

#ifdef __cplusplus
}
#endif
#endif
