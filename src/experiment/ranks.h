// SPDX-License-Identifier: GPL-3.0-or-later
// A run spread over processes: rank 0 holds the journal and hands out tasks, the others
// (workers) compute them and send back journal entries. ranks_mpi.c sends the messages,
// scheduler.c is rank 0, worker.c the others.
#ifndef OG_EXPERIMENT_RANKS_H
#define OG_EXPERIMENT_RANKS_H

#include "experiment/job.h"

enum og_message_type {
    // of workers
    OG_SAY_HELLO = 1,  // payload: the effective text of the experiment
    OG_SAY_READY,      // number: og_status of the last task; payload: its error
    OG_SAY_PUT,        // kind, key, payload: an entry
    OG_SAY_DROP,       // kind, key
    OG_SAY_GET,        // kind, key; answered by OG_SAY_ENTRY
    OG_SAY_HAS,        // the same, answered without the payload
    OG_SAY_WORK,       // payload: struct og_work_done
    OG_SAY_BYE,        // the last one, after OG_SAY_LEAVE
    // of rank 0
    OG_SAY_ENTRY,     // number: whether there is one; payload: the entry
    OG_SAY_TRAIN,     // point, number: of the training
    OG_SAY_COMPRESS,  // point
    OG_SAY_EVALUATE,  // point, first, trials; payload: number points, then
                      // [number][trials]: which of them are wanted
    OG_SAY_STOP,      // number: of the signal; the task ends where it can go on
    OG_SAY_LEAVE,
};

struct og_message {
    uint32_t type, kind;
    char key[40];
    uint64_t size;  // of the payload
    uint64_t point, number, first, trials;
};

// 1 where the program was not started by mpirun or the like.
int og_ranks(void);
int og_rank(void);
// Sends a message and its m->size bytes of payload.
void og_rank_send(int to, const struct og_message *m, const void *payload);
// The next message, from whomever; *payload is the caller's (og_free), NULL without any.
// false: none has come. OG_NO_MEMORY in *status: it had more payload than there is memory
// for, and is lost.
bool og_rank_receive(int *from, struct og_message *m, void **payload, og_status *status);
// A rank does not answer any more: og_ranks_end waits for nobody.
void og_rank_give_up(void);
// Lets another process run while there is nothing to do.
void og_rank_wait(void);

// What a worker has instead of a journal (job->link).
struct og_link {
    volatile int signal;
    struct og_work_done work;  // not told yet
    double told;               // [s] when last
    // The present task.
    size_t first, trials, points;
    const uint64_t *point;
    const uint8_t *wanted;  // [points][trials]
    bool leave;             // rank 0 wants no more
};
// All tasks, until rank 0 says that it is enough; the outcome of the last one.
og_status og_worker_run(struct og_job *job, struct og_error *err);
// Tells rank 0 that there will be no worker.
void og_worker_fail(og_status status, const struct og_error *err);
og_status og_worker_put(struct og_job *job, uint32_t kind, const char *key,
                        const void *data, size_t size, struct og_error *err);
bool og_worker_get(const struct og_job *job, uint32_t kind, const char *key,
                   struct og_entry *entry);
bool og_worker_has(const struct og_job *job, uint32_t kind, const char *key);
void og_worker_drop(struct og_job *job, uint32_t kind, const char *key);
bool og_worker_wants(const struct og_link *link, size_t point, size_t trial);
// Looks for a message that says to stop.
void og_worker_listen(const struct og_job *job);

// Hands out all that is missing and takes what comes back.
og_status og_schedule(struct og_job *job, struct og_error *err);
// Sends all workers home. hurry: the run was told to stop, perhaps because one of them is
// dead; waits a second for those that do not answer.
void og_schedule_end(bool hurry);

#endif
