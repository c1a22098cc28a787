// SPDX-License-Identifier: GPL-3.0-or-later
// A rank that computes what rank 0 hands out. Its memory is that of one point: data sets,
// one network, one chip; no table of records.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/compress.h"
#include "experiment/ranks.h"

enum { ROOT = 0 };
static const double tell_every = 0.2;  // [s]

static struct og_message about(enum og_message_type type, uint32_t kind, const char *key)
{
    struct og_message m = {.type = type, .kind = kind};
    memcpy(m.key, key, strnlen(key, sizeof m.key - 1));
    return m;
}

static void say_ready(og_status status, const struct og_error *err)
{
    struct og_message m = {.type = OG_SAY_READY, .number = (uint64_t)status};
    if (status != OG_OK) m.size = strlen(err->text) + 1;
    og_rank_send(ROOT, &m, err->text);
}

static void say_bye(void)
{
    const struct og_message m = {.type = OG_SAY_BYE};
    og_rank_send(ROOT, &m, NULL);
}

void og_worker_fail(og_status status, const struct og_error *err)
{
    say_ready(status, err);
    for (;;) {
        int from;
        struct og_message m;
        void *payload;
        og_status received;
        if (og_rank_receive(&from, &m, &payload, &received)) {
            og_free(payload);
            if (m.type == OG_SAY_LEAVE) break;
        }
        og_rank_wait();
    }
    say_bye();
}

// --- instead of a journal ------------------------------------------------------------

og_status og_worker_put(struct og_job *job, uint32_t kind, const char *key,
                        const void *data, size_t size, struct og_error *err)
{
    struct og_message m = about(OG_SAY_PUT, kind, key);
    (void)job, (void)err;  // whether it can be stored, rank 0 finds out
    m.size = size;
    og_rank_send(ROOT, &m, data);
    return OG_OK;
}

void og_worker_drop(struct og_job *job, uint32_t kind, const char *key)
{
    const struct og_message m = about(OG_SAY_DROP, kind, key);
    (void)job;
    og_rank_send(ROOT, &m, NULL);
}

// What rank 0 says beside answers and tasks.
static void take_order(struct og_link *link, const struct og_message *m)
{
    if (m->type == OG_SAY_STOP && link->signal == 0) link->signal = (int)m->number;
    if (m->type == OG_SAY_LEAVE) link->leave = true;
}

static bool ask(const struct og_job *job, enum og_message_type type, uint32_t kind,
                const char *key, struct og_entry *entry)
{
    const struct og_message question = about(type, kind, key);
    *entry = (struct og_entry){.kind = kind};
    og_rank_send(ROOT, &question, NULL);
    while (!job->link->leave) {
        int from;
        struct og_message m;
        void *payload;
        og_status status;
        if (!og_rank_receive(&from, &m, &payload, &status)) {
            og_rank_wait();
            continue;
        }
        if (m.type != OG_SAY_ENTRY) {
            take_order(job->link, &m);
            og_free(payload);
            continue;
        }
        memcpy(entry->key, m.key, sizeof entry->key);
        entry->data = payload;
        entry->size = (size_t)m.size;
        return m.number != 0 && status == OG_OK;
    }
    return false;
}

bool og_worker_get(const struct og_job *job, uint32_t kind, const char *key,
                   struct og_entry *entry)
{
    return ask(job, OG_SAY_GET, kind, key, entry);
}

bool og_worker_has(const struct og_job *job, uint32_t kind, const char *key)
{
    struct og_entry entry;
    return ask(job, OG_SAY_HAS, kind, key, &entry);
}

void og_worker_listen(const struct og_job *job)
{
    int from;
    struct og_message m;
    void *payload;
    og_status status;
    const int own = job->o->signal ? *job->o->signal : 0;
    if (own != 0 && job->link->signal == 0) job->link->signal = own;
    // A worker with a task gets no other message than this.
    if (!og_rank_receive(&from, &m, &payload, &status)) return;
    take_order(job->link, &m);
    og_free(payload);
}

// --- progress ------------------------------------------------------------------------

static void tell(struct og_link *link)
{
    const struct og_message m = {.type = OG_SAY_WORK, .size = sizeof link->work};
    if (link->work.samples > 0) og_rank_send(ROOT, &m, &link->work);
    link->work.samples = link->work.seconds = link->work.cpu = 0;
    link->told = og_meter_now();
}

static void relay(void *user, const struct og_work_done *w)
{
    struct og_link *link = user;
    if (link->work.work != w->work) tell(link);
    const double samples = link->work.samples + w->samples,
                 seconds = link->work.seconds + w->seconds, cpu = link->work.cpu + w->cpu;
    link->work = *w;
    link->work.samples = samples;
    link->work.seconds = seconds;
    link->work.cpu = cpu;
    if (og_meter_now() - link->told >= tell_every) tell(link);
}

// --- tasks ---------------------------------------------------------------------------

bool og_worker_wants(const struct og_link *link, size_t point, size_t trial)
{
    if (trial < link->first || trial >= link->first + link->trials) return false;
    for (size_t i = 0; i < link->points; i++)
        if (link->point[i] == point)
            return link->wanted[i * link->trials + trial - link->first] != 0;
    return false;
}

// Which of the trainings of a point others have done.
static void look_up(struct og_job *job, size_t point)
{
    const uint32_t of[] = {job->training_of[point], job->source_of[point]};
    for (int i = 0; i < 2; i++) {
        if (of[i] == OG_NO_SOURCE || job->training[of[i]].done) continue;
        job->training[of[i]].done =
            og_job_has(job, OG_ENTRY_MODEL, job->training[of[i]].key);
    }
    og_compressions_look_up(job, point);
}

static og_status evaluate(struct og_job *job, const struct og_message *m,
                          const void *payload, struct og_error *err)
{
    struct og_link *link = job->link;
    link->first = (size_t)m->first;
    link->trials = (size_t)m->trials;
    link->points = (size_t)m->number;
    link->point = payload;
    link->wanted = (const uint8_t *)(link->point + link->points);
    OG_TRY(og_job_train_source(job, err));
    OG_TRY(og_job_train(job, err));
    OG_TRY(og_job_compress(job, err));
    return og_job_evaluate(job, err);
}

static og_status work(struct og_job *job, const struct og_message *m, const void *payload,
                      struct og_error *err)
{
    OG_TRY(og_job_stop(job, err));
    OG_TRY(og_job_go(job, (size_t)m->point, err));
    og_meter_skip(&job->meter);
    look_up(job, (size_t)m->point);
    switch (m->type) {
    case OG_SAY_TRAIN:
        return m->number == job->training_of[m->point] ? og_job_train(job, err)
                                                       : og_job_train_source(job, err);
    case OG_SAY_COMPRESS:
        OG_TRY(og_job_train(job, err));
        return og_job_compress(job, err);
    case OG_SAY_EVALUATE:
        return evaluate(job, m, payload, err);
    default:
        assert(!"rank 0 sends no other tasks");
        return OG_FAILED;
    }
}

static void say_hello(const char *text)
{
    const struct og_message m = {.type = OG_SAY_HELLO, .size = strlen(text) + 1};
    og_rank_send(ROOT, &m, text);
}

static og_status one_task(struct og_job *job, const struct og_message *m,
                          const void *payload, og_status received)
{
    struct og_error err = {0};
    const og_status status = received != OG_OK
                                 ? og_fail(&err, received, "no memory for a task")
                                 : work(job, m, payload, &err);
    tell(job->link);
    say_ready(status, &err);
    return status;
}

static og_status serve(struct og_job *job)
{
    og_status last = OG_OK;
    bool told = false;
    while (!job->link->leave) {
        int from;
        struct og_message m;
        void *payload;
        og_status status;
        const int own = job->o->signal ? *job->o->signal : 0;
        if (own != 0 && !told && last == OG_OK) {  // an idle worker may be stopped, too
            struct og_error err = {0};
            job->link->signal = own;
            last = og_job_stop(job, &err);
            say_ready(last, &err);
            told = true;
        }
        if (!og_rank_receive(&from, &m, &payload, &status)) {
            og_rank_wait();
            continue;
        }
        if (m.type == OG_SAY_STOP || m.type == OG_SAY_LEAVE)
            take_order(job->link, &m);
        else
            last = one_task(job, &m, payload, status);
        og_free(payload);
    }
    return last;
}

og_status og_worker_run(struct og_job *job, struct og_error *err)
{
    struct og_link link = {.told = og_meter_now()};
    char *text = og_experiment_text(job->e);
    if (!text) return og_fail(err, OG_NO_MEMORY, "out of memory");
    job->link = &link;
    job->meter.relay = relay;
    job->meter.user = &link;
    say_hello(text);
    free(text);
    const og_status status = serve(job);
    say_bye();
    og_job_forget(job);
    job->link = NULL;
    return status;
}
