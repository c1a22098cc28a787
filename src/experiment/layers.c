// SPDX-License-Identifier: GPL-3.0-or-later
// What is measured of every matrix of a chip, in /layers of the result: one row per
// metric says all about it. Measured on the first output.layer_samples test samples,
// after the evaluation, whose reads of these samples it repeats: nothing else changes.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/layers.h"

// --- the metrics ---------------------------------------------------------------------

static double snr_local(const struct og_layer_source *s)
{
    return s->ideal ? NAN : og_snr_db(s->reading.signal, s->reading.noise);
}

static double snr_total(const struct og_layer_source *s)
{
    return og_snr_db(s->reading.total_signal, s->reading.total_noise);
}

static double part(uint64_t n, uint64_t all)
{
    return all > 0 ? (double)n / (double)all : NAN;
}

static double dac_clipped(const struct og_layer_source *s)
{
    return part(s->reading.dac_clipped, s->reading.inputs);
}

static double adc_clipped(const struct og_layer_source *s)
{
    return part(s->reading.adc.clipped, s->reading.adc.conversions);
}

static double adc_use(const struct og_layer_source *s)
{
    return s->reading.adc.conversions > 0 ? s->reading.adc.used : NAN;
}

static double reads(const struct og_layer_source *s) { return s->reads; }

static double tiles(const struct og_layer_source *s)
{
    return s->ideal ? NAN : (double)s->info.used.tiles;
}

static double devices(const struct og_layer_source *s)
{
    return s->ideal ? NAN : (double)s->info.used.devices;
}

static double conversions(const struct og_layer_source *s)
{
    return s->ideal ? NAN : (double)s->info.used.conversions;
}

static double compensation(const struct og_layer_source *s)
{
    return s->ideal ? NAN : s->info.compensation;
}

static double priced(const struct og_layer_source *s, double value)
{
    return s->priced ? value : NAN;
}

static double energy(const struct og_layer_source *s)
{
    return priced(s, s->reads * s->costs.used.energy);
}

static double latency(const struct og_layer_source *s)
{
    return priced(s, s->reads * s->costs.used.latency);
}

static double interval(const struct og_layer_source *s)
{
    return priced(s, s->reads * s->costs.used.interval);
}

static double area(const struct og_layer_source *s)
{
    return priced(s, s->costs.used.area);
}

// With one read after the other and nothing idle.
static double power_of(const struct og_cost *cost)
{
    return cost->interval > 0 ? cost->energy / cost->interval : 0;
}

static double power(const struct og_layer_source *s)
{
    return priced(s, power_of(&s->costs.used));
}

static double power_dense(const struct og_layer_source *s)
{
    return priced(s, power_of(&s->costs.dense));
}

static double energy_dense(const struct og_layer_source *s)
{
    return priced(s, s->reads * s->costs.dense.energy);
}

static double latency_dense(const struct og_layer_source *s)
{
    return priced(s, s->reads * s->costs.dense.latency);
}

static double interval_dense(const struct og_layer_source *s)
{
    return priced(s, s->reads * s->costs.dense.interval);
}

static double area_dense(const struct og_layer_source *s)
{
    return priced(s, s->costs.dense.area);
}

static const struct {
    struct og_metric metric;
    double (*value)(const struct og_layer_source *s);
} rows[] = {
    {{"snr_local", "dB",
      "signal to noise of the matrix, same inputs on ideal hardware as the signal, from "
      "-200 to 200 dB"},
     snr_local},
    {{"snr_total", "dB",
      "signal to noise of the network up to this matrix, the ideal network as the "
      "signal, "
      "from -200 to 200 dB"},
     snr_total},
    {{"dac_clipped", "1", "part of the inputs beyond the range of their DAC"},
     dac_clipped},
    {{"adc_clipped", "1", "part of the conversions beyond the range of their ADC"},
     adc_clipped},
    {{"adc_use", "1", "largest ADC code, relative to the largest there is"}, adc_use},
    {{"adc_inl", "1",
      "largest error of a transition of its worst ADC, in steps, about the line through "
      "the first and the last"},
     og_layer_adc_inl},
    {{"adc_dnl", "1", "largest error of a step of its worst ADC, in steps"},
     og_layer_adc_dnl},
    {{"adc_enob", "1", "effective bits of its worst ADC for a sine of full scale"},
     og_layer_adc_enob},
    {{"reads", "1", "input vectors read for one sample"}, reads},
    {{"tiles", "1", "tiles that hold the matrix"}, tiles},
    {{"devices", "1", "devices that hold its weights"}, devices},
    {{"conversions", "1", "ADC conversions for one input vector"}, conversions},
    {{"drift_factor", "1", "mean factor on its sums that compensates drift"},
     compensation},
    {{"energy", "J", "energy for one sample"}, energy},
    {{"latency", "s", "time for one sample, one read after the other"}, latency},
    {{"interval", "s", "time from one sample to the next, reads overlapping"}, interval},
    {{"area", "m2", "area of its tiles"}, area},
    {{"power", "W", "power while it reads one input vector after the other"}, power},
    {{"energy_dense", "J", "energy, if no line of zeros were removed"}, energy_dense},
    {{"latency_dense", "s", "latency, if no line of zeros were removed"}, latency_dense},
    {{"interval_dense", "s", "interval, if no line of zeros were removed"},
     interval_dense},
    {{"area_dense", "m2", "area, if no line of zeros were removed"}, area_dense},
    {{"power_dense", "W", "power, if no line of zeros were removed"}, power_dense},
    {{"ramp_cells", "1", "devices of its ramps, with those of their start"},
     og_layer_ramp_cells},
    {{"ramp_gain", "1", "what a siemens is worth in its ramps, relative to its weights"},
     og_layer_ramp_gain},
    {{"ramp_inl", "1", "largest error of a ramp's threshold, in steps of the output"},
     og_layer_ramp_inl},
    {{"ramp_inl_rms", "1", "its rms over the thresholds of a ramp, of the worst ramp"},
     og_layer_ramp_inl_rms},
    {{"ramp_dnl", "1", "largest error of a ramp's step, in steps of the output"},
     og_layer_ramp_dnl},
    {{"stuck", "1", "part of its devices that are stuck"}, og_layer_stuck},
    {{"stuck_error", "1", "rms error of its weights by them, over the largest weight"},
     og_layer_stuck_error},
    {{"wire_lost", "1",
      "part of the current that wires cost at full drive of all rows, of its first "
      "array"},
     og_layer_wire_lost},
    {{"wire_approximate", "1",
      "rms error of the same currents in wires.mode approximate, relative to exact"},
     og_layer_wire_approximate},
    {{"wire_ladder", "1", "the same of wires.approximation ladder"},
     og_layer_wire_ladder},
    {{"wire_cubic", "1", "the same of wires.approximation cubic"}, og_layer_wire_cubic},
    {{"wire_noise", "1",
      "standard deviation of the read noise as drawn, over that by adjoint circuits"},
     og_layer_wire_noise},
    {{"program_error_mean", "1",
      "mean error of its devices as written, over their range"},
     og_layer_error_mean},
    {{"program_error_rms", "1", "rms error of its devices as written, over their range"},
     og_layer_error_rms},
    {{"program_pulses", "1", "mean programming pulses of a device"}, og_layer_pulses},
    {{"program_pulses_most", "1", "programming pulses of the device that took most"},
     og_layer_most_pulses},
    {{"program_accepted", "1", "part of its devices that were accepted"},
     og_layer_accepted},
    {{"program_energy", "J", "energy of pulses and verify reads"},
     og_layer_program_energy},
    {{"program_time", "s", "time of these, tiles side by side"}, og_layer_program_time},
};
enum { METRICS = sizeof rows / sizeof *rows };

size_t og_layer_metrics(void) { return METRICS; }

struct og_metric og_layer_metric(size_t i) { return rows[i].metric; }

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
    for (size_t i = 0; i < l->n; i++) og_free(l->layer[i].value);
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

// Names of the metrics, names of the layers, then values [layers][METRICS].
struct head {
    uint64_t version, metrics, layers;
};
struct metric_name {
    char text[32];
};
struct layer_name {
    char text[OG_LAYER_NAME];
};

struct view {
    size_t layers;
    struct metric_name *metric;
    struct layer_name *layer;
    double *value;
};

static size_t entry_size(size_t layers)
{
    return sizeof(struct head) + METRICS * sizeof(struct metric_name) +
           layers * (sizeof(struct layer_name) + METRICS * sizeof(double));
}

static struct view view_of(void *bytes, size_t layers)
{
    struct view v = {.layers = layers};
    v.metric = (void *)((unsigned char *)bytes + sizeof(struct head));
    v.layer = (void *)(v.metric + METRICS);
    v.value = (void *)(v.layer + layers);
    return v;
}

static bool same_metrics(const struct view *v)
{
    for (size_t m = 0; m < METRICS; m++)
        if (strncmp(v->metric[m].text, rows[m].metric.name, sizeof *v->metric) != 0)
            return false;
    return true;
}

static og_status take(struct og_job *job, size_t point, size_t trial,
                      const struct view *v, struct og_error *err)
{
    const size_t records = job->points * job->trials, at = point * job->trials + trial;
    for (size_t i = 0; i < v->layers; i++) {
        struct og_layer *l = find(&job->layers, v->layer[i].text);
        if (!l) l = add(&job->layers, v->layer[i].text, records);
        if (!l) return og_fail(err, OG_NO_MEMORY, "no memory for a report per layer");
        if (point < l->point) {
            l->point = point;
            l->place = i;
        }
        for (size_t m = 0; m < METRICS; m++)
            l->value[m * records + at] = v->value[i * METRICS + m];
    }
    return OG_OK;
}

static og_status open_entry(const struct og_entry *entry, const char *key, struct view *v,
                            struct og_error *err)
{
    struct head head = {0};
    if (entry->size >= sizeof head) memcpy(&head, entry->data, sizeof head);
    if (head.version == 1 && head.metrics == METRICS && head.layers <= entry->size &&
        entry->size == entry_size((size_t)head.layers)) {
        *v = view_of((void *)(uintptr_t)entry->data, (size_t)head.layers);
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
        .reads = passes * part(reading->reads, samples),
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
    for (size_t m = 0; m < METRICS; m++)
        snprintf(v->metric[m].text, sizeof *v->metric, "%s", rows[m].metric.name);
    for (size_t i = 0; i < v->layers; i++) {
        const struct og_layer_source source = source_of(
            job, og_exec_matrix(exec, i), &reading[i], samples, job->ballot[point].votes);
        // HDF5 would make a group of what stands before a '/'.
        snprintf(v->layer[i].text, sizeof *v->layer, "%s", og_exec_matrix_name(exec, i));
        for (char *c = v->layer[i].text; *c; c++)
            if (*c == '/') *c = '.';
        for (size_t m = 0; m < METRICS; m++)
            v->value[i * METRICS + m] = rows[m].value(&source);
    }
}

og_status og_layers_measure(const struct og_job *job, const og_exec *exec,
                            og_probe *probe, const struct og_chip *chip,
                            const size_t *point, size_t points, void **entries,
                            struct og_error *err)
{
    const size_t layers = og_exec_matrices(exec), size = entry_size(layers);
    const struct head head = {1, METRICS, layers};
    struct og_probe_reading *reading = og_alloc(layers, sizeof *reading);
    unsigned char *bytes = *entries = og_alloc(points, size);
    if (reading && bytes) {
        og_probe_read(probe, chip, 0, reading);
        for (size_t p = 0; p < points; p++, bytes += size) {
            memcpy(bytes, &head, sizeof head);
            const struct view v = view_of(bytes, layers);
            fill(&v, job, point[p], exec, reading);
        }
    }
    og_free(reading);
    if (reading && *entries) return OG_OK;
    return og_fail(err, OG_NO_MEMORY, "no memory for a report per layer");
}

og_status og_layers_put(struct og_job *job, const og_exec *exec, size_t trial,
                        const size_t *point, size_t points, void *entries,
                        struct og_error *err)
{
    const size_t layers = og_exec_matrices(exec), size = entry_size(layers);
    for (size_t p = 0; p < points; p++) {
        char key[40];
        unsigned char *bytes = (unsigned char *)entries + p * size;
        const struct view v = view_of(bytes, layers);
        og_record_key(point[p], trial, key);
        OG_TRY(og_job_put(job, OG_ENTRY_LAYERS, key, bytes, size, err));
        if (!job->link) OG_TRY(take(job, point[p], trial, &v, err));
    }
    return OG_OK;
}
