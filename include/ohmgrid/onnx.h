// SPDX-License-Identifier: GPL-3.0-or-later
// Networks from ONNX files: read once into a model file (HDF5), then computed on given
// inputs, in float or on crossbar arrays. Opsets 1 and 6 to 21 of the operators that
// og_onnx_print_operators lists.
// Thread-safety: one call at a time, since HDF5 knows no threads; a call uses all of its
// own.
#ifndef OHMGRID_ONNX_H
#define OHMGRID_ONNX_H

#include <stdint.h>
#include <stdio.h>

#include "ohmgrid/hardware.h"

#ifdef __cplusplus
extern "C" {
#endif

// Reads an ONNX file and writes what it holds to a model file. Operators, attributes,
// types and versions that are not supported are OG_INPUT, and every node that asks for
// one is printed to `refused` (may be NULL) as "#index op_type name: why".
OG_API og_status og_onnx_import(const char *onnx_path, const char *model_path,
                                FILE *refused, struct og_error *err);

// Names of the operators, a few on each line.
OG_API void og_onnx_print_operators(FILE *out);

struct og_onnx_infer {
    const char *model, *in, *out;        // HDF5 files; out is replaced
    const struct og_hardware *hardware;  // NULL: float
    // With hardware only:
    int chips;              // at least 1
    int calibrate_samples;  // the first of the inputs, on which converters are calibrated
    uint64_t seed;
};

// Reads one dataset for each input of the graph (its name; /input serves a graph that
// asks for one input), writes one for each output (its name, and /output if it is the
// only one), with a leading axis of chips where there is hardware. Types are those of the
// graph; bool is uint8.
//
// With hardware, Conv, Gemm, MatMul, LSTM, GRU and RNN whose weights are constants of the
// model are on arrays; all else is digital, in float. Injected noise, ramp ADCs, hardware
// of single layers and technologies are OG_INPUT, and so is a model without any array.
OG_API og_status og_onnx_run(const struct og_onnx_infer *params, struct og_error *err);

#ifdef __cplusplus
}
#endif
#endif
