// SPDX-License-Identifier: GPL-3.0-or-later
// Shards of one experiment become its result: their entries go into one journal, and the
// result is written from that as at the end of a run.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/job.h"

struct merge {
    const char *const *in;
    size_t n;
    og_journal *out;
    struct og_spent *spent;  // by the shards
};

// "the record of point 3, trial 2"
static void entry_words(uint32_t kind, const char *key, char *text, size_t size)
{
    static const char *const words[] = {"?",
                                        "checkpoint",
                                        "model",
                                        "record",
                                        "chip",
                                        "layers",
                                        "report of training",
                                        "traces",
                                        "writing",
                                        "faults",
                                        "weight errors",
                                        "errors"};
    const bool known = kind < sizeof words / sizeof *words;
    snprintf(text, size, "%s %s", known ? words[kind] : "entry", key);
}

static og_status check_same_experiment(const struct merge *m, size_t i, const char *first,
                                       const char *text, struct og_error *err)
{
    char keys[512] = "";
    if (strcmp(first, text) == 0) return OG_OK;
    og_experiment_differences(first, text, keys, sizeof keys);
    return og_fail(err, OG_INPUT,
                   "%s and %s are of different experiments (different: %s)", m->in[0],
                   m->in[i], keys[0] ? keys : "layout of the text");
}

// What two shards both have must be the same to the byte.
static og_status check_agrees(const struct merge *m, size_t i,
                              const struct og_entry *mine, const struct og_entry *other,
                              struct og_error *err)
{
    char words[96];
    if (mine->size == other->size && memcmp(mine->data, other->data, mine->size) == 0)
        return OG_OK;
    entry_words(mine->kind, mine->key, words, sizeof words);
    return og_fail(err, OG_INPUT,
                   "%s and a file before it disagree about %s: they were computed on "
                   "different machine types or by different versions; 'kernels: fixed' "
                   "avoids the former",
                   m->in[i], words);
}

static void add_spent(struct og_spent *sum, const struct og_entry *entry)
{
    struct og_spent one;
    if (entry->size != sizeof one) return;
    memcpy(&one, entry->data, sizeof one);
    sum->seconds += one.seconds;
    sum->cpu += one.cpu;
}

static og_status add_entry(const struct merge *m, size_t i, const struct og_entry *entry,
                           struct og_error *err)
{
    struct og_entry there;
    // What was begun only is worth nothing to the others.
    if (entry->kind == OG_ENTRY_CHECKPOINT || entry->kind == OG_ENTRY_PROGRESS)
        return OG_OK;
    if (entry->kind == OG_ENTRY_SPENT) {
        add_spent(m->spent, entry);
        return OG_OK;
    }
    if (!og_journal_get(m->out, entry->kind, entry->key, &there))
        return og_journal_put(m->out, entry->kind, entry->key, entry->data, entry->size,
                              err);
    const og_status status = check_agrees(m, i, entry, &there, err);
    og_journal_release(&there);
    return status;
}

static og_status add_all(const struct merge *m, size_t i, og_journal *in,
                         struct og_error *err)
{
    og_status status = OG_OK;
    for (size_t k = 0; status == OG_OK && k < og_journal_entries(in); k++) {
        struct og_entry entry;
        if (!og_journal_entry(in, k, &entry)) {
            if (entry.size > 0) return og_fail(err, OG_NO_MEMORY, "out of memory");
            continue;
        }
        status = add_entry(m, i, &entry, err);
        og_journal_release(&entry);
    }
    return status;
}

static og_status add_input(const struct merge *m, size_t i, const char *text,
                           struct og_error *err)
{
    og_journal *in;
    OG_TRY(og_journal_read(&in, m->in[i], err));
    og_status status = check_same_experiment(m, i, text, og_journal_text(in), err);
    if (status == OG_OK) status = add_all(m, i, in, err);
    og_journal_close(in, false);
    return status;
}

// "point 0 trials 3 to 5, point 2 trial 0"
static void list_missing(const struct og_job *job, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t p = 0; p < job->points; p++) {
        for (size_t t = 0; t < job->trials; t++) {
            size_t end = t;
            while (end < job->trials && og_job_wants(job, p, end)) end++;
            if (end == t) continue;
            if (used + 80 > size) {
                snprintf(text + used, size - used, ", ...");
                return;
            }
            const char *comma = used > 0 ? ", " : "";
            used += (size_t)(end == t + 1 ? snprintf(text + used, size - used,
                                                     "%spoint %zu trial %zu", comma, p, t)
                                          : snprintf(text + used, size - used,
                                                     "%spoint %zu trials %zu to %zu",
                                                     comma, p, t, end - 1));
            t = end;
        }
    }
}

static og_status write_merged(struct og_job *job, struct og_error *err)
{
    size_t missing = 0;
    char list[400];
    OG_TRY(og_job_load_all(job, err));
    og_job_put_spent(job);
    for (size_t p = 0; p < job->points; p++) missing += og_job_missing(job, p);
    job->whole = missing == 0;
    OG_TRY(og_job_write(job, err));
    if (job->whole) return OG_OK;
    list_missing(job, list, sizeof list);
    return og_fail(err, OG_INPUT,
                   "%zu of %zu records are missing (%s); %s and its journal hold the "
                   "others: 'ohmgrid run --resume' computes the rest",
                   missing, job->points * job->trials, list, job->o->out);
}

static og_status merge_all(struct merge *m, struct og_job *job, const char *text,
                           struct og_error *err)
{
    m->spent = &job->before;
    for (size_t i = 0; i < m->n; i++) OG_TRY(add_input(m, i, text, err));
    job->journal = m->out;
    job->stored = true;
    return write_merged(job, err);
}

// Another version of the program, or other device files, may read the text differently.
static og_status check_text(const og_experiment *e, const char *in, const char *text,
                            struct og_error *err)
{
    char keys[512] = "";
    char *own = og_experiment_text(e);
    if (!own) return og_fail(err, OG_NO_MEMORY, "out of memory");
    const bool same = strcmp(own, text) == 0;
    if (!same) og_experiment_differences(own, text, keys, sizeof keys);
    free(own);
    if (same) return OG_OK;
    return og_fail(err, OG_INPUT,
                   "%s: this version of ohmgrid reads its experiment differently "
                   "(different: %s)",
                   in, keys[0] ? keys : "layout of the text");
}

static og_status merge_text(const char *const *in, size_t n, const char *text,
                            const struct og_merge_options *o, struct og_error *err)
{
    const struct og_overrides overrides = {.data = o->data};
    const struct og_run_options run = {
        .out = o->out, .command = o->command, .data = o->data, .mode = o->mode};
    struct merge m = {.in = in, .n = n};
    struct og_job *job = NULL;
    og_experiment *e;
    OG_TRY(og_experiment_parse(&e, in[0], text, &overrides, err));
    og_status status = check_text(e, in[0], text, err);
    if (status == OG_OK) status = og_job_alloc(&job, e, &run, err);
    if (status == OG_OK) status = og_journal_open(&m.out, o->out, text, o->mode, err);
    if (status == OG_OK) {
        status = merge_all(&m, job, text, err);
        og_journal_close(m.out, status == OG_OK || !job->stored);
    }
    og_job_free(job);
    og_experiment_free(e);
    return status;
}

og_status og_merge(const char *const *in, size_t n, const struct og_merge_options *o,
                   struct og_error *err)
{
    og_journal *first;
    if (n == 0) return og_fail(err, OG_USAGE, "there is nothing to merge");
    OG_TRY(og_journal_read(&first, in[0], err));
    char *text = og_copy_text(og_journal_text(first));
    og_journal_close(first, false);
    if (!text) return og_fail(err, OG_NO_MEMORY, "out of memory");
    const og_status status = merge_text(in, n, text, o, err);
    og_free(text);
    return status;
}
