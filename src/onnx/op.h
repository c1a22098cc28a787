// SPDX-License-Identifier: GPL-3.0-or-later
// What an operator is: one row of laws per range of ONNX versions in which its inputs and
// attributes are the same (laws.c).
#ifndef OG_ONNX_OP_H
#define OG_ONNX_OP_H

#include "onnx/graph.h"

enum { OG_OPSET_MIN = 1, OG_OPSET_NEXT = 6, OG_OPSET_MAX = 21 };
enum { OG_MANY = 1 << 20, OG_WHY = 160 };

// Sets of types of an input.
enum {
    OG_IN_FLOAT = 1 << OG_ND_FLOAT,
    OG_IN_BYTE = 1 << OG_ND_INT8 | 1 << OG_ND_UINT8,
    OG_IN_INT32 = 1 << OG_ND_INT32,
    OG_IN_INT64 = 1 << OG_ND_INT64,
    OG_IN_BOOL = 1 << OG_ND_BOOL,
    OG_IN_INDEX = OG_IN_INT32 | OG_IN_INT64,
    OG_IN_NUMBER = OG_IN_FLOAT | OG_IN_BYTE | OG_IN_INDEX,
    OG_IN_ANY = OG_IN_NUMBER | OG_IN_BOOL,
    OG_IN_SAME = 1 << 30,  // the type of the first input
};

enum og_out_type {
    OG_OUT_SAME,  // as the first input
    OG_OUT_FLOAT,
    OG_OUT_INT32,
    OG_OUT_INT64,
    OG_OUT_BOOL,
    OG_OUT_ZERO_POINT,  // as the third input, else output_dtype, else uint8
    OG_OUT_LAST,        // as the last input
    OG_OUT_CAST,        // as the attribute `to`
    OG_OUT_VALUE,       // with value_int as value_type or int64, else float
};

struct og_call;

struct og_onnx_law {
    const char *name;
    int since, until;             // opset versions
    int in_min, in_max;           // OG_MANY: any number, all of the first one's set
    int out_max;                  // at least one; OG_MANY: any number, all as the first
    unsigned in[OG_NODE_INPUTS];  // sets of types
    enum og_out_type out[OG_NODE_OUTPUTS];
    const char *attr;  // see laws.c
    // What rows cannot say: false and a reason when these attributes are not supported.
    bool (*check)(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                  char why[OG_WHY]);
    og_status (*run)(const struct og_call *call);
};

// NULL: not supported in that version. `known`: whether there is one of another version.
const struct og_onnx_law *og_law_find(const char *name, int opset, bool *known);
// All laws; ends with a NULL name. For tests.
const struct og_onnx_law *og_laws(void);

struct og_engine;

// One evaluation of a node.
struct og_call {
    const struct og_onnx_node *node;
    int opset;
    const struct og_nd **in;  // [node->inputs]; NULL: left out
    const bool *constant;     // [node->inputs] of the model, whatever is inferred
    struct og_nd **out;       // [node->outputs], empty; NULL: nobody wants it
    struct og_engine *engine;
    struct og_error *err;
};

// "node #3 Conv 'name': sentence", OG_INPUT.
og_status og_call_fail(const struct og_call *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const struct og_nd *og_call_in(const struct og_call *c, size_t k);  // NULL: left out
struct og_nd *og_call_out(const struct og_call *c, size_t k);       // NULL: not wanted
// Makes output k, when it is wanted.
og_status og_call_make(const struct og_call *c, size_t k, enum og_nd_type type, int rank,
                       const int64_t *dim);
// The same shape as `like`.
og_status og_call_like(const struct og_call *c, size_t k, const struct og_nd *like);
// axis + rank where axis < 0; fails outside [low, high], counted from the front.
og_status og_call_axis(const struct og_call *c, int64_t axis, int rank, int high,
                       int *out);
// The integers of an input or, if it has no such input, of an attribute. NULL in *list
// (and n 0) when neither is given; a list is in memory that og_free frees.
og_status og_call_ints(const struct og_call *c, int input, const char *attr, size_t *n,
                       int64_t **list);
// Out k shares the elements of in 0 under another shape of as many elements.
og_status og_call_reshape(const struct og_call *c, size_t k, int rank,
                          const int64_t *dim);

// --- operators, by file --------------------------------------------------------------
og_status og_run_arithmetic(const struct og_call *c);
og_status og_run_unary(const struct og_call *c);
og_status og_run_relu(const struct og_call *c);
og_status og_run_clip(const struct og_call *c);
og_status og_run_prelu(const struct og_call *c);
og_status og_run_reshape(const struct og_call *c);
og_status og_run_flatten(const struct og_call *c);
og_status og_run_squeeze(const struct og_call *c);
og_status og_run_unsqueeze(const struct og_call *c);
og_status og_run_identity(const struct og_call *c);
og_status og_run_transpose(const struct og_call *c);
og_status og_run_concat(const struct og_call *c);
og_status og_run_split(const struct og_call *c);
og_status og_run_slice(const struct og_call *c);
og_status og_run_pad(const struct og_call *c);
og_status og_run_gather(const struct og_call *c);
og_status og_run_softmax(const struct og_call *c);
og_status og_run_reduce_mean(const struct og_call *c);
og_status og_run_batch_norm(const struct og_call *c);
og_status og_run_dropout(const struct og_call *c);
og_status og_run_max_pool(const struct og_call *c);
og_status og_run_average_pool(const struct og_call *c);
og_status og_run_global_pool(const struct og_call *c);
og_status og_run_conv(const struct og_call *c);
og_status og_run_conv_integer(const struct og_call *c);
og_status og_run_matmul(const struct og_call *c);
og_status og_run_gemm(const struct og_call *c);
og_status og_run_matmul_integer(const struct og_call *c);
og_status og_run_qlinear_matmul(const struct og_call *c);
og_status og_run_quantize(const struct og_call *c);
og_status og_run_dequantize(const struct og_call *c);
og_status og_run_rnn(const struct og_call *c);
og_status og_run_shape(const struct og_call *c);
og_status og_run_expand(const struct og_call *c);
og_status og_run_constant_of_shape(const struct og_call *c);
og_status og_run_cast(const struct og_call *c);

// The type of a number of TensorProto.DataType; OG_ND_NONE: not supported.
enum og_nd_type og_data_type(int64_t number);
// What a Cast casts to.
enum og_nd_type og_cast_type(const struct og_onnx_node *node);
// What a ConstantOfShape is filled with; OG_ND_NONE: not supported.
enum og_nd_type og_value_type(const struct og_onnx_node *node);
bool og_check_value(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                    char why[OG_WHY]);
bool og_check_cast(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                   char why[OG_WHY]);

bool og_check_batch_norm(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                         char why[OG_WHY]);
bool og_check_dropout(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                      char why[OG_WHY]);
bool og_check_split(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                    char why[OG_WHY]);
bool og_check_window(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                     char why[OG_WHY]);
bool og_check_rnn(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                  char why[OG_WHY]);
bool og_check_quantize(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                       char why[OG_WHY]);

#endif
