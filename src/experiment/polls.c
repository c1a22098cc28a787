// SPDX-License-Identifier: GPL-3.0-or-later
// Which passes answer which points: those that differ in nothing but votes share them.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/job.h"

struct member {
    char key[33];
    size_t point;
};

static int by_key(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    const int order = strcmp(x->key, y->key);
    if (order != 0) return order;
    return x->point < y->point ? -1 : x->point > y->point;
}

static og_status find_groups(struct og_job *job, struct og_error *err)
{
    struct member *m = og_alloc(job->points, sizeof *m);
    if (!m) return og_fail(err, OG_NO_MEMORY, "no memory for %zu points", job->points);
    for (size_t p = 0; p < job->points; p++) {
        og_experiment_passes_key(job->e, p, m[p].key);
        m[p].point = p;
    }
    qsort(m, job->points, sizeof *m, by_key);
    for (size_t i = 0; i < job->points; i++) {
        const bool first = i == 0 || strcmp(m[i - 1].key, m[i].key) != 0;
        job->group[m[i].point] = first ? m[i].point : job->group[m[i - 1].point];
        job->next[m[i].point] = SIZE_MAX;
        if (!first) job->next[m[i - 1].point] = m[i].point;
    }
    og_free(m);
    return OG_OK;
}

og_status og_job_find_polls(struct og_job *job, struct og_error *err)
{
    job->group = og_alloc(job->points, sizeof *job->group);
    job->next = og_alloc(job->points, sizeof *job->next);
    job->ballot = og_alloc(job->points, sizeof *job->ballot);
    if (!job->group || !job->next || !job->ballot)
        return og_fail(err, OG_NO_MEMORY, "no memory for %zu points", job->points);
    for (size_t p = 0; p < job->points; p++) {
        struct og_config config;
        OG_TRY(og_experiment_point(job->e, p, &config, err));
        job->ballot[p] = (struct og_ballot){.rule = config.evaluate.vote,
                                            .votes = (uint32_t)config.evaluate.votes};
    }
    return find_groups(job, err);
}

size_t og_job_passes(const struct og_job *job, size_t point, size_t trial)
{
    size_t passes = 0;
    for (size_t p = job->group[point]; p != SIZE_MAX; p = job->next[p]) {
        if (!og_job_wants(job, p, trial)) continue;
        if (p < point) return 0;
        if (job->ballot[p].votes > passes) passes = job->ballot[p].votes;
    }
    return passes;
}
