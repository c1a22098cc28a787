// SPDX-License-Identifier: GPL-3.0-or-later
// The devices of the first chip of a point, as journal entries: which are stuck; how they
// were written, for each matrix the numbers of devices by error and by pulses, and the
// edges of their bins.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/job.h"

enum { TENSORS = 4 };
static const struct {
    const char *name;
    size_t n;
} parts[TENSORS] = {{"error", OG_ERROR_BINS},
                    {"error_edges", OG_ERROR_BINS - 1},
                    {"pulses", OG_PULSE_BINS},
                    {"pulses_edges", OG_PULSE_BINS + 1}};
enum { VALUES = 2 * OG_ERROR_BINS - 1 + 2 * OG_PULSE_BINS + 1 };

static void fill(const struct og_program_info *info, double acceptance, float *to)
{
    for (int k = 0; k < OG_ERROR_BINS; k++) *to++ = (float)info->error[k];
    for (int k = 0; k < OG_ERROR_BINS - 1; k++)
        *to++ = (float)(acceptance * (0.1 * k - 5));
    for (int k = 0; k < OG_PULSE_BINS; k++) *to++ = (float)info->pulse[k];
    for (int k = 0; k <= OG_PULSE_BINS; k++) *to++ = (float)(k * info->pulse_bin);
}

static void name_parts(const char *matrix, size_t offset, struct og_tensor_record *r)
{
    for (int k = 0; k < TENSORS; k++, r++) {
        og_entry_name(r, matrix, parts[k].name);
        r->rank = 1;
        r->dim[0] = parts[k].n;
        r->offset = offset;
        offset += parts[k].n;
    }
}

og_status og_put_writing(struct og_job *job, size_t point, const og_exec *exec,
                         struct og_error *err)
{
    const size_t matrices = og_exec_matrices(exec);
    struct og_program_info *info = og_alloc(matrices, sizeof *info);
    size_t n = 0;
    if (!info) return og_fail(err, OG_NO_MEMORY, "no memory for %zu matrices", matrices);
    for (size_t i = 0; i < matrices; i++) {
        const og_array *array = og_exec_matrix(exec, i);
        if (array && og_array_is_verified(array)) info[i] = og_array_program_info(array);
        n += info[i].devices > 0;
    }
    struct og_entry_writer w = {.tensors = n * TENSORS, .values = n * VALUES};
    og_status status = n > 0 ? og_entry_begin(&w, err) : OG_OK;
    for (size_t i = 0, k = 0; status == OG_OK && i < matrices; i++) {
        if (info[i].devices == 0) continue;
        name_parts(og_exec_matrix_name(exec, i), k * VALUES, w.tensor + k * TENSORS);
        fill(&info[i], info[i].acceptance, w.value + k++ * VALUES);
    }
    char key[40];
    snprintf(key, sizeof key, "%zu", point);
    if (status == OG_OK && n > 0)
        status = og_entry_end(&w, job, OG_ENTRY_WRITING, key, err);
    og_free(info);
    return status;
}

// --- faults --------------------------------------------------------------------------

static size_t fault_count(const og_array *array)
{
    const struct og_fault_shape s = og_array_fault_shape(array);
    return s.dim[0] * s.dim[1] * s.dim[2];
}

static og_status fill_faults(const og_array *array, const char *name, size_t offset,
                             struct og_tensor_record *r, float *to, struct og_error *err)
{
    const size_t n = fault_count(array);
    const struct og_fault_shape s = og_array_fault_shape(array);
    int8_t *code = og_alloc(n, 1);
    if (!code) return og_fail(err, OG_NO_MEMORY, "no memory for %zu faults", n);
    og_array_faults(array, code);
    for (size_t k = 0; k < n; k++) to[k] = code[k];
    og_free(code);
    og_entry_name(r, name, NULL);
    // As in /layers: HDF5 would make a group of what stands before a '/'.
    for (char *c = strchr(r->path, '/'); c; c = strchr(c, '/')) *c = '.';
    r->rank = 3;
    for (int d = 0; d < 3; d++) r->dim[d] = s.dim[d];
    r->offset = offset;
    return OG_OK;
}

og_status og_put_faults(struct og_job *job, size_t point, const og_exec *exec,
                        struct og_error *err)
{
    struct og_entry_writer w = {0};
    for (size_t i = 0; i < og_exec_matrices(exec); i++) {
        if (!og_exec_matrix(exec, i)) continue;  // ideal
        w.tensors++;
        w.values += fault_count(og_exec_matrix(exec, i));
    }
    OG_TRY(og_entry_begin(&w, err));
    og_status status = OG_OK;
    size_t offset = 0, k = 0;
    for (size_t i = 0; status == OG_OK && i < og_exec_matrices(exec); i++) {
        const og_array *array = og_exec_matrix(exec, i);
        if (!array) continue;
        status = fill_faults(array, og_exec_matrix_name(exec, i), offset, &w.tensor[k++],
                             w.value + offset, err);
        offset += fault_count(array);
    }
    char key[40];
    snprintf(key, sizeof key, "%zu", point);
    if (status == OG_OK) return og_entry_end(&w, job, OG_ENTRY_FAULTS, key, err);
    og_free(w.bytes);
    return status;
}
