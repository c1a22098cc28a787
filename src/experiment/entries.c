// SPDX-License-Identifier: GPL-3.0-or-later
// Models and chips as journal entries: a header, the training curve, a description of
// each tensor, then all values. They are read back on the machine type that wrote them.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/job.h"

struct header {
    uint64_t version, epochs, tensors, values;
};

static size_t size_of(const struct header *h)
{
    return sizeof *h + h->epochs * sizeof(struct og_curve) +
           h->tensors * sizeof(struct og_tensor_record) + h->values * sizeof(float);
}

// The parts of an entry inside its bytes, which may still be empty.
static struct og_tensors parts(const struct header *h, const void *bytes)
{
    const unsigned char *at = (const unsigned char *)bytes + sizeof *h;
    struct og_tensors t = {
        (size_t)h->epochs, (size_t)h->tensors, (size_t)h->values, NULL, NULL, NULL};
    t.curve = (const void *)at;
    t.tensor = (const void *)(t.curve + t.epochs);
    t.value = (const void *)(t.tensor + t.tensors);
    return t;
}

og_status og_entry_missing(const struct og_entry *entry, const char *what,
                           const char *name, struct og_error *err)
{
    if (entry->size > 0)
        return og_fail(err, OG_NO_MEMORY, "no memory for %s %s of %zu bytes", what, name,
                       entry->size);
    return og_fail(err, OG_IO, "%s %s cannot be read back from the journal", what, name);
}

bool og_tensors_view(const struct og_entry *entry, struct og_tensors *t)
{
    struct header h;
    if (entry->size < sizeof h) return false;
    memcpy(&h, entry->data, sizeof h);
    if (h.version != 1 || entry->size != size_of(&h)) return false;
    *t = parts(&h, entry->data);
    return true;
}

static og_status alloc_entry(const struct header *h, void **bytes, struct og_error *err)
{
    *bytes = og_alloc(size_of(h), 1);
    if (!*bytes)
        return og_fail(err, OG_NO_MEMORY, "no memory for a journal entry of %zu bytes",
                       size_of(h));
    memcpy(*bytes, h, sizeof *h);
    return OG_OK;
}

void og_record_key(size_t point, size_t trial, char key[40])
{
    snprintf(key, 40, "%u/%u", (unsigned)point, (unsigned)trial);
}

void og_entry_name(struct og_tensor_record *r, const char *node, const char *name)
{
    if (name)
        snprintf(r->path, sizeof r->path, "%s/%s", node, name);
    else
        snprintf(r->path, sizeof r->path, "%s", node);
}

og_status og_put_model(struct og_job *job, const char *key, og_model *model,
                       const struct og_curve *curve, size_t epochs, struct og_error *err)
{
    size_t params, states;
    const float *param = og_model_params(model, &params);
    const float *state = og_model_state(model, &states);
    const struct header h = {1, epochs, og_model_tensors(model), params + states};
    void *bytes;
    OG_TRY(alloc_entry(&h, &bytes, err));
    const struct og_tensors t = parts(&h, bytes);
    if (epochs > 0) memcpy((void *)t.curve, curve, epochs * sizeof *curve);
    for (size_t i = 0; i < t.tensors; i++) {
        const struct og_tensor_info info = og_model_tensor(model, i);
        struct og_tensor_record *r = (struct og_tensor_record *)&t.tensor[i];
        og_entry_name(r, info.node, info.name);
        r->rank = (uint64_t)info.rank;
        for (int d = 0; d < info.rank; d++) r->dim[d] = info.dim[d];
        r->offset = info.offset + (info.state ? params : 0);
    }
    if (params > 0) memcpy((void *)t.value, param, params * sizeof *param);
    if (states > 0) memcpy((float *)t.value + params, state, states * sizeof *state);
    const og_status status =
        og_job_put(job, OG_ENTRY_MODEL, key, bytes, size_of(&h), err);
    og_free(bytes);
    return status;
}

og_status og_entry_begin(struct og_entry_writer *w, struct og_error *err)
{
    const struct header h = {1, 0, w->tensors, w->values};
    OG_TRY(alloc_entry(&h, &w->bytes, err));
    const struct og_tensors t = parts(&h, w->bytes);
    w->tensor = (struct og_tensor_record *)t.tensor;
    w->value = (float *)t.value;
    return OG_OK;
}

og_status og_entry_end(struct og_entry_writer *w, struct og_job *job,
                       enum og_entry_kind kind, const char *key, struct og_error *err)
{
    const struct header h = {1, 0, w->tensors, w->values};
    const og_status status = og_job_put(job, kind, key, w->bytes, size_of(&h), err);
    og_free(w->bytes);
    return status;
}

og_status og_put_chip(struct og_job *job, size_t point, const og_exec *exec,
                      struct og_error *err)
{
    struct og_entry_writer w = {0};
    for (size_t i = 0; i < og_exec_matrices(exec); i++) {
        if (!og_exec_matrix(exec, i)) continue;  // ideal
        w.tensors++;
        w.values += og_array_info(og_exec_matrix(exec, i)).dense.devices;
    }
    OG_TRY(og_entry_begin(&w, err));
    size_t offset = 0;
    struct og_tensor_record *r = w.tensor;
    for (size_t i = 0; i < og_exec_matrices(exec); i++) {
        const og_array *array = og_exec_matrix(exec, i);
        if (!array) continue;
        const struct og_array_info info = og_array_info(array);
        og_entry_name(r, og_exec_matrix_name(exec, i), NULL);
        r->rank = 3;  // (copy, slice, side), word line, bit line
        r->dim[0] = info.dense.devices / (info.rows * info.cols);
        r->dim[1] = info.rows;
        r->dim[2] = info.cols;
        r->offset = offset;
        og_array_conductance(array, w.value + offset);
        offset += info.dense.devices;
        r++;
    }
    char key[40];
    snprintf(key, sizeof key, "%zu", point);
    return og_entry_end(&w, job, OG_ENTRY_CHIP, key, err);
}

static const char *const along[OG_ALONG] = {
    "sums_error",      "h_error",     "c_error",    "c_saturated",
    "gates_saturated", "dac_clipped", "adc_clipped"};

static void fill_traces(const og_probe *probe, const struct og_tensors *t)
{
    struct og_tensor_record *r = (struct og_tensor_record *)t->tensor;
    size_t offset = 0;
    for (size_t i = 0; i < og_probe_cells(probe); i++) {
        const struct og_probe_cell cell = og_probe_cell(probe, i);
        for (int what = 0; what < OG_ALONG; what++, r++, offset += cell.steps) {
            og_entry_name(r, cell.name, along[what]);
            r->rank = 1;
            r->dim[0] = cell.steps;
            r->offset = offset;
            og_probe_along(probe, i, (enum og_along)what, (float *)t->value + offset);
        }
    }
}

og_status og_put_traces(struct og_job *job, size_t point, size_t trial,
                        const og_probe *probe, struct og_error *err)
{
    struct header h = {.version = 1};
    for (size_t i = 0; i < og_probe_cells(probe); i++) {
        h.tensors += OG_ALONG;
        h.values += OG_ALONG * og_probe_cell(probe, i).steps;
    }
    if (h.tensors == 0) return OG_OK;
    void *bytes;
    char key[40];
    OG_TRY(alloc_entry(&h, &bytes, err));
    const struct og_tensors t = parts(&h, bytes);
    fill_traces(probe, &t);
    og_record_key(point, trial, key);
    const og_status status =
        og_job_put(job, OG_ENTRY_TRACES, key, bytes, size_of(&h), err);
    og_free(bytes);
    return status;
}
