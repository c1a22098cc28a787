// SPDX-License-Identifier: GPL-3.0-or-later
#include "ohmgrid/network.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "bind/hardware.h"
#include "nn/exec.h"

struct og_network {
    og_model *model;
    og_exec *exec;
    struct og_bind_hardware hardware;  // what the exec borrows
    size_t batch;
    bool training;
    uint32_t *sample;  // [batch]
    uint32_t *length;  // [lengths] of sequences, or NULL
    size_t lengths;
    struct og_batch last;  // of the last forward
    uint64_t seed;         // of the chip
    uint32_t trial;
};

og_status og_network_alloc(og_network **network, const char *layers, const size_t *input,
                           int rank, struct og_error *err)
{
    struct og_shape shape = {.rank = rank};
    og_item *root = NULL;
    *network = NULL;
    if (rank < 1 || rank > 3)
        return og_fail(err, OG_INPUT, "the rank of a sample is %d; it must be 1 to 3",
                       rank);
    for (int d = 0; d < rank; d++) {
        shape.dim[d] = input[d];
        if (input[d] == 0)
            return og_fail(err, OG_INPUT, "dimension %d of a sample is 0", d);
    }
    og_network *n = og_alloc(1, sizeof *n);
    og_status status = n ? OG_OK : og_fail(err, OG_NO_MEMORY, "out of memory");
    if (status == OG_OK) status = og_item_parse(&root, "layers", layers, err);
    if (status == OG_OK) status = og_model_build(&n->model, root, &shape, 0, err);
    og_item_free(root);
    if (status == OG_OK)
        *network = n;
    else
        og_network_free(n);
    return status;
}

static void leave(og_network *n)
{
    og_exec_free(n->exec);
    og_item_free(n->hardware.tree);
    og_free(n->sample);
    n->exec = NULL;
    n->hardware.tree = NULL;
    n->sample = NULL;
}

void og_network_free(og_network *network)
{
    if (!network) return;
    leave(network);
    og_free(network->length);
    og_model_free(network->model);
    og_free(network);
}

og_model *og_network_model(og_network *network) { return network->model; }

og_exec *og_network_exec(og_network *network) { return network->exec; }

int og_network_output(const og_network *network, size_t dim[3])
{
    const struct og_shape shape = og_model_output(network->model);
    memcpy(dim, shape.dim, sizeof shape.dim);
    return shape.rank;
}

int og_network_tensor(og_network *network, size_t i, const char *name[2], size_t dim[4],
                      float **value, int *trained)
{
    const struct og_tensor_info t = og_model_tensor(network->model, i);
    size_t count;
    name[0] = t.node;
    name[1] = t.name;
    memcpy(dim, t.dim, sizeof t.dim);
    *trained = !t.state;
    *value = t.offset + (t.state ? og_model_state(network->model, &count)
                                 : og_model_params(network->model, &count));
    return t.rank;
}

og_status og_network_load(og_network *network, const char *path, const char *group,
                          struct og_error *err)
{
    struct og_weights_config config = {.layout = OG_LAYOUT_AUTO};
    const size_t n = strlen(path), m = strlen(group);
    if (n >= sizeof config.path || m >= sizeof config.group)
        return og_fail(err, OG_INPUT, "'%.60s' is longer than %zu bytes",
                       n >= sizeof config.path ? path : group,
                       n >= sizeof config.path ? sizeof config.path - 1
                                               : sizeof config.group - 1);
    memcpy(config.path, path, n);
    memcpy(config.group, group, m);
    return og_model_load(network->model, &config, err);
}

// --- on hardware ---------------------------------------------------------------------

static og_status use(og_network *n, const og_bind_hardware *hardware, unsigned how,
                     uint32_t first_node, struct og_error *err)
{
    n->sample = og_alloc(n->batch, sizeof *n->sample);
    if (!n->sample) return og_fail(err, OG_NO_MEMORY, "out of memory");
    if (hardware) OG_TRY(og_bind_hardware_copy(&n->hardware, hardware, err));
    n->training = (how & OG_NETWORK_TRAIN) != 0;
    const struct og_exec_options options = {
        .hardware = hardware ? &n->hardware.hardware : NULL,
        .batch = n->batch,
        .training = n->training,
        .backward_inputs = (how & OG_NETWORK_INPUTS) != 0,
        .gradient = how & OG_NETWORK_CLIPPED ? OG_CLIPPED : OG_STRAIGHT_THROUGH,
        .reparam = (how & OG_NETWORK_REPARAM) != 0,
        .first_node = first_node,
    };
    return og_exec_alloc(&n->exec, n->model, &options, err);
}

og_status og_network_use(og_network *network, const og_bind_hardware *hardware,
                         size_t batch, unsigned how, uint32_t first_node,
                         struct og_error *err)
{
    assert(batch > 0);
    leave(network);
    network->batch = batch;
    const og_status status = use(network, hardware, how, first_node, err);
    if (status != OG_OK) leave(network);
    return status;
}

og_status og_network_check(og_network *const *network, size_t n,
                           const og_bind_hardware *hardware, struct og_error *err)
{
    const og_model **model = og_alloc(n, sizeof *model);
    if (!model) return og_fail(err, OG_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++) model[i] = network[i]->model;
    const og_status status = og_models_check_hardware(model, n, &hardware->hardware, err);
    og_free(model);
    return status;
}

static og_status check_lengths(const og_network *network, const uint32_t *length,
                               size_t n, struct og_error *err)
{
    const size_t steps = network->model->input.dim[0];
    OG_TRY(og_model_check_ragged(network->model, err));
    for (size_t i = 0; i < n; i++)
        if (length[i] < 1 || length[i] > steps)
            return og_fail(err, OG_INPUT,
                           "sequence %zu has %u steps; it must be 1 to the %zu of the "
                           "input",
                           i, (unsigned)length[i], steps);
    return OG_OK;
}

og_status og_network_lengths(og_network *network, const uint32_t *length, size_t n,
                             struct og_error *err)
{
    uint32_t *copy = NULL;
    if (length) {
        OG_TRY(check_lengths(network, length, n, err));
        copy = og_alloc(n, sizeof *copy);
        if (!copy) return og_fail(err, OG_NO_MEMORY, "out of memory");
        memcpy(copy, length, n * sizeof *copy);
    }
    og_free(network->length);
    network->length = copy;
    network->lengths = n;
    network->last = (struct og_batch){0};  // its lengths are gone
    return OG_OK;
}

bool og_network_wants_calibration(const og_network *network)
{
    const og_exec *exec = network->exec;
    bool wants = exec->slots > 0;
    for (size_t i = 0; i < exec->matrices; i++) {
        const struct og_matrix *m = &exec->matrix[i];
        if (!m->array) continue;
        wants = wants || m->adc_ranges > 0;
        for (int s = 0; s < m->node->linear[m->k].segments; s++)
            wants = wants || m->calibrated[s];
    }
    return wants;
}

og_status og_network_calibrate(og_network *network, const float *x, size_t n,
                               uint64_t seed, struct og_error *err)
{
    assert(network->exec && n > 0 && (!network->length || n == network->lengths));
    uint32_t *sample = og_alloc(n, sizeof *sample);
    if (!sample) return og_fail(err, OG_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++) sample[i] = (uint32_t)i;
    const struct og_batch batch = {
        .x = x, .sample = sample, .length = network->length, .n = n, .seed = seed};
    const og_status status = og_exec_calibrate(network->exec, &batch, err);
    og_free(sample);
    return status;
}

og_status og_network_program(og_network *network, uint64_t seed, uint32_t trial,
                             uint32_t draw, struct og_error *err)
{
    const struct og_chip chip = {.seed = seed, .trial = trial, .draw = draw};
    network->seed = seed;
    network->trial = trial;
    return og_exec_put_on(network->exec, &chip, err);
}

// --- passes --------------------------------------------------------------------------

void og_network_forward(og_network *network, const float *x, size_t n, uint32_t first,
                        uint32_t pass, float *y)
{
    assert(network->exec && (n <= network->batch || !network->training));
    assert(!network->length || (first == 0 && n == network->lengths));
    const struct og_shape *input = &network->model->input;
    const struct og_shape output = og_model_output(network->model);
    const size_t in = og_shape_count(input), out = og_shape_count(&output);
    for (size_t at = 0, some; at < n; at += some) {
        some = n - at < network->batch ? n - at : network->batch;
        for (size_t i = 0; i < some; i++) network->sample[i] = first + (uint32_t)(at + i);
        network->last = (struct og_batch){.x = x + at * in,
                                          .sample = network->sample,
                                          .length = network->length,
                                          .n = some,
                                          .seed = network->seed,
                                          .trial = network->trial,
                                          .pass = pass};
        memcpy(y + at * out, og_exec_forward(network->exec, &network->last),
               some * out * sizeof *y);
    }
}

const float *og_network_backward(og_network *network, const float *x, const float *dy,
                                 float *dx)
{
    assert(network->training && network->last.n > 0);
    network->last.x = x;
    return og_exec_backward_from(network->exec, &network->last, dy, dx);
}

void og_network_moves(og_network *network) { og_exec_update_state(network->exec); }

// --- looking inside ------------------------------------------------------------------

bool og_network_matrix(og_network *network, size_t i, size_t size[8], double value[2])
{
    const struct og_matrix *m = &network->exec->matrix[i];
    if (!m->array) return false;
    const struct og_hardware *hw = og_exec_hardware(network->exec, m->node);
    const struct og_array_info info = og_array_info(m->array);
    const size_t copies = (size_t)hw->mapping.devices_per_weight;
    const size_t sides =
        info.dense.devices / (copies * info.slices * info.rows * info.cols);
    const size_t all[8] = {info.rows,         info.cols,       copies,
                           info.slices,       sides,           info.used.tiles,
                           info.used.devices, info.conversions};
    memcpy(size, all, sizeof all);
    value[0] = info.w_max;
    value[1] = info.lsb;
    return true;
}

og_status og_network_programmed(og_network *network, size_t i, float *w_hat, float *g,
                                struct og_error *err)
{
    const struct og_matrix *m = &network->exec->matrix[i];
    const og_status status = w_hat ? og_array_weights(m->array, w_hat) : OG_OK;
    if (g) og_array_conductance(m->array, g);
    if (status == OG_OK) return OG_OK;
    return og_fail(err, status, "the weights as programmed, with hardware.wires: %s",
                   og_status_text(status));
}
