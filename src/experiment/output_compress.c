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
    og_free(o->round);
    og_free(o->values);
    og_free(o->compressed);
    og_free(o->ratio);
}

static og_status no_memory(struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "no memory for the result file");
}

// Doubles of a round: rho, residual, change, weights, kept, and three curves of each
// phase.
static size_t numbers_of(const struct og_report *r)
{
    return r->updates * (1 + 2 * r->pairs) + 2 * r->tensors +
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
        at[t] = (double)r->tensor[t].all;
        at[r->tensors + t] = (double)r->tensor[t].kept;
        name[t] = r->tensor[t].name;
    }
    v->weights = at;
    v->kept = at + r->tensors;
    v->tensor = name;
    for (size_t k = 0; k < r->pairs; k++) name[r->tensors + k] = r->set[k];
    v->set = name + r->tensors;
    name += r->tensors + r->pairs;
    for (size_t i = 0; i < r->limits; i++) name[i] = r->relu[i];
    v->relu = name;
    v->limits = r->limits;
    v->tries = r->tries;
    v->limit = r->limit;
    v->largest = r->largest;
    v->tried = r->tried;
    v->area = r->area;
    fill_curves(r, at + 2 * r->tensors, v);
}

static og_status add_round(const struct og_job *job, struct og_output_compress *o,
                           struct og_error *err)
{
    const struct og_compression *c = &job->compressions.one[o->n];
    struct og_output_round *to = &o->round[o->n];
    struct og_compress_values *v = &o->values[o->n];
    if (!og_journal_get(job->journal, OG_ENTRY_REPORT, c->key, &to->entry))
        return og_fail(err, OG_IO, "report %s cannot be read back from the journal",
                       c->name);
    o->n++;
    if (!og_report_view(&to->entry, &to->report))
        return og_fail(err, OG_INPUT, "report %s of the journal is damaged", c->name);
    const struct og_report *r = &to->report;
    to->numbers = og_alloc(numbers_of(r), sizeof *to->numbers);
    to->names = og_alloc(r->tensors + r->pairs + r->limits, sizeof *to->names);
    if (!to->numbers || !to->names) return no_memory(err);
    v->key = c->name;
    v->training = job->training[job->training_of[c->point]].name;
    v->round = c->round;
    fill_values(r, to->numbers, to->names, v);
    return OG_OK;
}

// A point without compression keeps all.
static void fill_points(const struct og_job *job, struct og_output_compress *o)
{
    const size_t n = job->points;
    for (size_t p = 0; p < n; p++) {
        const size_t number = job->compressions.of[p];
        const bool done = number > 0 && number <= o->n;
        const struct og_report *r = done ? &o->round[number - 1].report : NULL;
        o->compressed[p] = (int64_t)number - 1;
        o->ratio[p] = number == 0 ? 1.0 : done ? og_report_ratio(r, false) : NAN;
        o->ratio[n + p] = number == 0 ? 1.0 : done ? og_report_ratio(r, true) : NAN;
    }
}

og_status og_output_compress_fill(const struct og_job *job, struct og_output_compress *o,
                                  struct og_error *err)
{
    const struct og_compressions *c = &job->compressions;
    size_t done = 0;
    if (c->n == 0) return OG_OK;
    while (done < c->n && c->one[done].done) done++;
    o->round = og_alloc(done, sizeof *o->round);
    o->values = og_alloc(done, sizeof *o->values);
    o->compressed = og_alloc(job->points, sizeof *o->compressed);
    o->ratio = og_alloc(2 * job->points, sizeof *o->ratio);
    if (!o->round || !o->values || !o->compressed || !o->ratio) return no_memory(err);
    while (o->n < done) OG_TRY(add_round(job, o, err));
    fill_points(job, o);
    return OG_OK;
}
