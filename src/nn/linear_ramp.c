// SPDX-License-Identifier: GPL-3.0-or-later
// Products whose converters do what follows them: ramps (adc.kind ramp), on sums that hold
// their biases.
#include <assert.h>

#include "nn/exec.h"
#include "ohmgrid/vmath.h"

bool og_linear_is_ramp(const struct og_view *v, int k)
{
    const struct og_matrix *m = og_exec_linear(v->exec, v->node, k);
    return m->bias && v->exec->mode == OG_RUN;
}

void og_linear_ramp(const struct og_view *v, int k, size_t first, size_t n, size_t rows,
                    const float *x, float *y)
{
    assert(og_linear_is_ramp(v, k));
    og_array_ramp(og_exec_linear(v->exec, v->node, k)->array, first, n, rows, x, y);
}

void og_linear_activate(const struct og_matrix *m, float *y, size_t rows)
{
    const struct og_linear_decl *l = &m->node->linear[m->k];
    for (size_t r = 0; r < rows; r++, y += l->cols) {
        for (size_t j = 0; j < l->cols; j++) y[j] += m->bias[j];
        float *part = y;
        for (int p = 0; p < l->ramp.parts; p++) {
            const struct og_ramp_part *of = &l->ramp.part[p];
            if (of->function == OG_SIGMOID)
                og_vsigmoid(part, part, of->cols);
            else
                og_vtanh(part, part, of->cols);
            part += of->cols;
        }
    }
}
