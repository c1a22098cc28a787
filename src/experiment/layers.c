// SPDX-License-Identifier: GPL-3.0-or-later
// What is measured of every matrix of a chip: journal entries and tables. Measured on the
// first output.layer_samples test samples, after the evaluation, whose reads of these
// samples it repeats: nothing else changes.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/layers.h"

enum { METRICS = OG_LAYER_METRICS };

// --- the table -----------------------------------------------------------------------

static struct og_layer *find(struct og_layers *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->layer[i].name, name) == 0) return &l->layer[i];
    return NULL;
}

static struct og_layer *add(struct og_layers *l, const char *name, size_t records)
{
    struct og_layer *grown = og_grow(l->layer, l->n, l->n + 1, sizeof *grown);
    if (!grown) return NULL;
    l->layer = grown;
    struct og_layer *new = &l->layer[l->n];
    new->value = og_alloc(METRICS * sizeof *new->value, records);
    if (!new->value) return NULL;
    for (size_t i = 0; i < METRICS * records; i++) new->value[i] = NAN;
    memcpy(new->name, name, sizeof new->name);
    new->point = SIZE_MAX;
    l->n++;
    return new;
}

void og_layers_clear(struct og_layers *l)
{
    for (size_t i = 0; i < l->n; i++) {
        og_free(l->layer[i].value);
        og_free(l->layer[i].part);
    }
    og_free(l->layer);
    *l = (struct og_layers){0};
}

static int by_place(const void *a, const void *b)
{
    const struct og_layer *x = a, *y = b;
    if (x->point != y->point) return x->point < y->point ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

void og_layers_sort(struct og_layers *l)
{
    if (l->n > 1) qsort(l->layer, l->n, sizeof *l->layer, by_place);
}

// --- the entry of a chip -------------------------------------------------------------

// Names of the metrics, then of those of parts and of the parts, where there is a
// technology; names of the layers; values [layers][METRICS], then [layers][OG_PART_VALUES].
struct head {
    uint64_t version, names, layers;
};
enum { VERSION = 2, PART_NAMES = OG_PART_METRICS + OG_COST_PARTS };
struct metric_name {
    char text[32];
};
struct layer_name {
    char text[OG_LAYER_NAME];
};

struct shape {
    size_t layers;
    bool priced;
};
struct view {
    struct shape shape;
    struct metric_name *metric;
    struct layer_name *layer;
    double *value, *part;
};

static size_t names_of(struct shape s) { return METRICS + (s.priced ? PART_NAMES : 0); }

static size_t values_of(struct shape s)
{
    return METRICS + (s.priced ? (size_t)OG_PART_VALUES : 0);
}

static size_t entry_size(struct shape s)
{
    return sizeof(struct head) + names_of(s) * sizeof(struct metric_name) +
           s.layers * (sizeof(struct layer_name) + values_of(s) * sizeof(double));
}

static struct view view_of(void *bytes, struct shape s)
{
    struct view v = {.shape = s};
    v.metric = (void *)((unsigned char *)bytes + sizeof(struct head));
    v.layer = (void *)(v.metric + names_of(s));
    v.value = (void *)(v.layer + s.layers);
    v.part = v.value + s.layers * METRICS;
    return v;
}

static const char *name_at(size_t i)
{
    if (i < METRICS) return og_layer_metric(i).name;
    i -= METRICS;
    if (i < OG_PART_METRICS) return og_layer_part_metric(i).name;
    return og_cost_part_name((enum og_cost_part)(i - OG_PART_METRICS));
}

static bool same_metrics(const struct view *v)
{
    for (size_t m = 0; m < names_of(v->shape); m++)
        if (strncmp(v->metric[m].text, name_at(m), sizeof *v->metric) != 0) return false;
    return true;
}

static og_status no_memory(struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "no memory for a report per layer");
}

// What a record has of the parts of a layer into its table, which is made at the first.
static bool take_parts(struct og_layer *l, const double *value, size_t records, size_t at)
{
    const size_t all = OG_PART_VALUES * records;
    if (!l->part) {
        l->part = og_alloc(all, sizeof *l->part);
        if (!l->part) return false;
        for (size_t i = 0; i < all; i++) l->part[i] = NAN;
    }
    for (size_t m = 0; m < OG_PART_METRICS; m++)
        memcpy(l->part + (m * records + at) * OG_COST_PARTS, value + m * OG_COST_PARTS,
               OG_COST_PARTS * sizeof *value);
    return true;
}

static og_status take(struct og_job *job, size_t point, size_t trial,
                      const struct view *v, struct og_error *err)
{
    const size_t records = job->points * job->trials, at = point * job->trials + trial;
    for (size_t i = 0; i < v->shape.layers; i++) {
        struct og_layer *l = find(&job->layers, v->layer[i].text);
        if (!l) l = add(&job->layers, v->layer[i].text, records);
        if (!l) return no_memory(err);
        if (point < l->point) {
            l->point = point;
            l->place = i;
        }
        for (size_t m = 0; m < METRICS; m++)
            l->value[m * records + at] = v->value[i * METRICS + m];
        if (v->shape.priced && !take_parts(l, v->part + i * OG_PART_VALUES, records, at))
            return no_memory(err);
    }
    return OG_OK;
}

static og_status open_entry(const struct og_entry *entry, const char *key, struct view *v,
                            struct og_error *err)
{
    struct head head = {0};
    if (entry->size >= sizeof head) memcpy(&head, entry->data, sizeof head);
    const struct shape shape = {(size_t)head.layers, head.names > METRICS};
    if (head.version == VERSION && head.names == names_of(shape) &&
        head.layers <= entry->size && entry->size == entry_size(shape)) {
        *v = view_of((void *)(uintptr_t)entry->data, shape);
        if (same_metrics(v)) return OG_OK;
    }
    return og_fail(err, OG_INPUT,
                   "the layers of record %s in the journal are damaged or of another "
                   "version of ohmgrid",
                   key);
}

og_status og_layers_take(struct og_job *job, size_t point, size_t trial,
                         const struct og_entry *entry, struct og_error *err)
{
    char key[40];
    struct view v;
    og_record_key(point, trial, key);
    OG_TRY(open_entry(entry, key, &v, err));
    return take(job, point, trial, &v, err);
}

og_status og_layers_load(struct og_job *job, size_t point, size_t trial,
                         struct og_error *err)
{
    char key[40];
    struct og_entry entry;
    og_record_key(point, trial, key);
    if (!og_job_get(job, OG_ENTRY_LAYERS, key, &entry)) return OG_OK;
    const og_status status = og_layers_take(job, point, trial, &entry, err);
    og_journal_release(&entry);
    return status;
}

// --- measuring -----------------------------------------------------------------------

og_status og_layers_probe(og_probe **probe, const struct og_job *job, og_exec *exec,
                          struct og_error *err)
{
    const struct og_dataset *set = job->set[OG_TEST];
    size_t n = (size_t)job->config.output.layer_samples, width = 1;
    *probe = NULL;
    if (n == 0 || job->config.hardware.ideal) return OG_OK;
    if (n > set->n) n = set->n;
    for (int i = 0; i < set->shape.rank; i++) width *= set->shape.dim[i];
    float *x = og_alloc(n, width * sizeof *x);
    uint32_t *sample = og_alloc(n, sizeof *sample);
    og_status status = OG_OK;
    if (x && sample) {
        for (size_t i = 0; i < n; i++) sample[i] = (uint32_t)i;
        og_dataset_fetch(set, sample, n, NULL, x);
        const struct og_batch batch = {.x = x,
                                       .sample = sample,
                                       .length = set->length,
                                       .n = n,
                                       .streams = set->streams,
                                       .seed = job->config.seed};
        status = og_probe_alloc(probe, exec, &batch, err);
        if (status == OG_OK && job->config.output.trace) {
            status = og_probe_follow(*probe, err);
            if (status != OG_OK) og_probe_free(*probe);
            if (status != OG_OK) *probe = NULL;
        }
    } else {
        status = og_fail(err, OG_NO_MEMORY, "no memory for output.layer_samples %zu", n);
    }
    og_free(x);
    og_free(sample);
    return status;
}

static struct og_layer_source source_of(const struct og_job *job, const og_array *array,
                                        const struct og_probe_reading *reading,
                                        size_t samples, uint32_t passes)
{
    const struct og_technology *technology = &job->config.hardware.technology;
    struct og_layer_source s = {
        .reading = *reading,
        .samples = samples,
        .ideal = !array,
        .reads = passes * (samples > 0 ? (double)reading->reads / (double)samples : NAN),
        .priced = array && technology->name[0] != '\0',
    };
    if (array) s.info = og_array_info(array);
    if (array) s.ramps = og_array_ramp_info(array);
    // What has no solution is not a number.
    if (array) (void)og_array_wire_check(array, &s.wires, NULL);
    if (array) s.program = og_array_program_info(array);
    if (array) s.faults = og_array_fault_info(array);
    if (s.priced) s.writing = og_program_cost(&s.program, technology);
    if (array) s.adcs = og_array_adc_info(array);
    if (s.priced) og_array_cost(array, technology, &reading->activity, &s.costs);
    return s;
}

static void fill(const struct view *v, const struct og_job *job, size_t point,
                 const og_exec *exec, const struct og_probe_reading *reading)
{
    const size_t wanted = (size_t)job->config.output.layer_samples;
    const size_t tests = job->set[OG_TEST]->n;
    const size_t samples = wanted < tests ? wanted : tests;
    for (size_t m = 0; m < names_of(v->shape); m++)
        snprintf(v->metric[m].text, sizeof *v->metric, "%s", name_at(m));
    for (size_t i = 0; i < v->shape.layers; i++) {
        const struct og_layer_source source = source_of(
            job, og_exec_matrix(exec, i), &reading[i], samples, job->ballot[point].votes);
        // HDF5 would make a group of what stands before a '/'.
        snprintf(v->layer[i].text, sizeof *v->layer, "%s", og_exec_matrix_name(exec, i));
        for (char *c = v->layer[i].text; *c; c++)
            if (*c == '/') *c = '.';
        for (size_t m = 0; m < METRICS; m++)
            v->value[i * METRICS + m] = og_layer_value(m, &source);
        if (v->shape.priced) og_layer_parts(&source, v->part + i * OG_PART_VALUES);
    }
}

// Of the present point.
static struct shape shape_of(const struct og_job *job, const og_exec *exec)
{
    return (struct shape){og_exec_matrices(exec),
                          job->config.hardware.technology.name[0] != '\0'};
}

og_status og_layers_measure(const struct og_job *job, const og_exec *exec,
                            og_probe *probe, const struct og_chip *chip,
                            const size_t *point, size_t points, void **entries,
                            struct og_error *err)
{
    const struct shape shape = shape_of(job, exec);
    const size_t size = entry_size(shape);
    const struct head head = {VERSION, names_of(shape), shape.layers};
    struct og_probe_reading *reading = og_alloc(shape.layers, sizeof *reading);
    unsigned char *bytes = *entries = og_alloc(points, size);
    if (reading && bytes) {
        og_probe_read(probe, chip, 0, reading);
        for (size_t p = 0; p < points; p++, bytes += size) {
            memcpy(bytes, &head, sizeof head);
            const struct view v = view_of(bytes, shape);
            fill(&v, job, point[p], exec, reading);
        }
    }
    og_free(reading);
    return reading && *entries ? OG_OK : no_memory(err);
}

og_status og_layers_put(struct og_job *job, const og_exec *exec, size_t trial,
                        const size_t *point, size_t points, void *entries,
                        struct og_error *err)
{
    const struct shape shape = shape_of(job, exec);
    const size_t size = entry_size(shape);
    for (size_t p = 0; p < points; p++) {
        char key[40];
        unsigned char *bytes = (unsigned char *)entries + p * size;
        const struct view v = view_of(bytes, shape);
        og_record_key(point[p], trial, key);
        OG_TRY(og_job_put(job, OG_ENTRY_LAYERS, key, bytes, size, err));
        if (!job->link) OG_TRY(take(job, point[p], trial, &v, err));
    }
    return OG_OK;
}
