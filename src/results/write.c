// SPDX-License-Identifier: GPL-3.0-or-later
// The result file's layout. Everything in /results has a scale on each axis, in the same
// group, as xarray's engines want it.
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gsl/gsl_errno.h>
#include <hdf5_hl.h>

#include "base/mem.h"
#include "ohmgrid/cpu.h"
#include "results/attribution.h"
#include "results/file.h"
#include "results/grid.h"
#include "results/hdf.h"
#include "results/layout.h"
#include "results/provenance.h"
#include "results/statistics.h"
#include "results/write_compress.h"

struct writer {
    struct og_hdf h;
    const struct og_result *r;
    size_t points;
    struct og_grid results;
};

// --- /results ------------------------------------------------------------------------
static void write_means(struct writer *w, const struct og_metric *m, const char *ending,
                        const char *words, const double *value)
{
    char *name = og_path_with(m->name, ending),
         *long_name = og_path_with(m->long_name, words);
    if (name == NULL || long_name == NULL) {
        w->h.status = og_fail_memory(w->h.err);
    } else {
        og_grid_write(&w->results,
                      (struct og_hdf_array){.name = name,
                                            .type = H5T_NATIVE_DOUBLE,
                                            .data = value,
                                            .units = m->units,
                                            .long_name = long_name},
                      OG_OVER_AXES);
    }
    og_free(name);
    og_free(long_name);
}

static bool is_accuracy(const struct og_metric *m)
{
    return strcmp(m->name, "accuracy") == 0;
}

// value: scratch for 3 x points.
static void write_metric(struct writer *w, size_t m, double *scratch)
{
    const struct og_result *r = w->r;
    const struct og_metric *metric = &r->metric[m];
    const double *value = r->value + m * w->points * r->trials;
    og_grid_write(&w->results,
                  (struct og_hdf_array){.name = metric->name,
                                        .type = H5T_NATIVE_DOUBLE,
                                        .data = value,
                                        .units = metric->units,
                                        .long_name = metric->long_name},
                  OG_OVER_TRIALS);
    double *mean = scratch, *low = mean + w->points, *high = low + w->points;
    for (size_t p = 0; p < w->points; p++) {
        struct og_interval i =
            og_interval_chips(value + p * r->trials, r->done + p * r->trials, r->trials);
        if (is_accuracy(metric)) i = og_interval_unit(i);
        mean[p] = i.mean;
        low[p] = i.low;
        high[p] = i.high;
    }
    write_means(w, metric, "_mean", ", mean over chips", mean);
    write_means(w, metric, "_low", ", lower 95 % bound of the mean over chips", low);
    write_means(w, metric, "_high", ", upper 95 % bound of the mean over chips", high);
    if (!is_accuracy(metric) || r->correct == NULL || r->samples == 0) return;
    if (w->h.status == OG_OK)
        w->h.status = og_bootstrap(r, w->points, low, high, w->h.err);
    write_means(w, metric, "_total_low", ", lower 95 % bound over chips and test samples",
                low);
    write_means(w, metric, "_total_high",
                ", upper 95 % bound over chips and test samples", high);
}

static void write_results(struct writer *w)
{
    const struct og_result *r = w->r;
    double *scratch = og_alloc(3 * w->points, sizeof *scratch);
    if (scratch == NULL) w->h.status = og_fail_memory(w->h.err);
    for (size_t m = 0; m < r->metrics && w->h.status == OG_OK; m++)
        write_metric(w, m, scratch);
    og_free(scratch);
    og_grid_write(&w->results,
                  (struct og_hdf_array){.name = "done",
                                        .type = H5T_NATIVE_UINT8,
                                        .data = r->done,
                                        .long_name = "whether this chip was evaluated"},
                  OG_OVER_TRIALS);
    if (r->trained != NULL)
        og_grid_write(&w->results,
                      (struct og_hdf_array){.name = "trained",
                                            .type = H5T_NATIVE_UINT32,
                                            .data = r->trained,
                                            .long_name = "number of the training "
                                                         "used: /train/m<number>"},
                      OG_OVER_AXES);
    og_write_points(&w->results, w->points);
}

// --- /layers -------------------------------------------------------------------------

static void write_parts(struct og_grid *grid, const struct og_layer_values *l,
                        size_t records)
{
    const struct og_result *r = grid->r;
    if (l->part == NULL) return;
    og_grid_parts(grid, r->part, r->parts);
    for (size_t m = 0; m < r->part_metrics && grid->h->status == OG_OK; m++)
        og_grid_write(grid,
                      (struct og_hdf_array){.name = r->part_metric[m].name,
                                            .type = H5T_NATIVE_DOUBLE,
                                            .data = l->part + m * records * r->parts,
                                            .units = r->part_metric[m].units,
                                            .long_name = r->part_metric[m].long_name},
                      OG_OVER_PARTS);
}

static void write_layer(struct writer *w, hid_t layers, const struct og_layer_values *l)
{
    const struct og_result *r = w->r;
    struct og_grid grid;
    og_grid_open(&grid, &w->h, r, layers, l->name);
    for (size_t m = 0; m < r->layer_metrics && w->h.status == OG_OK; m++)
        og_grid_write(&grid,
                      (struct og_hdf_array){.name = r->layer_metric[m].name,
                                            .type = H5T_NATIVE_DOUBLE,
                                            .data = l->value + m * w->points * r->trials,
                                            .units = r->layer_metric[m].units,
                                            .long_name = r->layer_metric[m].long_name},
                      OG_OVER_TRIALS);
    write_parts(&grid, l, w->points * r->trials);
    og_grid_close(&grid);
}

static void write_layers(struct writer *w, hid_t file)
{
    if (w->r->layers == 0) return;
    hid_t layers = og_hdf_group(&w->h, file, "layers");
    for (size_t i = 0; i < w->r->layers && w->h.status == OG_OK; i++)
        write_layer(w, layers, &w->r->layer[i]);
    og_hdf_close(&w->h, layers);
}

// --- /train, /model, /chip, /run -----------------------------------------------------
static void write_curve(struct writer *w, hid_t group, hid_t epoch, const char *name,
                        const char *long_name, hsize_t n, const double *value)
{
    if (value == NULL) return;
    hid_t set = og_hdf_array(&w->h, group,
                             &(struct og_hdf_array){.name = name,
                                                    .rank = 1,
                                                    .dim = &n,
                                                    .type = H5T_NATIVE_DOUBLE,
                                                    .data = value,
                                                    .units = "1",
                                                    .long_name = long_name});
    if (w->h.status == OG_OK)
        og_hdf_ok(&w->h, H5DSattach_scale(set, epoch, 0), "attach a scale");
    og_hdf_close(&w->h, set);
}

static hid_t write_epochs(struct writer *w, hid_t group, hsize_t n)
{
    int64_t *number = og_alloc(n, sizeof *number);
    if (number == NULL) {
        w->h.status = og_fail_memory(w->h.err);
        return H5I_INVALID_HID;
    }
    for (hsize_t e = 0; e < n; e++) number[e] = (int64_t)e + 1;
    hid_t set = og_hdf_array(&w->h, group,
                             &(struct og_hdf_array){.name = "epoch",
                                                    .rank = 1,
                                                    .dim = &n,
                                                    .type = H5T_NATIVE_INT64,
                                                    .data = number,
                                                    .long_name = "training epoch"});
    og_free(number);
    if (w->h.status == OG_OK)
        og_hdf_ok(&w->h, H5DSset_scale(set, "epoch"), "make a scale");
    return set;
}

static void write_training(struct writer *w, hid_t train, const struct og_curve_set *c)
{
    hid_t group = og_hdf_group(&w->h, train, c->key);
    if (w->h.status == OG_OK) {
        hid_t epoch = write_epochs(w, group, c->epochs);
        write_curve(w, group, epoch, "loss", "mean training loss", c->epochs, c->loss);
        write_curve(w, group, epoch, "accuracy", "mean training accuracy", c->epochs,
                    c->accuracy);
        write_curve(w, group, epoch, "learning_rate", "learning rate", c->epochs, c->lr);
        og_hdf_close(&w->h, epoch);
    }
    og_hdf_close(&w->h, group);
}

static void write_trainings(struct writer *w, hid_t file)
{
    if (w->r->curves == 0) return;
    hid_t train = og_hdf_group(&w->h, file, "train");
    for (size_t i = 0; i < w->r->curves && w->h.status == OG_OK; i++)
        write_training(w, train, &w->r->curve[i]);
    og_hdf_close(&w->h, train);
}

static int8_t *codes_of(struct writer *w, const struct og_blob *b)
{
    size_t n = 1;
    for (int i = 0; i < b->rank; i++) n *= b->dim[i];
    int8_t *code = og_alloc(n, 1);
    if (code == NULL) w->h.status = og_fail_memory(w->h.err);
    for (size_t k = 0; code != NULL && k < n; k++) code[k] = (int8_t)b->data[k];
    return code;
}

static void write_blob(struct writer *w, hid_t file, const struct og_blob *b)
{
    hsize_t dim[4];
    assert(b->rank >= 0 && b->rank <= 4);
    for (int i = 0; i < b->rank; i++) dim[i] = b->dim[i];
    int8_t *code = b->codes ? codes_of(w, b) : NULL;
    if (w->h.status != OG_OK) return;
    hid_t set = og_hdf_array(
        &w->h, file,
        &(struct og_hdf_array){.name = b->path,
                               .rank = b->rank,
                               .dim = dim,
                               .type = b->codes ? H5T_NATIVE_INT8 : H5T_NATIVE_FLOAT,
                               .data = b->codes ? (const void *)code : b->data,
                               .units = b->units});
    og_hdf_close(&w->h, set);
    og_free(code);
}

static void write_run(struct writer *w, hid_t file)
{
    struct og_hdf *h = &w->h;
    hid_t run = og_hdf_group(h, file, "run");
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0) strcpy(host, "unknown");
    og_hdf_attr_text(h, run, "host", host);
    og_hdf_attr_u64(h, run, "threads", (uint64_t)w->r->threads);
    og_hdf_attr_real(h, run, "seconds", w->r->seconds);
    og_hdf_attr_real(h, run, "cpu_seconds", w->r->cpu_seconds);
    og_hdf_attr_u64(h, run, "shortened_train", w->r->shortened[0]);
    og_hdf_attr_u64(h, run, "shortened_test", w->r->shortened[1]);
    og_hdf_attr_text(h, run, "isa", og_isa_name(og_cpu_isa()));
    og_hdf_attr_text(h, run, "blas_core", og_blas_core());
    og_hdf_close(h, run);
}

static void write_root(struct writer *w, hid_t file)
{
    struct og_hdf *h = &w->h;
    const struct og_result *r = w->r;
    og_write_provenance(h, file);
    og_hdf_attr_u64(h, file, "seed", r->seed);
    og_hdf_attr_text(h, file, "experiment", r->experiment);
    og_hdf_attr_text(h, file, "command", r->command != NULL ? r->command : "");
    og_hdf_attr_text(h, file, "title", r->title != NULL ? r->title : "");
    og_hdf_attr_u64(h, file, "complete", r->complete);
    if (r->shard != NULL) og_hdf_attr_text(h, file, "shard", r->shard);
}

// What merging needs, in the bytes of a journal.
static void write_shard(struct writer *w, hid_t file)
{
    const hsize_t n = w->r->journal_size;
    if (w->r->journal == NULL) return;
    hid_t set = og_hdf_array(&w->h, file,
                             &(struct og_hdf_array){.name = "shard/journal",
                                                    .rank = 1,
                                                    .dim = &n,
                                                    .type = H5T_NATIVE_UINT8,
                                                    .data = w->r->journal});
    og_hdf_close(&w->h, set);
}

static void write_all(struct writer *w, hid_t file)
{
    write_root(w, file);
    og_grid_open(&w->results, &w->h, w->r, file, "results");
    write_results(w);
    og_grid_close(&w->results);
    write_layers(w, file);
    write_trainings(w, file);
    og_write_compressions(&w->h, w->r, file);
    og_write_attribution(&w->h, w->r, file);
    for (size_t i = 0; i < w->r->blobs && w->h.status == OG_OK; i++)
        write_blob(w, file, &w->r->blob[i]);
    write_shard(w, file);
    write_run(w, file);
}

static og_status write_file(struct writer *w)
{
    hid_t file = og_hdf_create(&w->h);
    if (w->h.status != OG_OK) return w->h.status;
    write_all(w, file);
    size_t size;
    void *image = w->h.status == OG_OK ? og_hdf_image(&w->h, file, &size) : NULL;
    og_hdf_ok(&w->h, H5Fclose(file), "close a file in memory");
    if (w->h.status == OG_OK)
        w->h.status = og_file_replace(w->h.path, image, size, w->h.err);
    og_free(image);
    return w->h.status;
}

og_status og_result_write(const char *out, const struct og_result *r,
                          struct og_error *err)
{
    if (r->axes > OG_AXES_MAX)
        return og_fail(err, OG_INPUT,
                       "%s: %zu sweep axes, a result file holds at most %d", out, r->axes,
                       OG_AXES_MAX);
    struct writer *w = og_alloc(1, sizeof *w);
    if (w == NULL) return og_fail_memory(err);
    w->h = (struct og_hdf){.path = out, .err = err};
    w->r = r;
    w->points = 1;
    for (size_t i = 0; i < r->axes; i++) w->points *= r->axis[i]->n;
    struct og_hdf_guard guard = og_hdf_silence();
    gsl_error_handler_t *handler = gsl_set_error_handler_off();
    og_status s = write_file(w);
    gsl_set_error_handler(handler);
    og_hdf_restore(guard);
    og_free(w);
    return s;
}
