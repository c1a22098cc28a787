// SPDX-License-Identifier: GPL-3.0-or-later
// /errors: by how much the weights of a programmed chip are off, cell by cell.
#include <stdio.h>

#include "base/mem.h"
#include "experiment/job.h"
#include "nn/exec.h"

// out[rows][cols], word lines first as in /chip, from w_hat and w [cols][rows].
static void subtract(const struct og_array_info *info, const float *w_hat, const float *w,
                     float *out)
{
    for (size_t i = 0; i < info->rows; i++)
        for (size_t j = 0; j < info->cols; j++) {
            const size_t at = j * info->rows + i;
            out[i * info->cols + j] = (w_hat[at] - w[at]) / (float)info->w_max;
        }
}

static og_status fill(og_exec *exec, const struct og_matrix *m, float *out,
                      struct og_error *err)
{
    const struct og_array_info info = og_array_info(m->array);
    float *w_hat = og_alloc(info.rows * info.cols, sizeof *w_hat);
    if (!w_hat) return og_fail(err, OG_NO_MEMORY, "no memory for the errors of weights");
    const og_status status = og_array_weights(m->array, w_hat);
    if (status == OG_OK)
        subtract(&info, w_hat, og_exec_weights(exec, m), out);
    else
        og_fail(err, status, "the weights as programmed, with hardware.wires: %s",
                og_status_text(status));
    og_free(w_hat);
    return status;
}

og_status og_put_errors(struct og_job *job, size_t point, og_exec *exec,
                        struct og_error *err)
{
    struct og_entry_writer w = {0};
    for (size_t i = 0; i < exec->matrices; i++) {
        if (!exec->matrix[i].array) continue;  // ideal
        const struct og_array_info info = og_array_info(exec->matrix[i].array);
        w.tensors++;
        w.values += info.rows * info.cols;
    }
    OG_TRY(og_entry_begin(&w, err));
    og_status status = OG_OK;
    size_t offset = 0, k = 0;
    for (size_t i = 0; status == OG_OK && i < exec->matrices; i++) {
        const struct og_matrix *m = &exec->matrix[i];
        if (!m->array) continue;
        const struct og_array_info info = og_array_info(m->array);
        struct og_tensor_record *r = &w.tensor[k++];
        og_entry_name(r, og_exec_matrix_name(exec, i), NULL);
        r->rank = 2;  // word line, bit line
        r->dim[0] = info.rows;
        r->dim[1] = info.cols;
        r->offset = offset;
        status = fill(exec, m, w.value + offset, err);
        offset += info.rows * info.cols;
    }
    char key[40];
    snprintf(key, sizeof key, "%zu", point);
    if (status == OG_OK) return og_entry_end(&w, job, OG_ENTRY_ERRORS, key, err);
    og_free(w.bytes);
    return status;
}
