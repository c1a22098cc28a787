// SPDX-License-Identifier: GPL-3.0-or-later
// Which records are to be computed: all, those of a shard, or of each point as many as
// its rule to stop asks for.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "experiment/ranks.h"
#include "results/statistics.h"

static og_status no_memory(const struct og_job *job, struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "no memory for %zu points of %zu trials",
                   job->points, job->trials);
}

// --- shards --------------------------------------------------------------------------

void og_job_shard_text(const struct og_job *job, char text[32])
{
    text[0] = '\0';
    if (job->o->shards > 0) snprintf(text, 32, "%d/%d", job->o->shard, job->o->shards);
}

// A group of points that the same passes answer.
struct leader {
    size_t point, training, compression;
};

static int by_training(const void *a, const void *b)
{
    const struct leader *x = a, *y = b;
    if (x->training != y->training) return x->training < y->training ? -1 : 1;
    if (x->compression != y->compression) return x->compression < y->compression ? -1 : 1;
    return x->point < y->point ? -1 : x->point > y->point;
}

// Records in the order of the trainings that they need, cut into equal lengths, so that
// few trainings are needed by more than one shard.
static void mark_mine(struct og_job *job, const struct leader *leader, size_t n)
{
    const size_t all = n * job->trials, shards = (size_t)job->o->shards;
    const size_t number = (size_t)job->o->shard;
    const size_t first =
        all / shards * (number - 1) + all % shards * (number - 1) / shards;
    const size_t end = all / shards * number + all % shards * number / shards;
    for (size_t at = first; at < end; at++)
        for (size_t p = leader[at / job->trials].point; p != SIZE_MAX; p = job->next[p])
            job->mine[p * job->trials + at % job->trials] = 1;
}

static og_status choose_shard(struct og_job *job, struct og_error *err)
{
    struct leader *leader = og_alloc(job->points, sizeof *leader);
    job->mine = og_alloc(job->points, job->trials);
    size_t n = 0;
    for (size_t p = 0; leader && p < job->points; p++)
        if (job->group[p] == p)
            leader[n++] =
                (struct leader){p, job->training_of[p], job->compressions.of[p]};
    if (leader && job->mine) {
        qsort(leader, n, sizeof *leader, by_training);
        mark_mine(job, leader, n);
    }
    og_free(leader);
    return leader && job->mine ? OG_OK : no_memory(job, err);
}

// --- the rule to stop ----------------------------------------------------------------

static og_status first_limits(struct og_job *job, struct og_error *err)
{
    job->limit = og_alloc(job->points, sizeof *job->limit);
    if (!job->limit) return no_memory(job, err);
    for (size_t p = 0; p < job->points; p++) {
        struct og_config config;
        OG_TRY(og_experiment_point(job->e, p, &config, err));
        job->limit[p] = job->trials;
        if (!(config.stop.half_width > 0)) continue;
        if (job->o->shards > 0)
            return og_fail(err, OG_USAGE,
                           "stop.half_width decides by all chips of a point, of which a "
                           "shard has a part: leave --shard out, or set it to 0");
        job->limit[p] = (size_t)config.stop.every;
    }
    return OG_OK;
}

// Looks at fixed numbers of chips only, in the order of trials, so that what is computed
// first makes no difference (Chow and Robbins, Ann. Math. Stat. 36 (1965) 457: intervals
// of fixed width by sequential sampling).
og_status og_job_settle(struct og_job *job, size_t point, struct og_error *err)
{
    const size_t records = job->points * job->trials, from = point * job->trials;
    struct og_config config;
    if (job->limit[point] == job->trials) return OG_OK;
    OG_TRY(og_experiment_point(job->e, point, &config, err));
    const size_t metric = config.stop.metric == OG_STOP_LOSS ? OG_LOSS : OG_ACCURACY;
    while (job->limit[point] < job->trials && og_job_missing(job, point) == 0) {
        const struct og_interval i = og_interval_chips(
            job->value + metric * records + from, job->done + from, job->limit[point]);
        if (i.high - i.mean <= config.stop.half_width) break;
        job->limit[point] += (size_t)config.stop.every;
        if (job->limit[point] > job->trials) job->limit[point] = job->trials;
    }
    return OG_OK;
}

// --- records -------------------------------------------------------------------------

og_status og_job_find_tasks(struct og_job *job, struct og_error *err)
{
    OG_TRY(first_limits(job, err));
    return job->o->shards > 0 ? choose_shard(job, err) : OG_OK;
}

bool og_job_wants(const struct og_job *job, size_t point, size_t trial)
{
    const size_t at = point * job->trials + trial;
    if (job->link) return og_worker_wants(job->link, point, trial);
    return !job->done[at] && trial < job->limit[point] && (!job->mine || job->mine[at]);
}

size_t og_job_missing(const struct og_job *job, size_t point)
{
    size_t n = 0;
    for (size_t t = 0; t < job->limit[point]; t++) n += og_job_wants(job, point, t);
    return n;
}
