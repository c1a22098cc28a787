// SPDX-License-Identifier: GPL-3.0-or-later
// The solvers' object, the choice between them, and what they are judged by.
#include "ohmgrid/wires.h"

#include <math.h>
#include <string.h>

#include <gsl/gsl_cblas.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/blas.h"
#include "base/mem.h"
#include "crossbar/wires_impl.h"

static const char *const method_names[] = {"auto", "pcg", "merge", "direct"};
enum { METHODS = sizeof method_names / sizeof *method_names };

const char *og_wire_method_name(enum og_wire_method method)
{
    return method_names[method];
}

og_status og_wire_method_find(enum og_wire_method *method, const char *name,
                              const char *where, struct og_error *err)
{
    for (int k = 0; k < METHODS; k++)
        if (strcmp(name, method_names[k]) == 0) {
            *method = (enum og_wire_method)k;
            return OG_OK;
        }
    return og_fail(err, OG_INPUT, "%s is '%s', expected auto, pcg, merge or direct",
                   where, name);
}

og_status og_wires_no_memory(struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "wires: out of memory");
}

struct range {
    double low, high;
};
static const struct range ohms = {1e-6, 1e9}, siemens = {1e-15, 1};

static bool in_range(double x, const struct range *r)
{
    return (x == 0) | ((x >= r->low) & (x <= r->high));
}

og_status og_wire_params_check(const struct og_wire_params *p, struct og_error *err)
{
    const struct {
        const char *name;
        double value;
    } all[] = {{"r_wire_row", p->r_row},
               {"r_wire_col", p->r_col},
               {"r_source", p->r_source},
               {"r_sense", p->r_sense}};
    for (int k = 0; k < 4; k++)
        if (!in_range(all[k].value, &ohms))
            return og_fail(err, OG_INPUT,
                           "%s is %g, expected 0 or a resistance from %g to %g ohm",
                           all[k].name, all[k].value, ohms.low, ohms.high);
    return OG_OK;
}

static struct og_line line_of(double r_segment, double r_end, bool both, bool last)
{
    const double ends = both ? 2 : 1;
    if (r_segment == 0 && r_end == 0)
        return (struct og_line){.kind = OG_LINE_IDEAL, .unit = 1};
    if (r_segment == 0)
        return (struct og_line){.kind = OG_LINE_NODE, .unit = ends / r_end};
    const double end = r_segment / (r_segment + r_end);
    return (struct og_line){.kind = OG_LINE_WIRE,
                            .unit = 1 / r_segment,
                            .first = !last || both ? end : 0,
                            .last = last || both ? end : 0};
}

og_status og_wires_alloc(og_wires **wires, size_t rows, size_t cols,
                         const struct og_wire_params *params, struct og_error *err)
{
    *wires = NULL;
    OG_TRY(og_wire_params_check(params, err));
    if (rows == 0 || cols == 0 || rows > OG_WIRES_SIDE_MAX || cols > OG_WIRES_SIDE_MAX)
        return og_fail(err, OG_INPUT,
                       "wires: an array of %zu x %zu cells, expected 1 to %d rows and "
                       "columns",
                       rows, cols, OG_WIRES_SIDE_MAX);
    og_wires *w = *wires = og_alloc(1, sizeof *w);
    if (w == NULL) return og_wires_no_memory(err);
    w->rows = rows;
    w->cols = cols;
    w->params = *params;
    w->row = line_of(params->r_row, params->r_source, params->drive_both, false);
    w->col = line_of(params->r_col, params->r_sense, params->sense_both, true);
    w->g = og_alloc(rows * cols, sizeof *w->g);
    return w->g != NULL ? OG_OK : og_wires_no_memory(err);
}

void og_wires_free(og_wires *w)
{
    if (w == NULL) return;
    og_pcg_free(w);
    og_merge_free(w->merge);
    og_free(w->states);
    og_free(w->g);
    og_free(w);
}

void og_wires_set(og_wires *w, const double *g)
{
    memcpy(w->g, g, w->rows * w->cols * sizeof *g);
    w->loaded = true;
    w->grid_loaded = false;
}

og_status og_wires_load(og_wires *w, const double *g, struct og_error *err)
{
    size_t bad = 0;  // without a branch for each cell
    for (size_t k = 0; k < w->rows * w->cols; k++) bad += !in_range(g[k], &siemens);
    for (size_t k = 0; bad > 0; k++)
        if (!in_range(g[k], &siemens))
            return og_fail(err, OG_INPUT,
                           "conductance[%zu][%zu] is %g, expected 0 or %g to %g S",
                           k / w->cols, k % w->cols, g[k], siemens.low, siemens.high);
    og_wires_set(w, g);
    return OG_OK;
}
