// SPDX-License-Identifier: GPL-3.0-or-later
// What a layer is: one og_op in the table of ops.c. An op sees blocks of samples; every
// block is computed by one thread, and blocks never look at each other except in the two
// serial merge steps.
#ifndef OG_NN_OP_H
#define OG_NN_OP_H

#include "config/fields.h"
#include "ohmgrid/array.h"
#include "ohmgrid/model.h"

enum { OG_MAX_INPUTS = 4, OG_MAX_PARAMS = 12 };

// Samples per block; part of what a result is, so fixed.
enum { OG_BLOCK = 32 };

enum { OG_RNN_GATES = 4 };

enum og_init_law { OG_INIT_CONSTANT, OG_INIT_UNIFORM };  // value | [-value, value]

struct og_param {
    char name[32];
    int rank;
    size_t dim[4];
    size_t offset, count;  // in the parameter or state block
    enum og_init_law law;
    float value;
    bool decay, state;
};

// With adc.kind ramp: the functions of the columns, and their biases, elements first ...
// of a parameter; `more` is added to some of them. parts 0: the layer does not offer it.
#define OG_NO_PARAM SIZE_MAX
struct og_linear_ramp {
    int parts;
    struct og_ramp_part part[OG_RAMP_PARTS];
    size_t param, first;           // OG_NO_PARAM: none
    size_t more_first, more_cols;  // of the columns
    float more;
};

// A matrix that may live on a crossbar: W[j * stride + i] inside one parameter.
struct og_linear_decl {
    char name[64];         // node name, or node name / part
    size_t rows, cols;     // inputs, outputs
    size_t param;          // index into node->param
    size_t first, stride;  // element (j, i) at first + j * stride + i of the parameter
    int segments;
    struct {
        size_t rows;
        bool recurrent;  // DAC bits from rnn.h_bits, else rnn.x_bits or dac.bits
        bool reset;      // r h of a GRU
        float range;     // fixed full scale; 0: by hardware.dac (fixed or calibrated)
    } segment[OG_SEGMENTS];
    bool plain;  // a layer that may multiply by itself, see og_linear_plain
    bool rnn;    // first segment takes rnn.x_bits
    int gates;   // columns belong to so many gates, equally many each; 0: to none
    int gate_point[OG_RNN_GATES];  // OG_POINT_A_...
    size_t steps;                  // time steps, a read each; 0: one read without a time
    struct og_linear_ramp ramp;
};

struct og_op;

struct og_node {
    const struct og_op *op;
    char name[48];
    uint32_t index;  // of the node in the graph: names its random streams
    int inputs;
    int input[OG_MAX_INPUTS];  // node numbers; -1: the graph's input
    struct og_shape in[OG_MAX_INPUTS], shape;
    void *attr;  // bound from YAML by op->fields, op->attr_size bytes
    int params;
    struct og_param param[OG_MAX_PARAMS];
    int linears, linear_room;
    struct og_linear_decl *linear;  // [linear_room]; owned
};

// Makes room for n matrices, in setup.
og_status og_node_make_room(struct og_node *node, int n, struct og_error *err);
// Gives the copy of a node a list of its own; false: out of memory (and no list).
bool og_node_own_linears(struct og_node *copy);

// Elements of one sample; 1 for rank 0.
size_t og_shape_count(const struct og_shape *shape);
// Parts of tapes and workspaces begin on cache lines.
static inline size_t og_round64(size_t bytes) { return (bytes + 63) / 64 * 64; }

// What an op sees of one pass over one block: rows [first, first + n) of the batch. All
// pointers are to the first row of the block.
struct og_view {
    const og_exec *exec;  // NULL: a layer without weights alone, for its constants
    const struct og_node *node;
    const struct og_batch *batch;
    const struct og_hardware *hw;  // the default (ideal = true) when ideal
    bool training;
    size_t first, n, block;  // block: number of the block
    const uint32_t *sample;  // [n] numbers of the samples in the data set
    const uint32_t *row;     // [n] their places in the batch; NULL: first, first + 1, ...
    const float *in[OG_MAX_INPUTS];
    float *out;                         // in backward: what forward wrote there
    const float *param[OG_MAX_PARAMS];  // also state tensors
    float *carried;                     // [streams][op->carried(...)]; NULL: no text
    void *tape;  // op->tape_bytes(...) of this block; NULL if not training
    void *work;  // op->work_bytes(...) of this thread
    // backward only
    const float *dout;
    float *din[OG_MAX_INPUTS];     // NULL where no gradient is wanted; ADDED to, not set
    bool fresh[OG_MAX_INPUTS];     // nothing is there yet: to be SET; of ops that `begin`
    float *dparam[OG_MAX_PARAMS];  // this block's own buffer; ADDED to
    // merge steps: per-block partial sums, op->partials(node) doubles each
    double *partial;              // this block's; in merge: [blocks][partials]
    size_t blocks, total;         // number of blocks and samples of the batch
    float *state[OG_MAX_PARAMS];  // writable state tensors, in op->update only
    double share;                 // there: of this batch in them; 0: as the layer says
    double *merged;               // as many doubles, written by merge steps, kept
};

// Parts of a layer with a product, in order: the powers of noise at X and H, and that of
// noise at A, where they are those of the whole batch; the read; noise at O.
enum og_part { OG_PART_INPUTS, OG_PART_SUMS, OG_PART_READ, OG_PART_OUTPUT, OG_PARTS };

// Place in the batch of the k-th sample of a view.
static inline size_t og_view_row(const struct og_view *v, size_t k)
{
    return v->row ? v->row[k] : v->first + k;
}
// Of its workspace.
static inline float *og_view_work(const struct og_view *v, size_t byte)
{
    return (float *)((char *)v->work + byte);
}
// The block's rows [s, s + n) as a view of their own; its pointers stay.
struct og_view og_view_part(const struct og_view *v, size_t s, size_t n);

struct og_op {
    const char *name;               // in YAML: dense, conv2d, lstm, ...
    const char *onnx;               // operator it stands for
    const char *help;               // one sentence
    const struct og_field *fields;  // of its attributes (config/fields.h)
    size_t attr_size;
    int inputs_min, inputs_max;
    bool elementwise;  // each output from the elements at the same place of its inputs
    bool begins;       // backward minds v->fresh
    bool recurrent;    // reads as many steps as og_batch.length says
    // Whether a step depends on later ones; NULL: no.
    bool (*looks_ahead)(const struct og_node *node);
    // Checks input shapes, sets shape, param[] (all but offset) and linear[]. A linear's
    // name may be left empty or be its part ("forward"): the node's name is put before
    // it. `err` gets the sentence alone: file, line and layer are put before it.
    og_status (*setup)(struct og_node *node, struct og_error *err);
    // Optional: rewrites linears and linear[] of `node` for a hardware; og_exec_alloc
    // calls it on its own copy of the node, before sizes are asked for and arrays are
    // made.
    void (*linears)(struct og_node *node, const struct og_hardware *hw);
    // May be NULL (0 bytes). n: samples in a block.
    size_t (*tape_bytes)(const og_exec *exec, const struct og_node *node, size_t n);
    // Floats of a stream of text that the next window begins with; may be NULL.
    size_t (*carried)(const struct og_node *node);
    size_t (*work_bytes)(const og_exec *exec, const struct og_node *node, size_t n);
    void (*forward)(const struct og_view *v);
    void (*backward)(const struct og_view *v);
    // For all that injects noise: forward again, in parts. Where the noise takes its
    // power from the whole batch, each part is computed for all blocks before the next;
    // `work` then keeps what the parts before left there.
    size_t (*parts)(const struct og_node *node);
    void (*part)(const struct og_view *v, size_t part);
    // Optional, for what needs the whole batch (training only): partials are gathered per
    // block in parallel before forward (backward), then merged serially in block order.
    size_t (*partials)(const struct og_node *node);
    void (*gather)(const struct og_view *v);
    void (*gather_back)(const struct og_view *v);
    void (*merge)(const struct og_view *v);       // after gather
    void (*merge_back)(const struct og_view *v);  // after gather_back
    void (*update)(const struct og_view *v);      // og_exec_update_state
};

const struct og_op *og_op_find(const char *name);
const struct og_op *const *og_op_list(void);  // ends with NULL

// --- products on ideal or simulated hardware (linear.c) ------------------------------

// k: index into node->linear. x[r * ldx + i], y[r * ldy + j] for `rows` rows, which
// belong to the samples of the block in order, rows / v->n rows each. `tape` is
// og_linear_tape_bytes long (NULL when not training), `work` og_linear_work_bytes. Noise
// injection at X, H and A happens inside. step: time step.
size_t og_linear_tape_bytes(const og_exec *exec, const struct og_node *node, int k,
                            size_t rows);
size_t og_linear_work_bytes(const og_exec *exec, const struct og_node *node, int k,
                            size_t rows);
struct og_linear_io {
    enum og_part part;  // READ; INPUTS and SUMS gather what READ's noise needs
    int k;
    const float *x;
    // Instead of x, where og_linear_takes_codes: see og_read_io.
    void (*codes)(const void *of, size_t row0, size_t n, float *codes, size_t pitch);
    const void *of;
    size_t ldx, rows;
    float *y;
    size_t ldy;
    uint32_t step;
    void *tape, *work;
};
void og_linear_forward(const struct og_view *v, const struct og_linear_io *io);
// Whether what og_linear_forward gives is already what ramps made of sums and biases.
bool og_linear_is_ramp(const struct og_view *v, int k);
// y[r * n + j] = what the ramp of column first + j makes of x[r * n + j], where it is.
void og_linear_ramp(const struct og_view *v, int k, size_t first, size_t n, size_t rows,
                    const float *x, float *y);
// Where the sums of that forward were beyond the ends of a ramp's function, [rows][cols];
// NULL: nowhere.
const uint8_t *og_linear_beyond(const struct og_view *v, int k, const void *tape,
                                size_t rows);
// Whether INPUTS or SUMS have anything to do.
bool og_linear_gathers(const og_exec *exec, const struct og_node *node, int k,
                       enum og_part part);
// x is the same as in forward. dx (replaced) may be NULL. dW goes to v->dparam.
struct og_linear_back {
    int k;
    const float *x, *dy;
    size_t ldx, rows, lddy;
    float *dx;
    size_t lddx;
    const void *tape;
    void *work;
};
void og_linear_backward(const struct og_view *v, const struct og_linear_back *io);
// Whether og_linear_backward looks at x: an array's tape has its own.
bool og_linear_backward_needs_x(const og_exec *exec, const struct og_node *node, int k);

// The weights W[cols][rows] of a `plain` matrix without an array, for layers that do
// without the two functions above; else NULL. Forward, only where nothing more than the
// product is wanted of this pass.
const float *og_linear_plain(const struct og_view *v, int k);
bool og_linear_is_watched(const struct og_view *v);
// The same of the gradient through a read, [rows][cols], where it is straight; the inputs
// are then those of og_linear_dac, x[n], and og_linear_forward leaves no tape.
const float *og_linear_straight(const struct og_view *v, int k);
void og_linear_dac(const struct og_view *v, int k, const float *x, size_t n, float *out);
// Whether og_linear_forward may be given the codes of og_linear_codes in this pass.
bool og_linear_takes_codes(const struct og_view *v, int k);
void og_linear_codes(const struct og_view *v, int k, const float *x, size_t n,
                     float *codes);
// Where such a layer adds dW; NULL: it is not wanted.
float *og_linear_gradient(const struct og_view *v, int k);

// --- noise injection and quantisers outside the products (inject.c) ------------------

// Gathers the power of value[rows][width], the signal at `point` (G, C, O): in
// calibration for inference, in training for the running mean or the mean of the batch.
// In a part before that of og_inject.
void og_signal(const struct og_view *v, enum og_point point, const float *value,
               size_t rows, size_t width);
// Adds noise to it; `lane` tells apart several tensors of one point (gates). Neither has
// an effect when the hardware does not inject there.
void og_inject(const struct og_view *v, enum og_point point, uint32_t lane, uint32_t step,
               float *value, size_t rows, size_t width);
// The inference quantiser for states, gates and outputs: mid-tread, 2^bits - 1 levels on
// [-range, range] (unsigned: 2^bits levels on [0, range]); bits 0: unchanged. In place.
void og_quantize(float *value, size_t n, int bits, float range, bool is_signed);
// The same, or mid-rise: the middles of 2^bits equal parts of the range.
void og_quantize_as(enum og_rounding rounding, float *value, size_t n, int bits,
                    float range, bool is_signed);

#endif
