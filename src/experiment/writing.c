// SPDX-License-Identifier: GPL-3.0-or-later
// How the devices of the first chip of a point were written, as a journal entry: for each
// matrix the numbers of devices by error and by pulses, and the edges of their bins.
#include <stdio.h>

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
