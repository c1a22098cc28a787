// SPDX-License-Identifier: GPL-3.0-or-later
// Runs an experiment: data -> train -> program -> evaluate, each stage once per distinct
// key, one record per (point, trial), journal and result file on the way.
// Errors, where a function does not say more: as of config.h, data.h, learn.h and
// results.h.
#ifndef OHMGRID_RUN_H
#define OHMGRID_RUN_H

#include "ohmgrid/config.h"
#include "ohmgrid/results.h"

#ifdef __cplusplus
extern "C" {
#endif

// Where the run stands, for a progress bar.
struct og_progress {
    const char *stage;    // "train plain", "evaluate"
    double fraction;      // 0..1 of all work, by measured cost
    double seconds;       // since the start
    double seconds_left;  // < 0: not known yet
    char detail[96];      // "epoch 2/5 loss 0.41 accuracy 85.2 %"
};

struct og_run_options {
    const char *out, *command, *data;  // OUT.h5; command line for the record; --data
    enum og_journal_mode mode;
    int threads;  // 0: all
    // Only the shard-th of so many parts of the records, from 1; shards 0: all of them.
    int shard, shards;
    void (*progress)(void *user, const struct og_progress *p);
    // Told once, before the work, where reads are solved one by one (wires.mode
    // exact_nonlinear): what that costs, a sentence that holds during the call. NULL: not
    // measured.
    void (*announce)(void *user, const char *text);
    void *user;
    // Looked at between batches and tasks: a signal number stops the run, which then ends
    // with everything finished saved and OG_INTERRUPTED or OG_TERMINATED.
    const volatile int *signal;
    // NULL, or set to the seconds that the journal and o->out took of this process.
    double *storing;
};

// Starts MPI where a launcher (mpirun) has started this process; *rank: its number, 0
// otherwise. After this, og_run spreads over all ranks: all call it with the same
// experiment and options, rank 0 writes. OG_USAGE where a launcher started several
// processes of a build without MPI. og_ranks_end before the process ends.
OG_API og_status og_ranks_start(int *rank, struct og_error *err);
// Ends what og_ranks_start began, if anything.
OG_API void og_ranks_end(void);
// Instead of og_run, of a process that has failed before: the others are told.
OG_API void og_ranks_quit(const struct og_error *err);

// Runs what the journal lacks and writes o->out; borrows both until it returns. OG_INPUT
// for what the experiment or o->out have wrong, OG_IO for files, OG_FAILED for trainings
// that diverge.
OG_API og_status og_run(const og_experiment *e, const struct og_run_options *o,
                        struct og_error *err);

// --- watching a run that another process does ------------------------------------------
// Reads the journal of OUT.h5 without disturbing who writes it.
// Thread-safety: one thread.
typedef struct og_watch og_watch;
struct og_watch_state {
    size_t points, points_done, records, records_done;
    bool started;         // the following are known
    double fraction;      // 0..1 of all work
    double seconds_left;  // < 0: not known
    bool abandoned;       // its process, of this machine, is gone
    bool ended;           // there is no journal any more: OUT.h5 is whole, or was removed
};
// OG_USAGE when there is no journal. og_watch_free.
OG_API og_status og_watch_open(og_watch **watch, const char *out, const char *data,
                               struct og_error *err);
// NULL is accepted.
OG_API void og_watch_free(og_watch *watch);
// Takes up what was written since.
OG_API og_status og_watch_refresh(og_watch *watch, struct og_watch_state *state,
                                  struct og_error *err);
// Who writes, how far it is, and the means of the points that have any record.
OG_API void og_watch_print(const og_watch *watch, FILE *out);

struct og_merge_options {
    const char *out, *command, *data;  // as in og_run_options
    enum og_journal_mode mode;         // NEW or FORCE
};
// Joins finished shards (og_run_options.shard), and journals of unfinished runs, of one
// experiment into the result that one run would have written. OG_INPUT where the inputs
// are of different experiments (naming the keys) or disagree about an entry. Where
// records are missing: OG_INPUT, naming them, with OUT and its journal left behind, so
// that a run with OG_JOURNAL_RESUME computes the rest.
OG_API og_status og_merge(const char *const *in, size_t n,
                          const struct og_merge_options *o, struct og_error *err);

// The axis of a sweep (og_overrides.axis, the caller frees it with free()) over variants
// of the hardware: all effects, none (ideal), each effect that is on anywhere alone, all
// but that one, and the same for each layer. Opens the data sets, which decide what the
// network is. `data` as in og_run_options.
OG_API og_status og_attribution_axis(const og_experiment *e, const char *data,
                                     char **axis, struct og_error *err);

#ifdef __cplusplus
}
#endif
#endif
