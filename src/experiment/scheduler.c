// SPDX-License-Identifier: GPL-3.0-or-later
// Rank 0 of several: hands out trainings, rounds of compression and blocks of trials, and
// puts what comes back into the journal. Each training and each record is handed out
// once.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/compress.h"
#include "experiment/layers.h"
#include "experiment/ranks.h"

static const double patience = 2;  // [s]

enum state { ABSENT, IDLE, BUSY };

struct scheduler {
    struct og_job *job;
    int ranks;
    enum state *state;   // [ranks]
    size_t busy, there;  // workers with a task; workers that have said hello
    bool *training;      // [trainings]: handed out
    bool *compression;   // [compressions]: handed out
    size_t *needed_by;   // [trainings]: a point that waits for it; SIZE_MAX: none
    uint8_t *given;      // [points][trials]: handed out
    size_t cursor;       // points before it have nothing to hand out
    size_t *task;        // [ranks]: the point of its task
    bool stop;           // no more tasks
    og_status status;    // the first failure of a task
    struct og_error *err;
};

// --- what comes back -----------------------------------------------------------------

static void mark_done(struct og_job *job, const char *key)
{
    for (size_t i = 0; i < job->trainings; i++)
        if (strcmp(job->training[i].key, key) == 0) job->training[i].done = true;
    for (size_t i = 0; i < job->compressions.n; i++)
        if (strcmp(job->compressions.one[i].key, key) == 0)
            job->compressions.one[i].done = true;
}

static og_status take_entry(struct scheduler *s, const struct og_message *m,
                            const void *payload, struct og_error *err)
{
    struct og_job *job = s->job;
    const struct og_entry entry = {
        .kind = m->kind, .data = payload, .size = (size_t)m->size};
    size_t point, trial;
    OG_TRY(og_journal_put(job->journal, m->kind, m->key, payload, (size_t)m->size, err));
    job->stored = true;
    if (m->kind == OG_ENTRY_MODEL) mark_done(job, m->key);
    if (m->kind != OG_ENTRY_RECORD && m->kind != OG_ENTRY_LAYERS) return OG_OK;
    if (sscanf(m->key, "%zu/%zu", &point, &trial) != 2 || point >= job->points ||
        trial >= job->trials)
        return og_fail(err, OG_FAILED, "a rank sent record '%s'", m->key);
    return m->kind == OG_ENTRY_RECORD ? og_job_take_record(job, point, trial, &entry, err)
                                      : og_layers_take(job, point, trial, &entry, err);
}

static void answer(struct scheduler *s, int to, const struct og_message *question)
{
    struct og_message m = {.type = OG_SAY_ENTRY, .kind = question->kind};
    struct og_entry entry;
    memcpy(m.key, question->key, sizeof m.key);
    m.number = og_journal_get(s->job->journal, question->kind, question->key, &entry);
    if (question->type == OG_SAY_GET && m.number) m.size = entry.size;
    og_rank_send(to, &m, entry.data);
    if (m.number) og_journal_release(&entry);
}

// Of all points that the passes of a task answered.
static og_status settle(struct scheduler *s, int from, struct og_error *err)
{
    struct og_job *job = s->job;
    const size_t point = s->task[from];
    if (point == SIZE_MAX) return OG_OK;
    for (size_t p = job->group[point]; p != SIZE_MAX; p = job->next[p]) {
        const size_t limit = job->limit[p];
        OG_TRY(og_job_settle(job, p, err));
        if (job->limit[p] > limit && p < s->cursor) s->cursor = p;
    }
    return OG_OK;
}

static void fail(struct scheduler *s, og_status status, const char *text)
{
    s->stop = true;
    if (s->status != OG_OK) return;
    s->status = status;
    og_fail(s->err, status, "%s", text);
}

static og_status take_ready(struct scheduler *s, int from, const struct og_message *m,
                            const char *text, struct og_error *err)
{
    if (s->state[from] != BUSY) {  // stopped while it had nothing to do, or never began
        fail(s, (og_status)m->number, text ? text : "");
        return OG_OK;
    }
    s->busy--;
    s->state[from] = IDLE;
    if (m->number != OG_OK) fail(s, (og_status)m->number, text ? text : "");
    return m->number == OG_OK ? settle(s, from, err) : OG_OK;
}

static og_status take_hello(struct scheduler *s, int from, const char *text,
                            struct og_error *err)
{
    char keys[512] = "", *own = og_experiment_text(s->job->e);
    if (!own) return og_fail(err, OG_NO_MEMORY, "out of memory");
    const bool same = text && strcmp(own, text) == 0;
    if (!same && text) og_experiment_differences(own, text, keys, sizeof keys);
    free(own);
    s->there++;
    s->state[from] = IDLE;
    if (same) return OG_OK;
    return og_fail(err, OG_INPUT, "rank %d reads another experiment (different: %s)",
                   from, keys);
}

static og_status take(struct scheduler *s, int from, const struct og_message *m,
                      const void *payload, struct og_error *err)
{
    switch (m->type) {
    case OG_SAY_HELLO:
        return take_hello(s, from, payload, err);
    case OG_SAY_READY:
        return take_ready(s, from, m, payload, err);
    case OG_SAY_PUT:
        return take_entry(s, m, payload, err);
    case OG_SAY_DROP:
        og_journal_drop(s->job->journal, m->kind, m->key);
        return OG_OK;
    case OG_SAY_GET:
    case OG_SAY_HAS:
        answer(s, from, m);
        return OG_OK;
    case OG_SAY_WORK:
        s->job->meter.cpu_workers += ((const struct og_work_done *)payload)->cpu;
        og_meter_take(&s->job->meter, payload);
        return OG_OK;
    default:
        return og_fail(err, OG_FAILED, "rank %d sent message %u", from, m->type);
    }
}

// --- what is handed out --------------------------------------------------------------

static void hand_out(struct scheduler *s, int to, const struct og_message *m,
                     const void *payload)
{
    s->state[to] = BUSY;
    s->busy++;
    s->task[to] = m->type == OG_SAY_EVALUATE ? (size_t)m->point : SIZE_MAX;
    og_rank_send(to, m, payload);
}

static bool hand_out_training(struct scheduler *s, int to)
{
    struct og_job *job = s->job;
    for (size_t i = 0; i < job->trainings; i++) {
        if (job->training[i].done || s->training[i] || s->needed_by[i] == SIZE_MAX)
            continue;
        const struct og_message m = {
            .type = OG_SAY_TRAIN, .point = s->needed_by[i], .number = i};
        s->training[i] = true;
        hand_out(s, to, &m, NULL);
        return true;
    }
    return false;
}

static bool is_trained(const struct og_job *job, size_t p)
{
    const uint32_t source = job->source_of[p];
    return job->training[job->training_of[p]].done &&
           (source == OG_NO_SOURCE || job->training[source].done);
}

static bool is_compressed(const struct og_job *job, size_t p)
{
    const size_t number = job->compressions.of[p];
    return number == 0 || job->compressions.one[number - 1].done;
}

// The rounds of one point that are still to be done, unless another worker has some of
// them.
static bool hand_out_rounds(struct scheduler *s, int to, size_t p)
{
    struct og_job *job = s->job;
    const size_t rounds = og_experiment_rounds(job->e, p);
    size_t number = 0;
    for (size_t r = 1; r <= rounds; r++)
        if (og_compression_number(job, p, r, &number) &&
            !job->compressions.one[number].done && s->compression[number])
            return false;
    for (size_t r = 1; r <= rounds; r++)
        if (og_compression_number(job, p, r, &number)) s->compression[number] = true;
    const struct og_message m = {.type = OG_SAY_COMPRESS, .point = p};
    hand_out(s, to, &m, NULL);
    return true;
}

static bool is_open(const struct scheduler *s, size_t p, size_t t)
{
    return og_job_wants(s->job, p, t) && !s->given[p * s->job->trials + t];
}

// Guided self-scheduling (Polychronopoulos and Kuck, IEEE Trans. Comput. 36 (1987) 1425):
// a part of what is left, so that messages are few and the last blocks are small.
static size_t block_of(const struct scheduler *s, size_t p, size_t first)
{
    struct og_job *job = s->job;
    struct og_config config;
    size_t open = 0;
    for (size_t t = first; t < job->limit[p]; t++) open += is_open(s, p, t);
    // One pass answers all chips where there are none.
    if (og_experiment_point(job->e, p, &config, NULL) == OG_OK && config.hardware.ideal)
        return job->limit[p] - first;
    const size_t parts = 2 * (size_t)(s->ranks - 1), block = (open + parts - 1) / parts;
    return block < job->limit[p] - first ? block : job->limit[p] - first;
}

static og_status hand_out_trials(struct scheduler *s, int to, size_t p, size_t first,
                                 struct og_error *err)
{
    struct og_job *job = s->job;
    const size_t trials = block_of(s, p, first);
    size_t n = 0, i = 0;
    for (size_t q = job->group[p]; q != SIZE_MAX; q = job->next[q]) n++;
    uint64_t *points = og_alloc(n * (sizeof *points + trials), 1);
    if (!points) return og_fail(err, OG_NO_MEMORY, "no memory for a task");
    uint8_t *wanted = (uint8_t *)(points + n);
    for (size_t q = job->group[p]; q != SIZE_MAX; q = job->next[q], i++) {
        points[i] = q;
        for (size_t t = 0; t < trials; t++) {
            wanted[i * trials + t] = is_open(s, q, first + t);
            if (wanted[i * trials + t]) s->given[q * job->trials + first + t] = 1;
        }
    }
    const struct og_message m = {.type = OG_SAY_EVALUATE,
                                 .size = n * (sizeof *points + trials),
                                 .point = p,
                                 .number = n,
                                 .first = first,
                                 .trials = trials};
    hand_out(s, to, &m, points);
    og_free(points);
    return OG_OK;
}

// *given: whether there was something for this worker.
static og_status hand_out_next(struct scheduler *s, int to, bool *given,
                               struct og_error *err)
{
    const struct og_job *job = s->job;
    bool waiting = false;
    *given = hand_out_training(s, to);
    for (size_t p = s->cursor; p < job->points && !*given; p++) {
        size_t t = 0;
        while (t < job->limit[p] && !is_open(s, p, t)) t++;
        if (t == job->limit[p]) {
            if (!waiting) s->cursor = p + 1;
            continue;
        }
        waiting = true;
        if (!is_trained(job, p)) continue;
        *given = true;
        if (is_compressed(job, p)) return hand_out_trials(s, to, p, t, err);
        *given = hand_out_rounds(s, to, p);
    }
    return OG_OK;
}

static og_status hand_out_all(struct scheduler *s, struct og_error *err)
{
    for (int to = 1; to < s->ranks && !s->stop; to++) {
        bool given;
        if (s->state[to] != IDLE) continue;
        OG_TRY(hand_out_next(s, to, &given, err));
        if (!given) break;
    }
    return OG_OK;
}

// --- the run -------------------------------------------------------------------------

static og_status prepare(struct scheduler *s, struct og_error *err)
{
    struct og_job *job = s->job;
    s->state = og_alloc((size_t)s->ranks, sizeof *s->state);
    s->task = og_alloc((size_t)s->ranks, sizeof *s->task);
    s->training = og_alloc(job->trainings, sizeof *s->training);
    s->needed_by = og_alloc(job->trainings, sizeof *s->needed_by);
    s->compression = og_alloc(job->compressions.n, sizeof *s->compression);
    s->given = og_alloc(job->points, job->trials);
    if (!s->state || !s->task || !s->training || !s->needed_by || !s->compression ||
        !s->given)
        return og_fail(err, OG_NO_MEMORY, "no memory for %zu points of %zu trials",
                       job->points, job->trials);
    for (int r = 0; r < s->ranks; r++) s->task[r] = SIZE_MAX;
    for (size_t i = 0; i < job->trainings; i++) s->needed_by[i] = SIZE_MAX;
    for (size_t p = job->points; p-- > 0;) {
        if (og_job_missing(job, p) == 0) continue;
        s->needed_by[job->training_of[p]] = p;
        if (job->source_of[p] != OG_NO_SOURCE) s->needed_by[job->source_of[p]] = p;
    }
    return OG_OK;
}

static void stop_workers(const struct scheduler *s, int number)
{
    const struct og_message m = {.type = OG_SAY_STOP, .number = (uint64_t)number};
    for (int to = 1; to < s->ranks; to++) og_rank_send(to, &m, NULL);
}

// Everything that has come. *any: whether there was something.
static og_status receive_all(struct scheduler *s, bool *any, struct og_error *err)
{
    int from;
    struct og_message m;
    void *payload;
    og_status status;
    *any = false;
    while (og_rank_receive(&from, &m, &payload, &status)) {
        *any = true;
        if (status != OG_OK)
            return og_fail(err, status, "no memory for %zu bytes", (size_t)m.size);
        status = take(s, from, &m, payload, err);
        og_free(payload);
        OG_TRY(status);
    }
    return OG_OK;
}

static og_status work(struct scheduler *s, struct og_error *err)
{
    bool told = false, any;
    double since = 0;  // the run was told to stop
    for (;;) {
        OG_TRY(receive_all(s, &any, err));
        struct og_error own = {0};
        const og_status stop = og_job_stop(s->job, &own);
        if (stop != OG_OK) fail(s, stop, own.text);
        if (since == 0 && stop != OG_OK) since = og_meter_now();
        if (s->stop && !told) {
            stop_workers(s, s->status == OG_TERMINATED ? SIGTERM : SIGINT);
            told = true;
        }
        OG_TRY(hand_out_all(s, err));
        const bool all_there = s->there == (size_t)s->ranks - 1;
        if (s->busy == 0 && (s->stop || all_there)) return s->status;
        // A dead worker will not say that it has stopped.
        if (since > 0 && og_meter_now() - since > patience) return s->status;
        OG_TRY(og_job_write_now_and_then(s->job, err));
        if (!any) og_rank_wait();
    }
}

og_status og_schedule(struct og_job *job, struct og_error *err)
{
    struct scheduler s = {.job = job, .ranks = og_ranks(), .err = err};
    og_status status = prepare(&s, err);
    job->meter.workers = s.ranks - 1;
    if (status == OG_OK) status = work(&s, err);
    og_free(s.state);
    og_free(s.task);
    og_free(s.training);
    og_free(s.needed_by);
    og_free(s.compression);
    og_free(s.given);
    return status;
}

void og_schedule_end(bool hurry)
{
    const struct og_message stop = {.type = OG_SAY_STOP, .number = SIGINT},
                            leave = {.type = OG_SAY_LEAVE},
                            nothing = {.type = OG_SAY_ENTRY};
    int left = og_ranks() - 1;
    double last = og_meter_now();
    for (int to = 1; to < og_ranks(); to++) {
        og_rank_send(to, &stop, NULL);
        og_rank_send(to, &leave, NULL);
    }
    while (left > 0) {
        int from;
        struct og_message m;
        void *payload;
        og_status status;
        if (!og_rank_receive(&from, &m, &payload, &status)) {
            if (hurry && og_meter_now() - last > patience / 2) {
                og_rank_give_up();
                return;
            }
            og_rank_wait();
            continue;
        }
        last = og_meter_now();
        og_free(payload);
        if (m.type == OG_SAY_GET || m.type == OG_SAY_HAS)
            og_rank_send(from, &nothing, NULL);
        left -= m.type == OG_SAY_BYE;
    }
}
