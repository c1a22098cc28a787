// SPDX-License-Identifier: GPL-3.0-or-later
// The operators, after the ONNX operator specification (onnx/docs/Operators.md and
// Changelog.md). A row is a range of opsets with one form of inputs and attributes.
//
// Attributes are words "name:kind", kind one of
//   i an integer   b 0 or 1   f a float   I F S lists of integers, floats, texts
//   t=A|B|C a text, one of these
// with ! behind it where the attribute must be there. consumed_inputs was said to
// optimisers in opset 1 and has no effect on results; neither has output_sequence, since
// here only what is wanted is computed.
#include <stdio.h>
#include <string.h>

#include "ohmgrid/onnx.h"
#include "onnx/op.h"

#define PADDING "auto_pad:t=NOTSET|SAME_UPPER|SAME_LOWER|VALID pads:I strides:I "
#define RNN                                                                              \
    "activations:S activation_alpha:F activation_beta:F clip:f hidden_size:i "           \
    "direction:t=forward|reverse|bidirectional "
#define CONSUMED "consumed_inputs:I "

enum {
    F = OG_IN_FLOAT,
    BYTE = OG_IN_BYTE,
    I32 = OG_IN_INT32,
    I64 = OG_IN_INT64,
    INDEX = OG_IN_INDEX,
    NUM = OG_IN_NUMBER,
    ANY = OG_IN_ANY,
    SAME = OG_IN_SAME,
    BOOL = OG_IN_BOOL,
    END = OG_OPSET_MAX,
};

static bool check_constant(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                           char why[OG_WHY])
{
    (void)g, (void)node;
    snprintf(why, OG_WHY, "its value is of a type or form that is not supported");
    return false;
}

// clang-format off
// name, since, until, inputs at least and at most, outputs at most, types of the inputs,
// types of the outputs, attributes, check, run
static const struct og_onnx_law laws[] = {
{"Add", 1, 6, 2, 2, 1, {NUM, SAME}, {0}, "axis:i broadcast:b " CONSUMED, NULL, og_run_arithmetic},
{"Add", 7, END, 2, 2, 1, {NUM, SAME}, {0}, "", NULL, og_run_arithmetic},
{"Sub", 1, 6, 2, 2, 1, {NUM, SAME}, {0}, "axis:i broadcast:b " CONSUMED, NULL, og_run_arithmetic},
{"Sub", 7, END, 2, 2, 1, {NUM, SAME}, {0}, "", NULL, og_run_arithmetic},
{"Mul", 1, 6, 2, 2, 1, {NUM, SAME}, {0}, "axis:i broadcast:b " CONSUMED, NULL, og_run_arithmetic},
{"Mul", 7, END, 2, 2, 1, {NUM, SAME}, {0}, "", NULL, og_run_arithmetic},
{"Div", 1, 6, 2, 2, 1, {NUM, SAME}, {0}, "axis:i broadcast:b " CONSUMED, NULL, og_run_arithmetic},
{"Div", 7, END, 2, 2, 1, {NUM, SAME}, {0}, "", NULL, og_run_arithmetic},

{"Relu", 1, 5, 1, 1, 1, {F}, {0}, CONSUMED, NULL, og_run_unary},
{"Relu", 6, 13, 1, 1, 1, {F}, {0}, "", NULL, og_run_unary},
{"Relu", 14, END, 1, 1, 1, {F | INDEX | 1 << OG_ND_INT8}, {0}, "", NULL, og_run_relu},
{"Sigmoid", 1, 5, 1, 1, 1, {F}, {0}, CONSUMED, NULL, og_run_unary},
{"Sigmoid", 6, END, 1, 1, 1, {F}, {0}, "", NULL, og_run_unary},
{"Tanh", 1, 5, 1, 1, 1, {F}, {0}, CONSUMED, NULL, og_run_unary},
{"Tanh", 6, END, 1, 1, 1, {F}, {0}, "", NULL, og_run_unary},
{"Elu", 1, 5, 1, 1, 1, {F}, {0}, "alpha:f " CONSUMED, NULL, og_run_unary},
{"Elu", 6, END, 1, 1, 1, {F}, {0}, "alpha:f", NULL, og_run_unary},
{"Selu", 1, 5, 1, 1, 1, {F}, {0}, "alpha:f gamma:f " CONSUMED, NULL, og_run_unary},
{"Selu", 6, END, 1, 1, 1, {F}, {0}, "alpha:f gamma:f", NULL, og_run_unary},
{"LeakyRelu", 1, 5, 1, 1, 1, {F}, {0}, "alpha:f " CONSUMED, NULL, og_run_unary},
{"LeakyRelu", 6, END, 1, 1, 1, {F}, {0}, "alpha:f", NULL, og_run_unary},
{"HardSigmoid", 1, 5, 1, 1, 1, {F}, {0}, "alpha:f beta:f " CONSUMED, NULL, og_run_unary},
{"HardSigmoid", 6, END, 1, 1, 1, {F}, {0}, "alpha:f beta:f", NULL, og_run_unary},
{"PRelu", 1, 5, 2, 2, 1, {F, F}, {0}, CONSUMED, NULL, og_run_prelu},
{"PRelu", 6, END, 2, 2, 1, {F | INDEX, SAME}, {0}, "", NULL, og_run_prelu},
{"Clip", 1, 5, 1, 1, 1, {F}, {0}, "min:f max:f " CONSUMED, NULL, og_run_clip},
{"Clip", 6, 10, 1, 1, 1, {F}, {0}, "min:f max:f", NULL, og_run_clip},
{"Clip", 11, END, 1, 3, 1, {NUM, SAME, SAME}, {0}, "", NULL, og_run_clip},

{"Constant", 1, END, 0, 0, 1, {0}, {0}, "", check_constant, NULL},
{"Identity", 1, END, 1, 1, 1, {ANY}, {0}, "", NULL, og_run_identity},
{"Reshape", 1, 1, 1, 1, 1, {ANY}, {0}, "shape:I! " CONSUMED, NULL, og_run_reshape},
{"Reshape", 6, 13, 2, 2, 1, {ANY, I64}, {0}, "", NULL, og_run_reshape},
{"Reshape", 14, END, 2, 2, 1, {ANY, I64}, {0}, "allowzero:b", NULL, og_run_reshape},
{"Flatten", 1, END, 1, 1, 1, {ANY}, {0}, "axis:i", NULL, og_run_flatten},
{"Squeeze", 1, 12, 1, 1, 1, {ANY}, {0}, "axes:I", NULL, og_run_squeeze},
{"Squeeze", 13, END, 1, 2, 1, {ANY, I64}, {0}, "", NULL, og_run_squeeze},
{"Unsqueeze", 1, 12, 1, 1, 1, {ANY}, {0}, "axes:I!", NULL, og_run_unsqueeze},
{"Unsqueeze", 13, END, 2, 2, 1, {ANY, I64}, {0}, "", NULL, og_run_unsqueeze},
{"Transpose", 1, END, 1, 1, 1, {ANY}, {0}, "perm:I", NULL, og_run_transpose},
{"Concat", 1, 1, 1, OG_MANY, 1, {ANY, SAME}, {0}, "axis:i", NULL, og_run_concat},
{"Concat", 6, END, 1, OG_MANY, 1, {ANY, SAME}, {0}, "axis:i!", NULL, og_run_concat},
{"Split", 1, 1, 1, 1, OG_MANY, {F}, {0}, "axis:i split:I", og_check_split, og_run_split},
{"Split", 6, 12, 1, 1, OG_MANY, {ANY}, {0}, "axis:i split:I", og_check_split, og_run_split},
{"Split", 13, 17, 1, 2, OG_MANY, {ANY, I64}, {0}, "axis:i", og_check_split, og_run_split},
{"Split", 18, END, 1, 2, OG_MANY, {ANY, I64}, {0}, "axis:i num_outputs:i", og_check_split, og_run_split},
{"Slice", 1, 9, 1, 1, 1, {ANY}, {0}, "axes:I starts:I! ends:I!", NULL, og_run_slice},
{"Slice", 10, END, 3, 5, 1, {ANY, INDEX, INDEX, INDEX, INDEX}, {0}, "", NULL, og_run_slice},
{"Pad", 1, 1, 1, 1, 1, {F}, {0}, "mode:t=constant|reflect|edge paddings:I! value:f", NULL, og_run_pad},
{"Pad", 6, 10, 1, 1, 1, {F}, {0}, "mode:t=constant|reflect|edge pads:I! value:f", NULL, og_run_pad},
{"Pad", 11, 17, 2, 3, 1, {ANY, I64, SAME}, {0}, "mode:t=constant|reflect|edge", NULL, og_run_pad},
{"Pad", 18, 18, 2, 4, 1, {ANY, I64, SAME, INDEX}, {0}, "mode:t=constant|reflect|edge", NULL, og_run_pad},
{"Pad", 19, END, 2, 4, 1, {ANY, I64, SAME, INDEX}, {0}, "mode:t=constant|reflect|edge|wrap", NULL, og_run_pad},
{"Shape", 1, 14, 1, 1, 1, {ANY}, {OG_OUT_INT64}, "", NULL, og_run_shape},
{"Shape", 15, END, 1, 1, 1, {ANY}, {OG_OUT_INT64}, "start:i end:i", NULL, og_run_shape},
{"Expand", 8, END, 2, 2, 1, {ANY, I64}, {0}, "", NULL, og_run_expand},
{"ConstantOfShape", 9, END, 1, 1, 1, {I64}, {OG_OUT_VALUE}, "value_float:f value_int:i value_type:i", og_check_value, og_run_constant_of_shape},
{"Cast", 6, 18, 1, 1, 1, {ANY}, {OG_OUT_CAST}, "to:i!", og_check_cast, og_run_cast},
{"Cast", 19, END, 1, 1, 1, {ANY}, {OG_OUT_CAST}, "to:i! saturate:b", og_check_cast, og_run_cast},
{"Gather", 1, END, 2, 2, 1, {ANY, INDEX}, {0}, "axis:i", NULL, og_run_gather},

{"Softmax", 1, END, 1, 1, 1, {F}, {0}, "axis:i", NULL, og_run_softmax},
{"LogSoftmax", 1, END, 1, 1, 1, {F}, {0}, "axis:i", NULL, og_run_softmax},
{"ReduceMean", 1, 17, 1, 1, 1, {F | INDEX}, {0}, "axes:I keepdims:b", NULL, og_run_reduce_mean},
{"ReduceMean", 18, END, 1, 2, 1, {F | INDEX, I64}, {0}, "keepdims:b noop_with_empty_axes:b", NULL, og_run_reduce_mean},
{"BatchNormalization", 1, 5, 5, 5, 1, {F, F, F, F, F}, {0}, "epsilon:f momentum:f is_test:b spatial:b " CONSUMED, og_check_batch_norm, og_run_batch_norm},
{"BatchNormalization", 6, 6, 5, 5, 1, {F, F, F, F, F}, {0}, "epsilon:f momentum:f is_test:b spatial:b", og_check_batch_norm, og_run_batch_norm},
{"BatchNormalization", 7, 8, 5, 5, 1, {F, F, F, F, F}, {0}, "epsilon:f momentum:f spatial:b", NULL, og_run_batch_norm},
{"BatchNormalization", 9, 13, 5, 5, 1, {F, F, F, F, F}, {0}, "epsilon:f momentum:f", NULL, og_run_batch_norm},
{"BatchNormalization", 14, END, 5, 5, 3, {F, F, F, F, F}, {0}, "epsilon:f momentum:f training_mode:b", og_check_batch_norm, og_run_batch_norm},
{"Dropout", 1, 5, 1, 1, 2, {F}, {0}, "is_test:b ratio:f " CONSUMED, og_check_dropout, og_run_dropout},
{"Dropout", 6, 6, 1, 1, 2, {F}, {0}, "is_test:b ratio:f", og_check_dropout, og_run_dropout},
{"Dropout", 7, 9, 1, 1, 2, {F}, {0}, "ratio:f", NULL, og_run_dropout},
{"Dropout", 10, 11, 1, 1, 2, {F}, {0, OG_OUT_BOOL}, "ratio:f", NULL, og_run_dropout},
{"Dropout", 12, END, 1, 3, 2, {F, F, BOOL}, {0, OG_OUT_BOOL}, "seed:i", og_check_dropout, og_run_dropout},

{"MaxPool", 1, 7, 1, 1, 1, {F}, {0}, PADDING "kernel_shape:I!", og_check_window, og_run_max_pool},
{"MaxPool", 8, 9, 1, 1, 2, {F}, {0, OG_OUT_INT64}, PADDING "kernel_shape:I! storage_order:b", og_check_window, og_run_max_pool},
{"MaxPool", 10, END, 1, 1, 2, {F | BYTE}, {0, OG_OUT_INT64}, PADDING "kernel_shape:I! storage_order:b ceil_mode:b dilations:I", og_check_window, og_run_max_pool},
{"AveragePool", 1, 6, 1, 1, 1, {F}, {0}, PADDING "kernel_shape:I!", og_check_window, og_run_average_pool},
{"AveragePool", 7, 9, 1, 1, 1, {F}, {0}, PADDING "kernel_shape:I! count_include_pad:b", og_check_window, og_run_average_pool},
{"AveragePool", 10, 18, 1, 1, 1, {F}, {0}, PADDING "kernel_shape:I! count_include_pad:b ceil_mode:b", og_check_window, og_run_average_pool},
{"AveragePool", 19, END, 1, 1, 1, {F}, {0}, PADDING "kernel_shape:I! count_include_pad:b ceil_mode:b dilations:I", og_check_window, og_run_average_pool},
{"GlobalAveragePool", 1, END, 1, 1, 1, {F}, {0}, "", NULL, og_run_global_pool},
{"Conv", 1, END, 2, 3, 1, {F, F, F}, {0}, PADDING "dilations:I group:i kernel_shape:I", og_check_window, og_run_conv},
{"ConvInteger", 10, END, 2, 4, 1, {BYTE, BYTE, BYTE, BYTE}, {OG_OUT_INT32}, PADDING "dilations:I group:i kernel_shape:I", og_check_window, og_run_conv_integer},
{"MatMul", 1, 8, 2, 2, 1, {F, F}, {0}, "", NULL, og_run_matmul},
{"MatMul", 9, END, 2, 2, 1, {F | INDEX, SAME}, {0}, "", NULL, og_run_matmul},
{"MatMulInteger", 10, END, 2, 4, 1, {BYTE, BYTE, BYTE, BYTE}, {OG_OUT_INT32}, "", NULL, og_run_matmul_integer},
{"QLinearMatMul", 10, END, 8, 8, 1, {BYTE, F, BYTE, BYTE, F, BYTE, F, BYTE}, {OG_OUT_LAST}, "", NULL, og_run_qlinear_matmul},
{"Gemm", 1, 6, 3, 3, 1, {F, F, F}, {0}, "alpha:f beta:f broadcast:b transA:b transB:b", NULL, og_run_gemm},
{"Gemm", 7, 10, 3, 3, 1, {F, F, F}, {0}, "alpha:f beta:f transA:b transB:b", NULL, og_run_gemm},
{"Gemm", 11, END, 2, 3, 1, {F, F, F}, {0}, "alpha:f beta:f transA:b transB:b", NULL, og_run_gemm},
{"QuantizeLinear", 10, 12, 2, 3, 1, {F | I32, F, BYTE}, {OG_OUT_ZERO_POINT}, "", NULL, og_run_quantize},
{"QuantizeLinear", 13, 18, 2, 3, 1, {F | I32, F, BYTE}, {OG_OUT_ZERO_POINT}, "axis:i", NULL, og_run_quantize},
{"QuantizeLinear", 19, 20, 2, 3, 1, {F | I32, F, BYTE}, {OG_OUT_ZERO_POINT}, "axis:i saturate:b", NULL, og_run_quantize},
{"QuantizeLinear", 21, END, 2, 3, 1, {F | I32, F, BYTE}, {OG_OUT_ZERO_POINT}, "axis:i saturate:b block_size:i output_dtype:i", og_check_quantize, og_run_quantize},
{"DequantizeLinear", 10, 12, 2, 3, 1, {BYTE | I32, F, SAME}, {OG_OUT_FLOAT}, "", NULL, og_run_dequantize},
{"DequantizeLinear", 13, 20, 2, 3, 1, {BYTE | I32, F, SAME}, {OG_OUT_FLOAT}, "axis:i", NULL, og_run_dequantize},
{"DequantizeLinear", 21, END, 2, 3, 1, {BYTE | I32, F, SAME}, {OG_OUT_FLOAT}, "axis:i block_size:i", og_check_quantize, og_run_dequantize},

{"LSTM", 1, 6, 3, 8, 3, {F, F, F, F, I32, F, F, F}, {0}, RNN "input_forget:b output_sequence:b", og_check_rnn, og_run_rnn},
{"LSTM", 7, 13, 3, 8, 3, {F, F, F, F, I32, F, F, F}, {0}, RNN "input_forget:b", og_check_rnn, og_run_rnn},
{"LSTM", 14, END, 3, 8, 3, {F, F, F, F, I32, F, F, F}, {0}, RNN "input_forget:b layout:b", og_check_rnn, og_run_rnn},
{"GRU", 1, 2, 3, 6, 2, {F, F, F, F, I32, F}, {0}, RNN "output_sequence:b", og_check_rnn, og_run_rnn},
{"GRU", 6, 6, 3, 6, 2, {F, F, F, F, I32, F}, {0}, RNN "output_sequence:b linear_before_reset:b", og_check_rnn, og_run_rnn},
{"GRU", 7, 13, 3, 6, 2, {F, F, F, F, I32, F}, {0}, RNN "linear_before_reset:b", og_check_rnn, og_run_rnn},
{"GRU", 14, END, 3, 6, 2, {F, F, F, F, I32, F}, {0}, RNN "linear_before_reset:b layout:b", og_check_rnn, og_run_rnn},
{"RNN", 1, 6, 3, 6, 2, {F, F, F, F, I32, F}, {0}, RNN "output_sequence:b", og_check_rnn, og_run_rnn},
{"RNN", 7, 13, 3, 6, 2, {F, F, F, F, I32, F}, {0}, RNN "", og_check_rnn, og_run_rnn},
{"RNN", 14, END, 3, 6, 2, {F, F, F, F, I32, F}, {0}, RNN "layout:b", og_check_rnn, og_run_rnn},
{0},
};
// clang-format on

const struct og_onnx_law *og_law_find(const char *name, int opset, bool *known)
{
    *known = false;
    for (const struct og_onnx_law *law = laws; law->name; law++) {
        if (strcmp(law->name, name) != 0) continue;
        *known = true;
        if (opset >= law->since && opset <= law->until) return law;
    }
    return NULL;
}

const struct og_onnx_law *og_laws(void) { return laws; }

void og_onnx_print_operators(FILE *out)
{
    int column = 0;
    for (const struct og_onnx_law *law = laws; law->name; law++) {
        if (law > laws && strcmp(law->name, law[-1].name) == 0) continue;
        int width = (int)strlen(law->name) + 1;
        if (column > 0 && column + width > 86) {
            fprintf(out, "\n");
            column = 0;
        }
        fprintf(out, "%s%s", column == 0 ? "  " : " ", law->name);
        column += width;
    }
    fprintf(out, "\n");
}
