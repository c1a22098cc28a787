// SPDX-License-Identifier: GPL-3.0-or-later
// One run of an experiment, from reading the journal to the last record. Shared by run.c
// (the order of things), stages.c (training), chips.c, place.c and polls.c (evaluation),
// entries.c (what the journal holds), output.c (the result file) and progress.c.
#ifndef OG_EXPERIMENT_JOB_H
#define OG_EXPERIMENT_JOB_H

#include "ohmgrid/cpu.h"
#include "ohmgrid/data.h"
#include "ohmgrid/learn.h"
#include "ohmgrid/model.h"
#include "ohmgrid/probe.h"
#include "ohmgrid/run.h"

// --- progress (progress.c) -------------------------------------------------------
// Work is counted in samples and weighed by what a sample has cost so far.
enum og_work { OG_WORK_TRAIN, OG_WORK_EVALUATE, OG_WORKS };

struct og_work_done {
    uint32_t work;  // enum og_work
    double samples, seconds;
    double cpu;  // [s] that the process took since it last told, all threads
    char stage[96], detail[96];
};

struct og_meter {
    void (*report)(void *user, const struct og_progress *p);
    void (*relay)(void *user, const struct og_work_done *w);  // instead, of a worker
    void *user;
    void (*keep)(void *keeper, const struct og_progress *p);  // for who watches
    void *keeper;
    int workers;                 // that do the work side by side; 0: one
    double start, mark;          // [s] of the run; of the present piece of work
    double cpu_start, cpu_mark;  // [s] of the process, likewise
    double cpu_workers;          // [s] of other processes that did work
    struct {
        double left, done, seconds;  // samples, samples, time that these took
    } work[OG_WORKS];
};

double og_meter_now(void);  // [s] of a clock that never goes back
void og_meter_init(struct og_meter *m, const struct og_run_options *o);
// The time since the last call (of either) belongs to other things.
void og_meter_skip(struct og_meter *m);
// `samples` of a kind were done since; tells the caller of the run.
void og_meter_add(struct og_meter *m, enum og_work work, double samples,
                  const char *stage, const char *detail);
// Work that another process has done.
void og_meter_take(struct og_meter *m, const struct og_work_done *w);
// Of the run, or of a part of it.
struct og_spent {
    double seconds, cpu;  // by the clock; user and system, all threads and workers
};
struct og_spent og_meter_spent(const struct og_meter *m);
double og_meter_fraction(const struct og_meter *m, double *seconds_left);

// --- journal entries (entries.c) -------------------------------------------------
enum og_entry_kind {
    OG_ENTRY_CHECKPOINT = 1,  // bytes of a trainer, by training key
    OG_ENTRY_MODEL,           // a trained model, by training key
    OG_ENTRY_RECORD,          // one (point, trial), by "point/trial"
    OG_ENTRY_CHIP,            // conductances of trial 0 of a point, by "point"
    OG_ENTRY_LAYERS,          // what was measured of each matrix, by "point/trial"
    OG_ENTRY_REPORT,          // of a round of compression or a training, by its key
    OG_ENTRY_TRACES,          // of recurrent layers step by step, by "point/trial"
    OG_ENTRY_WRITING,   // how devices of trial 0 of a point were written, by "point"
    OG_ENTRY_FAULTS,    // which of them are stuck, by "point"
    OG_ENTRY_ERRORS,    // by how much its weights are off, by "point"
    OG_ENTRY_PROGRESS,  // struct og_progress_entry, for who watches; key ""
    OG_ENTRY_SPENT,     // struct og_spent, by all parts so far; key ""
};

struct og_progress_entry {
    double fraction, seconds, seconds_left;
    char stage[96], detail[96];
};

struct og_record {
    uint64_t samples;
    double accuracy, loss;
    double clean;    // accuracy before the attack; NaN: there is none
    uint8_t bits[];  // [(samples + 7) / 8]: sample s in bit s % 8 of byte s / 8
};

struct og_tensor_record {
    char path[120];                 // node/name
    uint64_t rank, dim[4], offset;  // in the values
};

// Parts of a model or chip entry, borrowed from its bytes.
struct og_tensors {
    size_t epochs, tensors, values;
    const struct og_curve *curve;
    const struct og_tensor_record *tensor;
    const float *value;  // of a model: parameters, then state
};

struct og_job;
void og_record_key(size_t point, size_t trial, char key[40]);
og_status og_put_model(struct og_job *job, const char *key, og_model *model,
                       const struct og_curve *curve, size_t epochs, struct og_error *err);
og_status og_put_chip(struct og_job *job, size_t point, const og_exec *exec,
                      struct og_error *err);
// Nothing, where the probe follows no recurrent layer.
og_status og_put_traces(struct og_job *job, size_t point, size_t trial,
                        const og_probe *probe, struct og_error *err);
og_status og_put_faults(struct og_job *job, size_t point, const og_exec *exec,
                        struct og_error *err);
og_status og_put_errors(struct og_job *job, size_t point, og_exec *exec,
                        struct og_error *err);
// Nothing, where no matrix is written by pulses.
og_status og_put_writing(struct og_job *job, size_t point, const og_exec *exec,
                         struct og_error *err);
// An entry of tensors and values, all 0, to be filled between the two; the end frees it,
// also where it fails. The path of a tensor is "node/name", or "node" (name NULL).
struct og_entry_writer {
    size_t tensors, values;
    struct og_tensor_record *tensor;
    float *value;
    void *bytes;
};
og_status og_entry_begin(struct og_entry_writer *w, struct og_error *err);
og_status og_entry_end(struct og_entry_writer *w, struct og_job *job,
                       enum og_entry_kind kind, const char *key, struct og_error *err);
void og_entry_name(struct og_tensor_record *r, const char *node, const char *name);
// What is wrong after og_journal_get found nothing, where there must be something: `what`
// and `name` say whose entry it is.
og_status og_entry_missing(const struct og_entry *entry, const char *what,
                           const char *name, struct og_error *err);
// false when the bytes are not such an entry.
bool og_tensors_view(const struct og_entry *entry, struct og_tensors *t);

// --- the run ---------------------------------------------------------------------
struct og_training {
    char key[33], name[16];  // name: m0, m1, ... in order of first use
    bool done, planned;      // planned: its work is in the meter
};

// Rounds of compression (compress.c): models and checkpoints of theirs lie in the journal
// like those of trainings.
struct og_compression {
    char key[33], name[16];  // name: c0, c1, ... in order of first use
    size_t point, round;     // the first point that uses it; from 1
    bool done;
};
struct og_compressions {
    size_t n;
    struct og_compression *one;
    size_t *of;   // [points]: number + 1 of the last round; 0: none
    size_t held;  // number + 1 of the one that job->model holds; 0: as it was trained
};

enum { OG_ACCURACY, OG_LOSS, OG_METRICS };
#define OG_NO_SOURCE UINT32_MAX

// Every matrix of every network that was evaluated (layers.c).
enum { OG_LAYER_NAME = 64 };
struct og_layer {
    char name[OG_LAYER_NAME];
    size_t point, place;  // first point that has it, and its place in that network
    double *value;        // [OG_LAYER_METRICS][points][trials]
    double *part;  // [OG_PART_METRICS][points][trials][OG_COST_PARTS]; NULL: no prices
};
struct og_layers {
    size_t n;
    struct og_layer *layer;
};

struct og_link;     // to rank 0 (ranks.h)
struct evaluation;  // of the present point (place.h)

// What is solved read by read (newton.c).
struct og_newton {
    double left[OG_WORKS];  // samples
    size_t point;           // the first such point
    bool trains;            // whether it is its training that is so
};

struct og_job {
    const og_experiment *e;
    const struct og_run_options *o;
    og_journal *journal;
    struct og_link *link;  // of a worker, instead of a journal and of tables; or NULL
    bool stored;           // the journal holds something
    bool whole;            // nothing is left to do
    size_t points, trials;
    enum og_isa isa;  // of the kernels, unless fixed
    bool fixed;       // whether they were before the run
    struct og_meter meter;
    struct og_newton newton;

    size_t trainings;
    struct og_training *training;  // [trainings]
    uint32_t *training_of;         // [points]
    uint32_t *source_of;           // [points]: of what attacks; OG_NO_SOURCE: nothing
    struct og_compressions compressions;
    size_t *group;             // [points]: the first point that the same passes answer
    size_t *next;              // [points]: the next such point; SIZE_MAX: none
    struct og_ballot *ballot;  // [points]
    size_t *limit;             // [points]: trials wanted so far (stop.half_width)
    uint8_t *mine;             // [points][trials]: of this shard; NULL: all

    // Of the present point.
    size_t point;
    struct og_config config;
    struct og_data_spec spec[2];  // by enum og_split
    struct og_dataset *set[2];
    size_t shortened[2];  // of all points so far, the most
    og_model *model;
    size_t loaded;            // training + 1 that `model` holds; 0: none
    struct evaluation *kept;  // of a worker, for its next block of this point
    char stage[96];

    // Records so far.
    double *value;     // [OG_METRICS][points][trials]
    double *clean;     // [points][trials]: accuracy without the attack, or NaN
    uint8_t *done;     // [points][trials]
    uint8_t *correct;  // [points][trials][(samples + 7) / 8]
    size_t samples;    // 0: no record yet
    bool mixed;        // points with test sets of different size: no bits
    struct og_layers layers;
    double written, write_cost;  // [s] when the result file was last written; how long
    double storing;              // [s] that journal and result file have taken
    struct og_spent before;      // by parts of the run that were interrupted, or shards
    double noted;                // [s] when progress was last put into the journal
};

// A job of an experiment without its journal; og_job_free accepts NULL.
og_status og_job_alloc(struct og_job **job, const og_experiment *e,
                       const struct og_run_options *o, struct og_error *err);
void og_job_free(struct og_job *job);
// What the journal holds into the tables.
og_status og_job_load_all(struct og_job *job, struct og_error *err);

// Makes `point` the present one: its configuration, kernels and data sets.
og_status og_job_go(struct og_job *job, size_t point, struct og_error *err);
// The most streams of text of its two sets.
static inline size_t og_job_streams(const struct og_job *job)
{
    const size_t a = job->set[OG_TRAIN]->streams, b = job->set[OG_TEST]->streams;
    return a > b ? a : b;
}
// Takes a record into the tables.
og_status og_job_take(struct og_job *job, size_t point, size_t trial,
                      const struct og_record *record, struct og_error *err);
// --- what there is to do (tasks.c) -------------------------------------------------
// job->limit and job->mine.
og_status og_job_find_tasks(struct og_job *job, struct og_error *err);
// Whether this record is to be computed here and is not there yet.
bool og_job_wants(const struct og_job *job, size_t point, size_t trial);
size_t og_job_missing(const struct og_job *job, size_t point);
// Of a point whose wanted trials are done: raises job->limit, unless its rule to stop
// says that they are enough.
og_status og_job_settle(struct og_job *job, size_t point, struct og_error *err);
// "3/16", or "" where the run is no shard.
void og_job_shard_text(const struct og_job *job, char text[32]);

// --- what is solved read by read (newton.c) -------------------------------------------
// So many samples are to be trained on and evaluated at the present point.
og_status og_newton_plan(struct og_job *job, double train, double evaluate,
                         struct og_error *err);
// Tells what that costs, by a measurement, where there is any of it.
og_status og_newton_announce(struct og_job *job, struct og_error *err);

// --- entries of the journal (store.c) ------------------------------------------------
og_status og_job_put(struct og_job *job, uint32_t kind, const char *key, const void *data,
                     size_t size, struct og_error *err);
// As og_journal_get; the caller releases it.
bool og_job_get(const struct og_job *job, uint32_t kind, const char *key,
                struct og_entry *entry);
// What the journal says of parts before this one into job->before.
void og_job_load_spent(struct og_job *job);
// So far, by all parts; and the same into the journal.
struct og_spent og_job_spent(const struct og_job *job);
void og_job_put_spent(struct og_job *job);
bool og_job_has(const struct og_job *job, uint32_t kind, const char *key);
void og_job_drop(struct og_job *job, uint32_t kind, const char *key);

// The same of an entry's bytes.
og_status og_job_take_record(struct og_job *job, size_t point, size_t trial,
                             const struct og_entry *entry, struct og_error *err);
// What a worker has kept.
void og_job_forget(struct og_job *job);
// Becomes the number of the signal that asks to stop.
const volatile int *og_job_signal(const struct og_job *job);
// OG_OK, or OG_INTERRUPTED or OG_TERMINATED when a signal asks to stop.
og_status og_job_stop(const struct og_job *job, struct og_error *err);

// stages.c: the trained model of the present point in job->model.
og_status og_job_train(struct og_job *job, struct og_error *err);
// The training whose network attacks that of the present point, if it is not done yet.
og_status og_job_train_source(struct og_job *job, struct og_error *err);
// Weights and state of a journal entry into a model of the present point.
og_status og_job_load_into(const struct og_job *job, const char *key, const char *name,
                           og_model *model, struct og_error *err);
// chips.c: the missing records of the present point, and of those that the same passes
// answer.
og_status og_job_evaluate(struct og_job *job, struct og_error *err);
// polls.c: job->group and ballot.
og_status og_job_find_polls(struct og_job *job, struct og_error *err);
// Passes that a chip of a point still needs; 0 where those of an earlier point answer it.
size_t og_job_passes(const struct og_job *job, size_t point, size_t trial);
// What the training of the present point starts from instead of random weights, if the
// experiment names a file.
og_status og_job_load_weights(const struct og_job *job, og_model *model,
                              struct og_error *err);
// Weights and state of a journal entry into job->model.
og_status og_job_load(struct og_job *job, const char *key, const char *name,
                      struct og_error *err);

// output.c
og_status og_job_write(struct og_job *job, struct og_error *err);
// The same, when the last time is long enough ago.
og_status og_job_write_now_and_then(struct og_job *job, struct og_error *err);

#endif
