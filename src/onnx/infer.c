// SPDX-License-Identifier: GPL-3.0-or-later
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "og_build.h"
#include "ohmgrid/onnx.h"
#include "onnx/run.h"
#include "onnx/store.h"
#include "onnx/store_io.h"
#include "results/file.h"

struct infer {
    const struct og_onnx_infer *params;
    struct og_onnx_graph *graph;
    struct og_engine *engine;
    struct og_nd *input;  // [inputs]; OG_ND_NONE: the initial value
    struct og_run run;
    struct og_nd *output;  // [outputs]: of all chips, one after the other
    struct og_error *err;
};

// --- inputs --------------------------------------------------------------------------

static bool has_initial(const struct infer *q, size_t k)
{
    return q->graph->value[q->graph->input[k].value].constant.type != OG_ND_NONE;
}

static size_t inputs_needed(const struct infer *q)
{
    size_t n = 0;
    for (size_t k = 0; k < q->graph->inputs; k++) n += !has_initial(q, k);
    return n;
}

// A name may hold '/' or be nothing that HDF5 can look up.
static bool is_there(hid_t file, const char *name)
{
    hid_t object = H5Oopen(file, name, H5P_DEFAULT);
    if (object < 0) return false;
    H5Oclose(object);
    return true;
}

static og_status check_dims(const struct infer *q, size_t k, int64_t *symbol)
{
    const struct og_onnx_port *port = &q->graph->input[k];
    const struct og_nd *a = &q->input[k];
    bool same = !port->has_shape || port->rank == a->rank;
    for (int i = 0; same && port->has_shape && i < a->rank; i++) {
        same = port->dim[i] == OG_DIM_ANY || port->dim[i] == a->dim[i];
        if (port->symbol[i] == OG_NO_NAME) continue;
        int64_t *known = &symbol[port->symbol[i]];
        if (*known < 0) *known = a->dim[i];
        same = same && *known == a->dim[i];
    }
    if (same) return OG_OK;
    char is[OG_ND_TEXT], wanted[OG_ND_TEXT];
    og_nd_shape_text(a->rank, a->dim, is);
    og_nd_shape_text(port->rank, port->dim, wanted);
    return og_fail(q->err, OG_INPUT,
                   "%s: '%.200s' has the shape %.100s, the model wants %.100s (-1: any, "
                   "and the same where the model names it so)",
                   q->params->in, og_graph_value_name(q->graph, port->value), is, wanted);
}

static og_status read_input(struct infer *q, struct og_hdf *h, hid_t file, size_t k)
{
    const struct og_onnx_port *port = &q->graph->input[k];
    const char *name = og_graph_value_name(q->graph, port->value);
    bool alone = !has_initial(q, k) && inputs_needed(q) == 1;
    if (!is_there(file, name)) {
        if (has_initial(q, k)) return OG_OK;
        if (!alone || !is_there(file, "input"))
            return og_fail(q->err, OG_INPUT, "%s: there is no dataset '%.200s'%s",
                           h->path, name, alone ? " and no 'input'" : "");
        name = "input";
    }
    og_get_nd(h, file, name, port->type, &q->input[k]);
    return h->status;
}

static og_status read_all(struct infer *q, struct og_hdf *h, hid_t file)
{
    size_t symbols = q->graph->symbols.n;
    int64_t *symbol = og_alloc(symbols, sizeof *symbol);
    if (!symbol) return og_fail_memory(q->err);
    og_status status = OG_OK;
    for (size_t k = 0; k < symbols; k++) symbol[k] = -1;
    for (size_t k = 0; status == OG_OK && k < q->graph->inputs; k++) {
        status = read_input(q, h, file, k);
        if (status == OG_OK && q->input[k].type != OG_ND_NONE)
            status = check_dims(q, k, symbol);
    }
    og_free(symbol);
    return status;
}

static og_status read_inputs(struct infer *q)
{
    struct og_hdf h = {.path = q->params->in, .err = q->err};
    struct og_hdf_guard guard = og_hdf_silence();
    hid_t file = og_hdf_open(&h);
    og_status status = h.status;
    if (status == OG_OK) status = read_all(q, &h, file);
    if (file >= 0) H5Fclose(file);
    og_hdf_restore(guard);
    return status;
}

// --- passes --------------------------------------------------------------------------

static int chips_of(const struct infer *q)
{
    return q->params->hardware ? q->params->chips : 1;
}

// Puts the outputs of a pass behind those of the chips before it.
static og_status keep_outputs(struct infer *q, int chip)
{
    for (size_t k = 0; k < q->graph->outputs; k++) {
        const struct og_nd *a = &q->run.value[q->graph->output[k].value];
        struct og_nd *all = &q->output[k];
        int64_t dim[OG_ND_RANK + 1] = {chips_of(q)};
        size_t bytes = a->count * og_nd_size(a->type);
        if (chip == 0 && !q->params->hardware) {
            og_nd_share(all, a, a->rank, a->dim);
            continue;
        }
        if (chip == 0) {
            dim[1] = (int64_t)a->count;
            OG_TRY(og_nd_alloc(all, a->type, 2, dim, q->err));
            all->rank = a->rank;  // of one chip
            memcpy(all->dim, a->dim, sizeof all->dim);
        }
        bool same = all->rank == a->rank &&
                    memcmp(all->dim, a->dim, (size_t)a->rank * sizeof *a->dim) == 0;
        if (!same)
            return og_fail(
                q->err, OG_INPUT,
                "%s: the shape of output '%.200s' is not the same on all chips",
                q->params->model,
                og_graph_value_name(q->graph, q->graph->output[k].value));
        if (bytes) memcpy((char *)all->data + (size_t)chip * bytes, a->data, bytes);
    }
    return OG_OK;
}

static og_status run_float(struct infer *q)
{
    OG_TRY(og_engine_start(q->engine, OG_PASS_FLOAT, 0, q->err));
    OG_TRY(og_run_pass(&q->run, q->err));
    return keep_outputs(q, 0);
}

// Two noise-free passes: ranges of the DACs, then those of the ADCs.
static og_status calibrate(struct infer *q)
{
    OG_TRY(og_engine_start(q->engine, OG_PASS_INPUTS, 0, q->err));
    OG_TRY(og_run_pass(&q->run, q->err));
    OG_TRY(og_engine_finish(q->engine, q->err));
    if (og_engine_arrays(q->engine) == 0)
        return og_fail(
            q->err, OG_INPUT,
            "%s: no Conv, Gemm, MatMul, LSTM, GRU or RNN has constant weights: "
            "there is nothing to put on hardware",
            q->params->model);
    if (!og_engine_wants_sums(q->engine)) return OG_OK;
    OG_TRY(og_engine_start(q->engine, OG_PASS_SUMS, 0, q->err));
    OG_TRY(og_run_pass(&q->run, q->err));
    return og_engine_finish(q->engine, q->err);
}

static og_status run_chips(struct infer *q)
{
    if (!q->params->hardware->ideal) OG_TRY(calibrate(q));
    for (int chip = 0; chip < q->params->chips; chip++) {
        OG_TRY(og_engine_start(q->engine, OG_PASS_READ, (uint32_t)chip, q->err));
        OG_TRY(og_run_pass(&q->run, q->err));
        OG_TRY(keep_outputs(q, chip));
    }
    return OG_OK;
}

// --- outputs -------------------------------------------------------------------------

// The next part of a path between slashes; *n is 0 at the end.
static const char *part_of(const char *path, size_t *n)
{
    path += strspn(path, "/");
    *n = strcspn(path, "/");
    return path;
}

static bool is_path(const char *name)
{
    size_t n, parts = 0;
    for (const char *at = part_of(name, &n); n > 0; at = part_of(at + n, &n), parts++)
        if (n == 1 && at[0] == '.') return false;
    return parts > 0;
}

// Whether one path is the other, or a folder on the way to it.
static bool is_in_the_way(const char *a, const char *b)
{
    size_t n, m;
    for (;;) {
        a = part_of(a, &n);
        b = part_of(b, &m);
        if (n == 0 || m == 0) return true;
        if (n != m || memcmp(a, b, n) != 0) return false;
        a += n;
        b += m;
    }
}

// HDF5 takes slashes in a name for folders.
static og_status check_names(const struct infer *q)
{
    const struct og_onnx_graph *g = q->graph;
    for (size_t k = 0; k < g->outputs; k++) {
        const char *name = og_graph_value_name(g, g->output[k].value);
        if (!is_path(name))
            return og_fail(q->err, OG_INPUT,
                           "%s: output '%.200s' is no name that HDF5 can hold",
                           q->params->model, name);
        for (size_t i = 0; i < k; i++) {
            const char *other = og_graph_value_name(g, g->output[i].value);
            if (is_in_the_way(name, other))
                return og_fail(q->err, OG_INPUT,
                               "%s: outputs '%.200s' and '%.200s' cannot be in one file: "
                               "one would be a folder, or the same",
                               q->params->model, other, name);
        }
    }
    return OG_OK;
}

static void write_about(const struct infer *q, struct og_hdf *h, hid_t file)
{
    og_hdf_attr_text(h, file, "version", OG_VERSION);
    og_hdf_attr_text(h, file, "source", q->graph->source ? q->graph->source : "");
    og_hdf_attr_text(h, file, "source_sha256", q->graph->sha256);
    if (!q->params->hardware) return;
    og_hdf_attr_u64(h, file, "chips", (uint64_t)q->params->chips);
    og_hdf_attr_u64(h, file, "seed", q->params->seed);
    og_hdf_attr_u64(h, file, "calibrate_samples", (uint64_t)q->params->calibrate_samples);
    og_hdf_attr_u64(h, file, "arrays", og_engine_arrays(q->engine));
}

static void write_all(const struct infer *q, struct og_hdf *h, hid_t file)
{
    const struct og_onnx_graph *g = q->graph;
    write_about(q, h, file);
    for (size_t k = 0; h->status == OG_OK && k < g->outputs; k++) {
        const char *name = og_graph_value_name(g, g->output[k].value);
        og_put_nd(h, file, name, &q->output[k],
                  q->params->hardware ? q->params->chips : 0);
    }
    const char *name = og_graph_value_name(g, g->output[0].value);
    if (h->status != OG_OK || g->outputs != 1 || is_there(file, "output")) return;
    og_hdf_ok(h, H5Lcreate_soft(name, file, "output", H5P_DEFAULT, H5P_DEFAULT),
              "name an output");
}

static og_status write_outputs(const struct infer *q)
{
    struct og_hdf h = {.path = q->params->out, .err = q->err};
    struct og_hdf_guard guard = og_hdf_silence();
    size_t n = 0;
    hid_t file = og_hdf_create(&h);
    if (h.status == OG_OK) write_all(q, &h, file);
    void *image = h.status == OG_OK ? og_hdf_image(&h, file, &n) : NULL;
    if (file >= 0) H5Fclose(file);
    og_hdf_restore(guard);
    if (h.status == OG_OK) h.status = og_file_replace(q->params->out, image, n, q->err);
    og_free(image);
    return h.status;
}

// --- all of it -----------------------------------------------------------------------

// What an imported graph has no place for is refused, not left out.
static og_status check_hardware(const struct og_hardware *hw, struct og_error *err)
{
    if (hw->injection.points)
        return og_fail(err, OG_INPUT,
                       "hardware.injection: not available for imported "
                       "models; expected points: []");
    if (hw->adc.kind == OG_ADC_RAMP)
        return og_fail(err, OG_INPUT,
                       "hardware.adc.kind: ramp is not available for imported models");
    if (hw->layers)
        return og_fail(err, OG_INPUT,
                       "hardware.layers: not available for imported models");
    if (hw->fault_map.file[0])
        return og_fail(err, OG_INPUT,
                       "hardware.fault_map: not available for imported models");
    if (hw->technology.name[0])
        return og_fail(err, OG_INPUT,
                       "hardware.technology: costs are not counted for imported models");
    return OG_OK;
}

static og_status run_all(struct infer *q)
{
    const struct og_onnx_infer *p = q->params;
    if (p->hardware) OG_TRY(check_hardware(p->hardware, q->err));
    OG_TRY(og_store_read(&q->graph, p->model, q->err));
    OG_TRY(check_names(q));
    q->input = og_alloc(q->graph->inputs, sizeof *q->input);
    q->output = og_alloc(q->graph->outputs, sizeof *q->output);
    q->engine = og_engine_alloc(p->hardware, p->seed, (size_t)p->calibrate_samples);
    if (!q->input || !q->output || !q->engine) return og_fail_memory(q->err);
    OG_TRY(read_inputs(q));
    OG_TRY(og_run_start(&q->run, q->graph, q->engine, q->input, q->err));
    OG_TRY(p->hardware ? run_chips(q) : run_float(q));
    return write_outputs(q);
}

og_status og_onnx_run(const struct og_onnx_infer *params, struct og_error *err)
{
    struct infer q = {.params = params, .err = err};
    assert(!params->hardware || (params->chips > 0 && params->calibrate_samples > 0));
    og_status status = run_all(&q);
    if (q.run.graph) og_run_free(&q.run);
    for (size_t k = 0; q.input && k < q.graph->inputs; k++) og_nd_free(&q.input[k]);
    for (size_t k = 0; q.output && k < q.graph->outputs; k++) og_nd_free(&q.output[k]);
    og_free(q.input);
    og_free(q.output);
    og_engine_free(q.engine);
    og_graph_free(q.graph);
    return status;
}
