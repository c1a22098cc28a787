// SPDX-License-Identifier: GPL-3.0-or-later
// The result file out of what the journal and the tables hold. Nothing in it but /run
// depends on when, how often or with how many threads it was made.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/elementary.h"
#include "base/mem.h"
#include "experiment/layers.h"
#include "experiment/output_compress.h"
#include "ohmgrid/cpu.h"

static double to_bits(double loss) { return loss / M_LN2; }

enum { WRITE_SECONDS = 60 };  // at least; more where writing would take over 1 %

static const struct og_metric metrics[OG_METRICS] = {
    {"accuracy", "1", "test samples (of text: symbols) classified right"},
    {"loss", "nat", "mean cross-entropy on the test set"},
};

// The loss of text in the units of its field.
static const struct {
    struct og_metric metric;
    enum og_data_as as;
    double (*of)(double loss);
} text_metrics[] = {
    {{"perplexity", "1", "exp(loss) of the words of the test text"}, OG_AS_WORDS, og_exp},
    {{"bits_per_character", "bit", "loss / ln 2 of the characters of the test text"},
     OG_AS_CHARACTERS,
     to_bits},
};
enum { TEXT_METRICS = sizeof text_metrics / sizeof *text_metrics };

static const struct og_metric attack_metrics[] = {
    {"accuracy_clean", "1", "test samples classified right before the attack"},
    {"accuracy_attacked", "1", "test samples classified right after the attack"},
};
enum { ATTACK_METRICS = sizeof attack_metrics / sizeof *attack_metrics };

static const struct og_metric cost_metrics[OG_COST_METRICS] = {
    {"energy", "J", "energy for one sample, all matrices"},
    {"latency", "s", "time for one sample, one read after the other"},
    {"throughput", "1/s", "samples per second, all matrices at work on different ones"},
    {"area", "m2", "area of all tiles"},
    {"power", "W", "power while all matrices read one input vector after the other"},
    {"energy_dense", "J", "energy, if no line of zeros were removed"},
    {"latency_dense", "s", "latency, if no line of zeros were removed"},
    {"throughput_dense", "1/s", "throughput, if no line of zeros were removed"},
    {"area_dense", "m2", "area, if no line of zeros were removed"},
    {"power_dense", "W", "power, if no line of zeros were removed"},
};

struct output {
    size_t trained;          // the trainings done so far
    struct og_entry *entry;  // of trainings, then of compressions, then of chips
    size_t entries;
    struct og_curve_set *curve;  // [trained]
    double **series;             // [trained], of epochs * 3
    struct og_blob *blob;
    char (*path)[200];
    size_t blobs;
    const struct og_axis **axis;
    struct og_metric *layer_metric;
    struct og_layer_values *layer;
    struct og_metric part_metric[OG_PART_METRICS];
    const char *part[OG_COST_PARTS];
    size_t metrics;
    struct og_metric metric[OG_METRICS + TEXT_METRICS + ATTACK_METRICS + OG_COST_METRICS];
    double *value;  // [metrics][points][trials]
    struct og_output_compress compress;
    char *text, shard[32];
    void *journal;  // of a finished shard
    size_t journal_size;
};

static void output_clear(struct output *w)
{
    for (size_t i = 0; i < w->entries; i++) og_journal_release(&w->entry[i]);
    for (size_t i = 0; w->series && i < w->trained; i++) og_free(w->series[i]);
    og_free(w->entry);
    og_free(w->curve);
    og_free(w->series);
    og_free(w->blob);
    og_free(w->path);
    og_free(w->axis);
    og_free(w->layer_metric);
    og_free(w->layer);
    og_free(w->value);
    og_output_compress_clear(&w->compress);
    og_journal_image_free(w->journal);
    free(w->text);
}

static og_status no_memory(struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "no memory for the result file");
}

// Reads an entry, which stays until output_clear.
static og_status fetch(const struct og_job *job, struct output *w,
                       enum og_entry_kind kind, const char *key, struct og_tensors *t,
                       struct og_error *err)
{
    struct og_entry *entry = &w->entry[w->entries];
    if (!og_job_get(job, kind, key, entry))
        return og_entry_missing(entry, "entry", key, err);
    w->entries++;
    if (!og_tensors_view(entry, t))
        return og_fail(err, OG_INPUT, "entry %s of the journal is damaged", key);
    return OG_OK;
}

static og_status add_blobs(struct output *w, const char *group,
                           const struct og_tensors *t, const char *units,
                           struct og_error *err)
{
    const size_t all = w->blobs + t->tensors;
    struct og_blob *blob = og_grow(w->blob, w->blobs, all, sizeof *blob);
    if (!blob) return no_memory(err);
    w->blob = blob;
    char(*path)[200] = og_grow(w->path, w->blobs, all, sizeof *path);
    if (!path) return no_memory(err);
    w->path = path;
    for (size_t i = 0; i < t->tensors; i++, w->blobs++) {
        const struct og_tensor_record *r = &t->tensor[i];
        struct og_blob *b = &w->blob[w->blobs];
        snprintf(w->path[w->blobs], sizeof *w->path, "%s/%s", group, r->path);
        *b = (struct og_blob){.rank = (int)r->rank, .units = units};
        for (size_t d = 0; d < r->rank; d++) b->dim[d] = (size_t)r->dim[d];
        b->data = t->value + r->offset;
    }
    return OG_OK;
}

static og_status add_model(const struct og_job *job, struct output *w, size_t i,
                           bool weights, struct og_error *err)
{
    const struct og_training *of = &job->training[i];
    const size_t place = w->trained++;
    struct og_tensors t;
    OG_TRY(fetch(job, w, OG_ENTRY_MODEL, of->key, &t, err));
    double *s = w->series[place] = og_alloc(3 * t.epochs, sizeof *s);
    if (!s) return no_memory(err);
    for (size_t k = 0; k < t.epochs; k++) {
        s[k] = t.curve[k].loss;
        s[t.epochs + k] = t.curve[k].accuracy;
        s[2 * t.epochs + k] = t.curve[k].lr;
    }
    w->curve[place] =
        (struct og_curve_set){of->name, t.epochs, s, s + t.epochs, s + 2 * t.epochs};
    char group[32];
    snprintf(group, sizeof group, "model/%s", of->name);
    return weights ? add_blobs(w, group, &t, "1", err) : OG_OK;
}

// The weights that a round of compression left.
static og_status add_compressed(const struct og_job *job, struct output *w, size_t i,
                                struct og_error *err)
{
    const struct og_compression *of = &job->compressions.one[i];
    struct og_tensors t;
    char group[32];
    OG_TRY(fetch(job, w, OG_ENTRY_MODEL, of->key, &t, err));
    snprintf(group, sizeof group, "model/%s", of->name);
    return add_blobs(w, group, &t, "1", err);
}

static og_status add_chip(const struct og_job *job, struct output *w, size_t point,
                          struct og_error *err)
{
    struct og_config config;
    char key[40], group[64];
    struct og_tensors t;
    OG_TRY(og_experiment_point(job->e, point, &config, err));
    if (!config.output.chip || config.hardware.ideal) return OG_OK;
    snprintf(key, sizeof key, "%zu", point);
    snprintf(group, sizeof group, "chip/p%zu", point);
    OG_TRY(fetch(job, w, OG_ENTRY_CHIP, key, &t, err));
    return add_blobs(w, group, &t, "S", err);
}

// How the first chip of a point was written, where that took pulses; its faults and the
// errors of its weights, where they are wanted.
static og_status add_devices(const struct og_job *job, struct output *w, size_t point,
                             enum og_entry_kind kind, struct og_error *err)
{
    struct og_entry *entry = &w->entry[w->entries];
    const bool faults = kind == OG_ENTRY_FAULTS;
    const char *of = faults ? "faults" : kind == OG_ENTRY_ERRORS ? "errors" : "writing";
    const size_t first = w->blobs;
    struct og_tensors t;
    char key[40], group[64];
    snprintf(key, sizeof key, "%zu", point);
    if (!og_job_get(job, kind, key, entry)) return OG_OK;
    w->entries++;
    if (!og_tensors_view(entry, &t))
        return og_fail(err, OG_INPUT, "entry %s of the journal is damaged", key);
    snprintf(group, sizeof group, "%s/p%zu", of, point);
    OG_TRY(add_blobs(w, group, &t, "1", err));
    for (size_t k = first; faults && k < w->blobs; k++) w->blob[k].codes = true;
    return OG_OK;
}

// What the chips of a point have left step by step, where any was followed.
static og_status add_traces(const struct og_job *job, struct output *w, size_t point,
                            struct og_error *err)
{
    for (size_t trial = 0; trial < job->trials; trial++) {
        struct og_entry *entry = &w->entry[w->entries];
        struct og_tensors t;
        char key[40], group[64];
        og_record_key(point, trial, key);
        if (!job->done[point * job->trials + trial] ||
            !og_job_get(job, OG_ENTRY_TRACES, key, entry))
            continue;
        w->entries++;
        if (!og_tensors_view(entry, &t))
            return og_fail(err, OG_INPUT, "traces %s of the journal are damaged", key);
        snprintf(group, sizeof group, "traces/p%zu/t%zu", point, trial);
        OG_TRY(add_blobs(w, group, &t, "1", err));
    }
    return OG_OK;
}

static og_status add_layers(struct og_job *job, struct output *w, struct og_error *err)
{
    const size_t metrics = OG_LAYER_METRICS;
    w->layer_metric = og_alloc(metrics, sizeof *w->layer_metric);
    w->layer = og_alloc(job->layers.n, sizeof *w->layer);
    if (!w->layer_metric || !w->layer) return no_memory(err);
    og_layers_sort(&job->layers);
    for (size_t m = 0; m < metrics; m++) w->layer_metric[m] = og_layer_metric(m);
    for (size_t i = 0; i < job->layers.n; i++)
        w->layer[i] = (struct og_layer_values){job->layers.layer[i].name,
                                               job->layers.layer[i].value,
                                               job->layers.layer[i].part};
    for (size_t m = 0; m < OG_PART_METRICS; m++)
        w->part_metric[m] = og_layer_part_metric(m);
    for (int k = 0; k < OG_COST_PARTS; k++)
        w->part[k] = og_cost_part_name((enum og_cost_part)k);
    return OG_OK;
}

// One row more, for the points whose data are text as `as` says, if there are any.
static og_status add_text(const struct og_job *job, struct output *w, size_t row,
                          struct og_error *err)
{
    const size_t records = job->points * job->trials;
    const double *loss = w->value + OG_LOSS * records;
    double *value = w->value + w->metrics * records;
    bool any = false;
    for (size_t p = 0; p < job->points; p++) {
        struct og_config config;
        OG_TRY(og_experiment_point(job->e, p, &config, err));
        const bool fits = config.data.as == (int)text_metrics[row].as;
        for (size_t at = p * job->trials; at < (p + 1) * job->trials; at++)
            value[at] = fits ? text_metrics[row].of(loss[at]) : NAN;
        any = any || fits;
    }
    if (any) w->metric[w->metrics++] = text_metrics[row].metric;
    return OG_OK;
}

// Accuracies of the points that are attacked, if there are any.
static void add_attack(const struct og_job *job, struct output *w)
{
    const size_t records = job->points * job->trials;
    const double *accuracy = w->value + OG_ACCURACY * records;
    double *clean = w->value + w->metrics * records, *attacked = clean + records;
    bool any = false;
    for (size_t at = 0; at < records; at++) {
        clean[at] = job->clean[at];
        attacked[at] = isnan(clean[at]) ? NAN : accuracy[at];
        any = any || !isnan(clean[at]);
    }
    if (!any) return;
    memcpy(w->metric + w->metrics, attack_metrics, sizeof attack_metrics);
    w->metrics += ATTACK_METRICS;
}

// The tables of the job, the loss of text in other units, and costs where any chip has
// them.
static og_status add_values(const struct og_job *job, struct output *w,
                            struct og_error *err)
{
    const size_t records = job->points * job->trials;
    const size_t most = OG_METRICS + TEXT_METRICS + ATTACK_METRICS + OG_COST_METRICS;
    w->value = og_alloc(most * records, sizeof *w->value);
    if (!w->value) return no_memory(err);
    memcpy(w->value, job->value, OG_METRICS * records * sizeof *w->value);
    memcpy(w->metric, metrics, sizeof metrics);
    w->metrics = OG_METRICS;
    for (size_t row = 0; row < TEXT_METRICS; row++) OG_TRY(add_text(job, w, row, err));
    add_attack(job, w);
    if (!og_costs_exist(job)) return OG_OK;
    og_costs_total(job, w->value + w->metrics * records);
    memcpy(w->metric + w->metrics, cost_metrics, sizeof cost_metrics);
    w->metrics += OG_COST_METRICS;
    return OG_OK;
}

static og_status fill(struct og_job *job, struct output *w,
                      const struct og_config *config, struct og_error *err)
{
    const size_t axes = og_experiment_axes(job->e);
    const size_t traces = config->output.trace ? job->points * job->trials : 0;
    w->entry = og_alloc(job->trainings + job->compressions.n + 4 * job->points + traces,
                        sizeof *w->entry);
    w->curve = og_alloc(job->trainings, sizeof *w->curve);
    w->series = og_alloc(job->trainings, sizeof *w->series);
    w->axis = og_alloc(axes, sizeof *w->axis);
    w->text = og_experiment_text(job->e);
    if (!w->entry || !w->curve || !w->series || !w->axis || !w->text)
        return no_memory(err);
    for (size_t a = 0; a < axes; a++) w->axis[a] = og_experiment_axis(job->e, a);
    for (size_t i = 0; i < job->trainings; i++)
        if (job->training[i].done)
            OG_TRY(add_model(job, w, i, config->output.model, err));
    OG_TRY(og_output_compress_fill(job, &w->compress, err));
    for (size_t i = 0; config->output.model && i < job->compressions.n; i++)
        if (job->compressions.one[i].done) OG_TRY(add_compressed(job, w, i, err));
    for (size_t p = 0; p < job->points; p++)
        if (job->done[p * job->trials]) OG_TRY(add_chip(job, w, p, err));
    for (size_t p = 0; p < job->points; p++) {
        if (!job->done[p * job->trials]) continue;
        OG_TRY(add_devices(job, w, p, OG_ENTRY_WRITING, err));
        OG_TRY(add_devices(job, w, p, OG_ENTRY_FAULTS, err));
        OG_TRY(add_devices(job, w, p, OG_ENTRY_ERRORS, err));
    }
    for (size_t p = 0; traces > 0 && p < job->points; p++)
        OG_TRY(add_traces(job, w, p, err));
    for (size_t i = 0; i < w->blobs; i++) w->blob[i].path = w->path[i];
    OG_TRY(add_layers(job, w, err));
    return add_values(job, w, err);  // sums in the order of layers
}

static og_status write_file(struct og_job *job, struct output *w, struct og_error *err)
{
    struct og_config config;
    OG_TRY(og_experiment_point(job->e, 0, &config, err));
    OG_TRY(fill(job, w, &config, err));
    og_job_shard_text(job, w->shard);
    const struct og_spent spent = og_job_spent(job);
    if (w->shard[0] != '\0' && job->whole) {
        og_job_put_spent(job);
        OG_TRY(og_journal_image(job->journal, &w->journal, &w->journal_size, err));
    }
    const struct og_result result = {
        .seed = config.seed,
        .experiment = w->text,
        .command = job->o->command,
        .title = config.title,
        .shard = w->shard[0] != '\0' ? w->shard : NULL,
        .complete = job->whole,
        .journal = w->journal,
        .journal_size = w->journal_size,
        .axes = og_experiment_axes(job->e),
        .axis = w->axis,
        .trials = job->trials,
        .metrics = w->metrics,
        .metric = w->metric,
        .value = w->value,
        .done = job->done,
        .trained = job->training_of,
        .correct = job->mixed ? NULL : job->correct,
        .samples = job->mixed ? 0 : job->samples,
        .layer_metrics = OG_LAYER_METRICS,
        .layer_metric = w->layer_metric,
        .layers = job->layers.n,
        .layer = w->layer,
        .part_metrics = OG_PART_METRICS,
        .parts = OG_COST_PARTS,
        .part_metric = w->part_metric,
        .part = w->part,
        .curves = w->trained,
        .curve = w->curve,
        .blobs = w->blobs,
        .blob = w->blob,
        .compressions = w->compress.n,
        .compression = w->compress.values,
        .compressed = w->compress.compressed,
        .point_metrics = OG_POINT_METRICS,
        .point_metric = og_point_metrics,
        .point_value = w->compress.value,
        .seconds = spent.seconds,
        .cpu_seconds = spent.cpu,
        .threads = og_threads(),
        .shortened = {job->shortened[OG_TRAIN], job->shortened[OG_TEST]},
    };
    return og_result_write(job->o->out, &result, err);
}

og_status og_job_write(struct og_job *job, struct og_error *err)
{
    struct output w = {0};
    const double start = og_meter_now();
    const og_status status = write_file(job, &w, err);
    output_clear(&w);
    job->written = og_meter_now();
    job->write_cost = job->written - start;
    job->storing += job->write_cost;
    if (job->o->storing != NULL) *job->o->storing = job->storing;
    og_meter_skip(&job->meter);
    return status;
}

og_status og_job_write_now_and_then(struct og_job *job, struct og_error *err)
{
    if (job->link) return OG_OK;  // rank 0 does
    const double since = og_meter_now() - job->written;
    if (since < fmax(WRITE_SECONDS, 100.0 * job->write_cost)) return OG_OK;
    return og_job_write(job, err);
}
