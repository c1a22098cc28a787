// SPDX-License-Identifier: GPL-3.0-or-later
// Rounds of compression for the result file, out of the reports in the journal.
#include "experiment/output_compress.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

void og_output_compress_clear(struct og_output_compress *o)
{
    for (size_t i = 0; i < o->n; i++) {
        og_journal_release(&o->round[i].entry);
        og_free(o->round[i].numbers);
        og_free(o->round[i].names);
    }
    og_free(o->place);
    og_free(o->round);
    og_free(o->values);
    og_free(o->compressed);
    og_free(o->value);
}

static og_status no_memory(struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "no memory for the result file");
}

// Doubles of a round: rho, residual, change, weights, kept, their storage, and three
// curves of each phase.
static size_t numbers_of(const struct og_report *r)
{
    return r->updates * (1 + 2 * r->pairs) + 4 * r->tensors +
           3 * (r->epochs[0] + r->epochs[1]);
}

static void fill_curves(const struct og_report *r, double *at,
                        struct og_compress_values *v)
{
    for (int i = 0; i < 2; i++) {
        const size_t n = v->epochs[i] = r->epochs[i];
        for (size_t e = 0; e < n; e++) {
            at[e] = r->curve[i][e].loss;
            at[n + e] = r->curve[i][e].accuracy;
            at[2 * n + e] = r->curve[i][e].lr;
        }
        v->loss[i] = at;
        v->accuracy[i] = at + n;
        v->lr[i] = at + 2 * n;
        at += 3 * n;
    }
}

static void fill_values(const struct og_report *r, double *at, const char **name,
                        struct og_compress_values *v)
{
    const size_t updates = r->updates * r->pairs;
    v->updates = r->updates;
    v->sets = r->pairs;
    v->tensors = r->tensors;
    v->rho = r->rho;
    for (size_t i = 0; i < updates; i++) {
        at[i] = r->update[i].residual;
        at[updates + i] = r->update[i].change;
    }
    v->residual = at;
    v->change = at + updates;
    at += 2 * updates;
    for (size_t t = 0; t < r->tensors; t++) {
        const struct og_storage *s = &r->tensor[t].storage;
        const struct og_storage_bits bits = og_storage_bits(s, 0);
        at[t] = (double)s->all;
        at[r->tensors + t] = (double)s->kept;
        at[2 * r->tensors + t] = bits.values;
        at[3 * r->tensors + t] = bits.indices;
        name[t] = r->tensor[t].name;
        name[r->tensors + t] = bits.way;
    }
    v->weights = at;
    v->kept = at + r->tensors;
    v->storage_values = v->kept + r->tensors;
    v->storage_indices = v->storage_values + r->tensors;
    v->tensor = name;
    v->coding = name + r->tensors;
    name += 2 * r->tensors;
    for (size_t k = 0; k < r->pairs; k++) name[k] = r->set[k];
    v->set = name;
    name += r->pairs;
    for (size_t i = 0; i < r->limits; i++) name[i] = r->relu[i];
    v->relu = name;
    v->limits = r->limits;
    v->tries = r->tries;
    v->limit = r->limit;
    v->largest = r->largest;
    v->tried = r->tried;
    v->area = r->area;
    fill_curves(r, at + 4 * r->tensors, v);
}

static og_status add_round(const struct og_job *job, struct og_output_compress *o,
                           size_t number, struct og_error *err)
{
    const struct og_compression *c = &job->compressions.one[number];
    struct og_output_round *to = &o->round[o->n];
    struct og_compress_values *v = &o->values[o->n];
    if (!og_job_get(job, OG_ENTRY_REPORT, c->key, &to->entry))
        return og_entry_missing(&to->entry, "report", c->name, err);
    o->place[number] = ++o->n;
    if (!og_report_view(&to->entry, &to->report))
        return og_fail(err, OG_INPUT, "report %s of the journal is damaged", c->name);
    const struct og_report *r = &to->report;
    to->numbers = og_alloc(numbers_of(r), sizeof *to->numbers);
    to->names = og_alloc(2 * r->tensors + r->pairs + r->limits, sizeof *to->names);
    if (!to->numbers || !to->names) return no_memory(err);
    v->key = c->name;
    v->training = job->training[job->training_of[c->point]].name;
    v->round = c->round;
    fill_values(r, to->numbers, to->names, v);
    return OG_OK;
}

// --- points ----------------------------------------------------------------------

const struct og_metric og_point_metrics[OG_POINT_METRICS] = {
    {"compression", "1", "all weights divided by those kept"},
    {"compression_conv", "1", "all weights of convolutions divided by those kept"},
    {"storage_values", "bit", "weights kept, in the codes of the hardware or their own"},
    {"storage_indices", "bit", "where the weights kept are"},
    {"storage_codes", "bit", "weights kept, in the fewest bits that take no index"},
    {"storage", "bit", "weights kept, and where they are"},
    {"storage_ratio", "1", "32 bits for each weight, divided by the storage"},
};

// Sums over the network of a point, in bits but for `weights`.
struct storage {
    double weights, values, indices, codes;
};

// Bits of the weights of tensor "node/name" on its hardware; 0: floats.
static og_status bits_of(const struct og_hardware *hw, const char *tensor, int *bits,
                         struct og_error *err)
{
    struct og_hardware own;
    char node[OG_REPORT_NAME];
    snprintf(node, sizeof node, "%.*s", (int)strcspn(tensor, "/"), tensor);
    OG_TRY(og_hardware_layer(hw, node, &own, err));
    *bits = own.ideal ? 0 : own.mapping.weight_bits;
    return OG_OK;
}

static og_status storage_of(const struct og_report *r, const struct og_hardware *hw,
                            struct storage *out, struct og_error *err)
{
    struct storage sum = {0};
    for (size_t t = 0; t < r->tensors; t++) {
        const struct og_storage *s = &r->tensor[t].storage;
        int weight_bits;
        OG_TRY(bits_of(hw, r->tensor[t].name, &weight_bits, err));
        const struct og_storage_bits bits = og_storage_bits(s, weight_bits);
        sum.weights += (double)s->all;
        sum.values += bits.values;
        sum.indices += bits.indices;
        sum.codes += bits.codes;
    }
    *out = sum;
    return OG_OK;
}

static og_status fill_metrics(const struct og_report *r, const struct og_hardware *hw,
                              double *value, struct og_error *err)
{
    struct storage sum;
    OG_TRY(storage_of(r, hw, &sum, err));
    const double all = sum.values + sum.indices;
    value[OG_POINT_COMPRESSION] = og_report_ratio(r, false);
    value[OG_POINT_COMPRESSION_CONV] = og_report_ratio(r, true);
    if (!(sum.weights > 0)) return OG_OK;
    value[OG_POINT_STORAGE_VALUES] = sum.values;
    value[OG_POINT_STORAGE_INDICES] = sum.indices;
    value[OG_POINT_STORAGE_CODES] = sum.codes;
    value[OG_POINT_STORAGE] = all;
    value[OG_POINT_STORAGE_RATIO] = OG_STORAGE_FLOAT * sum.weights / all;
    return OG_OK;
}

// Of a network as it was trained: it may have begun with weights that are zero.
static og_status fill_trained(const struct og_job *job, const struct og_training *of,
                              const struct og_hardware *hw, double *value,
                              struct og_error *err)
{
    struct og_entry entry;
    struct og_report r;
    if (!og_job_get(job, OG_ENTRY_REPORT, of->key, &entry))
        return og_entry_missing(&entry, "report", of->name, err);
    const bool good = og_report_view(&entry, &r);
    const og_status status = good ? fill_metrics(&r, hw, value, err) : OG_OK;
    og_journal_release(&entry);
    if (good) return status;
    return og_fail(err, OG_INPUT, "report %s of the journal is damaged", of->name);
}

static og_status fill_point(const struct og_job *job, struct og_output_compress *o,
                            size_t p, struct og_error *err)
{
    const size_t number = job->compressions.of[p];
    const struct og_training *of = &job->training[job->training_of[p]];
    double value[OG_POINT_METRICS];
    struct og_config config;
    OG_TRY(og_experiment_point(job->e, p, &config, err));
    const struct og_hardware *hw = &config.hardware;
    o->compressed[p] = (int64_t)number - 1;
    for (int m = 0; m < OG_POINT_METRICS; m++) value[m] = NAN;
    const size_t place = number > 0 ? o->place[number - 1] : 0;
    if (place > 0)
        OG_TRY(fill_metrics(&o->round[place - 1].report, hw, value, err));
    else if (number == 0 && of->done)
        OG_TRY(fill_trained(job, of, hw, value, err));
    for (int m = 0; m < OG_POINT_METRICS; m++)
        o->value[(size_t)m * job->points + p] = value[m];
    return OG_OK;
}

og_status og_output_compress_fill(const struct og_job *job, struct og_output_compress *o,
                                  struct og_error *err)
{
    const struct og_compressions *c = &job->compressions;
    if (c->n == 0) return OG_OK;
    o->place = og_alloc(c->n, sizeof *o->place);
    o->round = og_alloc(c->n, sizeof *o->round);
    o->values = og_alloc(c->n, sizeof *o->values);
    o->compressed = og_alloc(job->points, sizeof *o->compressed);
    o->value = og_alloc(OG_POINT_METRICS * job->points, sizeof *o->value);
    if (!o->place || !o->round || !o->values || !o->compressed || !o->value)
        return no_memory(err);
    for (size_t i = 0; i < c->n; i++)
        if (c->one[i].done) OG_TRY(add_round(job, o, i, err));
    for (size_t p = 0; p < job->points; p++) OG_TRY(fill_point(job, o, p, err));
    return OG_OK;
}
