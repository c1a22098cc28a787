// SPDX-License-Identifier: GPL-3.0-or-later
// /errors: the errors of the weights of a chip as maps of colours, one for each matrix. A
// matrix with more lines than a figure can show has several cells in a field.
#include <gsl/gsl_math.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nn/hdf5_read.h"
#include "results/file.h"
#include "results/plot_script.h"
#include "results/weight_maps.h"

enum { LINES = 256 };  // most fields of a map in either direction

struct reader {
    struct og_hdf h;
    hid_t file;
    struct og_error_maps *maps;
    const char *layer;  // NULL: all
    char known[512];    // names of all matrices
    size_t used;
};

static size_t fields(size_t lines, size_t each) { return (lines + each - 1) / each; }

// The largest of each field, in %.
static void shrink(struct og_error_map *m, const double *error)
{
    const size_t across = fields(m->cols, m->wide);
    for (size_t i = 0; i < m->rows; i++)
        for (size_t j = 0; j < m->cols; j++) {
            const double e = 100 * error[i * m->cols + j];
            double *field = &m->value[i / m->high * across + j / m->wide];
            if (fabs(e) > fabs(*field)) *field = e;
        }
}

static void add_map(struct reader *r, const char *name, const double *error,
                    const hsize_t dim[2])
{
    struct og_error_maps *maps = r->maps;
    if (maps->maps == OG_PANELS_MAX) {
        r->h.status =
            og_fail(r->h.err, OG_USAGE,
                    "%s: more than %d matrices, which do not fit into a figure; "
                    "--layer chooses one",
                    r->h.path, OG_PANELS_MAX);
        return;
    }
    struct og_error_map *m = &maps->map[maps->maps++];
    snprintf(m->name, sizeof m->name, "%s", name);
    m->rows = dim[0];
    m->cols = dim[1];
    m->high = fields(m->rows, LINES);
    m->wide = fields(m->cols, LINES);
    m->value =
        og_alloc(fields(m->rows, m->high) * fields(m->cols, m->wide), sizeof *m->value);
    if (!m->value) {
        r->h.status = og_fail_memory(r->h.err);
        return;
    }
    shrink(m, error);
    const size_t n = m->rows * m->cols;
    m->rms = 100 * sqrt(gsl_stats_tss_m(error, 1, n, 0) / (double)n);
    double low, high;
    gsl_stats_minmax(&low, &high, error, 1, n);
    maps->most = GSL_MAX(maps->most, 100 * GSL_MAX(fabs(low), fabs(high)));
}

static void read_map(struct reader *r, hid_t group, const char *name)
{
    hid_t set = H5Dopen2(group, name, H5P_DEFAULT);
    if (!og_hdf_ok(&r->h, set, "open the errors of a matrix")) return;
    hid_t space = H5Dget_space(set);
    hsize_t dim[2] = {0};
    size_t n = 0;
    double *error = NULL;
    const bool plain = H5Sget_simple_extent_ndims(space) == 2 &&
                       H5Sget_simple_extent_dims(space, dim, NULL) == 2 && dim[0] > 0 &&
                       dim[1] > 0 && og_hdf5_is_whole(r->file, set, dim[0] * dim[1]);
    if (plain) error = og_hdf_read_reals(&r->h, set, &n);
    bool finite = error != NULL;
    for (size_t i = 0; finite && i < n; i++) finite = isfinite(error[i]);
    if (finite)
        add_map(r, name, error, dim);
    else if (r->h.status == OG_OK)
        r->h.status = og_fail(r->h.err, OG_INPUT, "%s: the errors of %s are damaged",
                              r->h.path, name);
    og_free(error);
    H5Sclose(space);
    og_hdf_close(&r->h, set);
}

static herr_t see(hid_t group, const char *name, const H5L_info_t *info, void *user)
{
    struct reader *r = user;
    (void)info;
    if (!og_hdf_is_dataset(group, name)) return 0;
    if (r->used + strlen(name) + 3 < sizeof r->known)
        r->used += (size_t)snprintf(r->known + r->used, sizeof r->known - r->used, "%s%s",
                                    r->used > 0 ? ", " : "", name);
    if (r->layer == NULL || strcmp(r->layer, name) == 0) read_map(r, group, name);
    return r->h.status == OG_OK ? 0 : -1;
}

// The group of the point asked for, or of the first that has one, into `name`.
static bool find_point(struct reader *r, const struct og_table *t, int point,
                       char name[32], size_t *found)
{
    const size_t first = point < 0 ? 0 : (size_t)point;
    const size_t end = point < 0 ? t->points : first + 1;
    for (*found = first; *found < end; ++*found) {
        snprintf(name, 32, "errors/p%zu", *found);
        if (H5Lexists(r->file, "errors", H5P_DEFAULT) > 0 &&
            H5Lexists(r->file, name, H5P_DEFAULT) > 0)
            return true;
    }
    r->h.status = og_fail(r->h.err, OG_INPUT,
                          "%s: holds no errors of weights%s: output.errors was false, or "
                          "the hardware is ideal",
                          r->h.path, point < 0 ? "" : " of that point");
    return false;
}

static void read_point(struct reader *r, const struct og_table *t, int point)
{
    char name[32], text[160], title[480];
    size_t found;
    if (!find_point(r, t, point, name, &found)) return;
    hid_t group = H5Gopen2(r->file, name, H5P_DEFAULT);
    // A failure of `see` is the reason that counts.
    const herr_t visited = H5Lvisit(group, H5_INDEX_NAME, H5_ITER_INC, see, r);
    if (r->h.status == OG_OK) og_hdf_ok(&r->h, visited, "list the matrices of a chip");
    og_hdf_close(&r->h, group);
    if (r->h.status == OG_OK && r->maps->maps == 0)
        r->h.status = og_fail(r->h.err, OG_USAGE, "%s: no matrix '%s'; there are: %s",
                              r->h.path, r->layer ? r->layer : "", r->known);
    og_point_text(t, found, text, sizeof text);
    snprintf(title, sizeof title, "%s%s%s", t->title != NULL ? t->title : "",
             text[0] && t->title && t->title[0] ? ": " : "", text);
    r->maps->title = og_copy_text(title);
}

og_status og_error_maps_read(struct og_error_maps *m, const char *path,
                             const struct og_plot *plot, struct og_error *err)
{
    struct reader r = {.h = {.path = path, .err = err}, .maps = m, .layer = plot->layer};
    struct og_table t;
    *m = (struct og_error_maps){.map = og_alloc(OG_PANELS_MAX, sizeof *m->map)};
    if (m->map == NULL) return og_fail_memory(err);
    OG_TRY(og_table_read(&t, path, err));
    const struct og_hdf_guard guard = og_hdf_silence();
    r.file = og_hdf_open(&r.h);
    if (r.h.status == OG_OK) read_point(&r, &t, plot->point);
    og_hdf_close(&r.h, r.file);
    og_hdf_restore(guard);
    og_table_free(&t);
    return r.h.status;
}

void og_error_maps_free(struct og_error_maps *m)
{
    for (size_t i = 0; i < m->maps; i++) og_free(m->map[i].value);
    og_free(m->map);
    og_free(m->title);
    *m = (struct og_error_maps){0};
}

// --- the script ----------------------------------------------------------------------

void og_errors_data(const struct og_picture *p, FILE *out)
{
    const struct og_error_maps *e = p->errors;
    fprintf(out,
            "set palette defined (-1 '#2166ac', 0 '#f7f7f7', 1 '#b2182b')\n"
            "set cbrange [%.10g:%.10g]\nset cblabel 'error [%% of full scale]'\n"
            "set xlabel 'bit line'\nset ylabel 'word line'\nunset grid\nunset key\n",
            e->most > 0 ? -e->most : -1, e->most > 0 ? e->most : 1);
    for (size_t k = 0; k < e->maps; k++) {
        const struct og_error_map *m = &e->map[k];
        const size_t wide = fields(m->cols, m->wide), high = fields(m->rows, m->high);
        fprintf(out, "$e%zu << EOD\n", k);
        for (size_t at = 0; at < wide * high; at++)
            fprintf(out, "%.4g%c", m->value[at], at % wide + 1 < wide ? ' ' : '\n');
        fputs("EOD\n", out);
    }
}

void og_errors_panel(const struct og_picture *p, size_t panel, FILE *out)
{
    const struct og_error_map *m = &p->errors->map[panel];
    char text[192], field[64] = "";
    if (m->high * m->wide > 1)
        snprintf(field, sizeof field, ", largest of %zu x %zu", m->high, m->wide);
    snprintf(text, sizeof text, "%s: rms %.3g %%%s", m->name, m->rms, field);
    fputs("set title ", out);
    og_script_quote(out, text, false);
    const double wide = (double)m->wide, high = (double)m->high;
    fprintf(out,
            "\nset xrange [-0.5:%g]\nset yrange [%g:-0.5]\n"
            "plot $e%zu matrix using (%g*$1+%g):(%g*$2+%g):3 with image\n",
            wide * (double)fields(m->cols, m->wide) - 0.5,
            high * (double)fields(m->rows, m->high) - 0.5, panel, wide, (wide - 1) / 2,
            high, (high - 1) / 2);
}
