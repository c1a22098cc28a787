// SPDX-License-Identifier: GPL-3.0-or-later
// /compress: one group per round of compression, flat, with a scale for every axis, so
// that xarray opens it.
#include "results/write_compress.h"

#include <hdf5_hl.h>

#include "base/mem.h"
#include "results/file.h"

struct group {
    struct og_hdf *h;
    hid_t at;
};

// A scale of numbers from 1, or of labels.
static hid_t scale(const struct group *g, const char *name, size_t n,
                   const char *const *label)
{
    const hsize_t dim = n;
    struct og_hdf_array a = {.name = name, .rank = 1, .dim = &dim};
    int64_t *number = og_alloc(n, sizeof *number);
    hid_t text = H5I_INVALID_HID, set = H5I_INVALID_HID;
    if (number == NULL) {
        g->h->status = og_fail_memory(g->h->err);
        return set;
    }
    for (size_t i = 0; i < n; i++) number[i] = (int64_t)i + 1;
    if (label != NULL) text = og_hdf_text_type(g->h);
    a.type = label != NULL ? text : H5T_NATIVE_INT64;
    a.data = label != NULL ? (const void *)label : number;
    set = og_hdf_array(g->h, g->at, &a);
    if (g->h->status == OG_OK) og_hdf_ok(g->h, H5DSset_scale(set, name), "make a scale");
    og_hdf_close(g->h, text);
    og_free(number);
    return set;
}

struct values {
    const char *name, *units, *long_name;
    const double *data;
    hid_t scale[2];
    size_t dim[2];
    int rank;
};

static void write_values(const struct group *g, const struct values *v)
{
    const hsize_t dim[2] = {v->dim[0], v->dim[1]};
    hid_t set = og_hdf_array(g->h, g->at,
                             &(struct og_hdf_array){.name = v->name,
                                                    .rank = v->rank,
                                                    .dim = dim,
                                                    .type = H5T_NATIVE_DOUBLE,
                                                    .data = v->data,
                                                    .units = v->units,
                                                    .long_name = v->long_name});
    for (int i = 0; i < v->rank && g->h->status == OG_OK; i++)
        og_hdf_ok(g->h, H5DSattach_scale(set, v->scale[i], (unsigned)i),
                  "attach a scale");
    og_hdf_close(g->h, set);
}

static void write_updates(const struct group *g, const struct og_compress_values *c)
{
    if (c->updates == 0) return;
    hid_t update = scale(g, "update", c->updates, NULL);
    hid_t set = scale(g, "set", c->sets, c->set);
    struct values v = {"residual",
                       "1",
                       "distance of the weights from the set, by their norm",
                       c->residual,
                       {update, set},
                       {c->updates, c->sets},
                       2};
    write_values(g, &v);
    v.name = "change";
    v.long_name = "step of the projection, by the norm of the weights";
    v.data = c->change;
    write_values(g, &v);
    v.name = "rho";
    v.long_name = "strength of the pull before the update";
    v.data = c->rho;
    v.rank = 1;
    write_values(g, &v);
    og_hdf_close(g->h, set);
    og_hdf_close(g->h, update);
}

static void write_codings(const struct group *g, const struct og_compress_values *c,
                          hid_t tensor)
{
    const hsize_t dim = c->tensors;
    hid_t text = og_hdf_text_type(g->h);
    hid_t set =
        og_hdf_array(g->h, g->at,
                     &(struct og_hdf_array){.name = "coding",
                                            .rank = 1,
                                            .dim = &dim,
                                            .type = text,
                                            .data = c->coding,
                                            .long_name = "how storage_indices says it"});
    if (g->h->status == OG_OK)
        og_hdf_ok(g->h, H5DSattach_scale(set, tensor, 0), "attach a scale");
    og_hdf_close(g->h, set);
    og_hdf_close(g->h, text);
}

static void write_weights(const struct group *g, const struct og_compress_values *c)
{
    hid_t tensor = scale(g, "tensor", c->tensors, c->tensor);
    const struct values all[] = {
        {"weights", "1", "number of weights", c->weights, {tensor}, {c->tensors}, 1},
        {"kept",
         "1",
         "number of weights that are not 0",
         c->kept,
         {tensor},
         {c->tensors},
         1},
        {"storage_values",
         "bit",
         "weights that are not 0, in codes or 32 bits each",
         c->storage_values,
         {tensor},
         {c->tensors},
         1},
        {"storage_indices",
         "bit",
         "where these weights are",
         c->storage_indices,
         {tensor},
         {c->tensors},
         1},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) write_values(g, &all[i]);
    write_codings(g, c, tensor);
    og_hdf_close(g->h, tensor);
}

static void write_phase(const struct group *g, const struct og_compress_values *c, int i)
{
    static const char *const names[2][4] = {
        {"admm_epoch", "admm_loss", "admm_accuracy", "admm_learning_rate"},
        {"retrain_epoch", "retrain_loss", "retrain_accuracy", "retrain_learning_rate"}};
    static const char *const long_names[3] = {"mean training loss",
                                              "mean training accuracy", "learning rate"};
    const double *const data[3] = {c->loss[i], c->accuracy[i], c->lr[i]};
    if (c->epochs[i] == 0) return;
    hid_t epoch = scale(g, names[i][0], c->epochs[i], NULL);
    for (int k = 0; k < 3; k++)
        write_values(g, &(struct values){names[i][k + 1],
                                         "1",
                                         long_names[k],
                                         data[k],
                                         {epoch},
                                         {c->epochs[i]},
                                         1});
    og_hdf_close(g->h, epoch);
}

static void write_limits(const struct group *g, const struct og_compress_values *c)
{
    if (c->limits == 0) return;
    hid_t relu = scale(g, "relu", c->limits, c->relu);
    hid_t try = scale(g, "try", c->tries, NULL);
    const struct {
        const char *name, *long_name;
        const double *data;
        int rank;
    } all[] = {
        {"limit", "limit found", c->limit, 1},
        {"largest", "largest output of the profile", c->largest, 1},
        {"tried", "limit tried", c->tried, 2},
        {"area", "area under accuracy against fault rate", c->area, 2},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        write_values(g, &(struct values){.name = all[i].name,
                                         .units = "1",
                                         .long_name = all[i].long_name,
                                         .data = all[i].data,
                                         .scale = {relu, try},
                                         .dim = {c->limits, c->tries},
                                         .rank = all[i].rank});
    og_hdf_close(g->h, try);
    og_hdf_close(g->h, relu);
}

void og_write_compressions(struct og_hdf *h, const struct og_result *r, hid_t file)
{
    if (r->compressions == 0 || h->status != OG_OK) return;
    hid_t all = og_hdf_group(h, file, "compress");
    for (size_t i = 0; i < r->compressions && h->status == OG_OK; i++) {
        const struct og_compress_values *c = &r->compression[i];
        struct group g = {h, og_hdf_group(h, all, c->key)};
        if (h->status == OG_OK) og_hdf_attr_text(h, g.at, "training", c->training);
        if (h->status == OG_OK) og_hdf_attr_u64(h, g.at, "round", c->round);
        write_updates(&g, c);
        write_phase(&g, c, 0);
        write_phase(&g, c, 1);
        write_limits(&g, c);
        write_weights(&g, c);
        og_hdf_close(h, g.at);
    }
    og_hdf_close(h, all);
}

void og_write_points(struct og_grid *results, size_t points)
{
    const struct og_result *r = results->r;
    if (r->compressed == NULL) return;
    og_grid_write(results,
                  (struct og_hdf_array){.name = "compressed",
                                        .type = H5T_NATIVE_INT64,
                                        .data = r->compressed,
                                        .long_name = "number of the last round: "
                                                     "/compress/c<number>; -1: none"},
                  OG_OVER_AXES);
    for (size_t m = 0; m < r->point_metrics; m++) {
        const struct og_metric *metric = &r->point_metric[m];
        og_grid_write(results,
                      (struct og_hdf_array){.name = metric->name,
                                            .type = H5T_NATIVE_DOUBLE,
                                            .data = r->point_value + m * points,
                                            .units = metric->units,
                                            .long_name = metric->long_name},
                      OG_OVER_AXES);
    }
}
