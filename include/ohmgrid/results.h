// SPDX-License-Identifier: GPL-3.0-or-later
// Nothing finished is lost: an append-only journal while an experiment runs, and a whole
// HDF5 file, produced by rename, at intervals and at the end. Knows records, not
// experiments.
// Errors, where a function does not say more: OG_USAGE for a path that cannot be read or
// written or a file that is no result, OG_INPUT for a damaged one, OG_IO when the disk
// fails or is full, OG_FAILED where another program is missing (gnuplot), OG_NO_MEMORY.
#ifndef OHMGRID_RESULTS_H
#define OHMGRID_RESULTS_H

#include <stdint.h>
#include <stdio.h>

#include "ohmgrid/config.h"

#ifdef __cplusplus
extern "C" {
#endif

// --- journal -------------------------------------------------------------------------
// OUT.journal: a header with schema and the experiment's effective text, then entries
// (kind, key, payload, CRC-32). Locked with flock while open; a torn tail is dropped.
// Thread-safety: one thread.
typedef struct og_journal og_journal;

enum og_journal_mode {
    OG_JOURNAL_NEW,     // OG_USAGE when OUT or its journal exists
    OG_JOURNAL_FORCE,   // replaces both
    OG_JOURNAL_RESUME,  // continues either; anew when there is none; OG_USAGE when it is
                        // of another experiment, naming the keys that differ
};
// `out`: path of OUT.h5; copies it and the text. Also proves that OUT can be written.
// OG_USAGE when another process holds the lock. An old OUT stays until og_result_write
// replaces it by a whole new one; RESUME with OUT of this experiment but no journal
// starts an empty journal (whether there is anything left to do, og_result_complete
// says).
OG_API og_status og_journal_open(og_journal **journal, const char *out, const char *text,
                                 enum og_journal_mode mode, struct og_error *err);
// Closes and unlocks; `remove` deletes it (only after OUT.h5 is whole).
OG_API void og_journal_close(og_journal *journal, bool remove);

struct og_entry {
    uint32_t kind;
    char key[40];
    const void *data;
    size_t size;
};
// Later entries replace earlier ones of the same (kind, key). fsync at most a second
// apart; rewritten without replaced entries when these dominate.
OG_API og_status og_journal_put(og_journal *journal, uint32_t kind, const char *key,
                                const void *data, size_t size, struct og_error *err);
// The newest entry, read from the journal; `data` is the caller's (og_journal_release).
// false: there is none that can be read (size 0), or no memory for its `size` bytes.
OG_API bool og_journal_get(og_journal *journal, uint32_t kind, const char *key,
                           struct og_entry *entry);
OG_API void og_journal_release(struct og_entry *entry);
// Forgets an entry.
OG_API void og_journal_drop(og_journal *journal, uint32_t kind, const char *key);
OG_API og_status og_journal_sync(og_journal *journal, struct og_error *err);
// The bytes of a journal that holds nothing but the live entries, for og_result.journal;
// og_result_write copies them.
OG_API og_status og_journal_image(og_journal *journal, void **bytes, size_t *size,
                                  struct og_error *err);
// Frees what og_journal_image gave; NULL is accepted.
OG_API void og_journal_image_free(void *bytes);

// --- journals that are only read -------------------------------------------------------
// Opens a journal without lock, also while another process writes it, or the journal in
// the file of a shard. For _text, _writer, _entries, _entry, _get, _refresh and _close
// (remove: false), which frees it. OG_INPUT when there is none in `path`, or its header
// is torn.
OG_API og_status og_journal_read(og_journal **journal, const char *path,
                                 struct og_error *err);
// The experiment text; the journal's.
OG_API const char *og_journal_text(const og_journal *journal);
// Who writes it, or did last: "process 7 on host since 2026-01-31T12:00:00Z"; "" where it
// does not say.
enum { OG_WRITER = 124 };
OG_API void og_journal_writer(const og_journal *journal, char writer[OG_WRITER]);
// How many there are, in the order of their first appearance; new ones get the next
// numbers.
OG_API size_t og_journal_entries(const og_journal *journal);
// One of them; false, as og_journal_get, where it was dropped or cannot be read.
OG_API bool og_journal_entry(og_journal *journal, size_t i, struct og_entry *entry);
// Takes up what was written since. *replaced: the path names another file by now, or
// none; this one has nothing new.
OG_API og_status og_journal_refresh(og_journal *journal, bool *replaced,
                                    struct og_error *err);

// --- result file ---------------------------------------------------------------------
struct og_metric {
    const char *name, *units, *long_name;
};

// What was measured of one matrix of the network: group /layers/<name>.
struct og_layer_values {
    const char *name;     // without '/'
    const double *value;  // [layer_metrics][point][trial]; NaN where there is none
    const double *part;   // [part_metrics][point][trial][part]; NULL: nothing of parts
};

// A weight or other array to store: group/name.
struct og_blob {
    const char *path;  // "model/<key>/lstm1/W"
    int rank;
    size_t dim[4];
    const float *data;
    const char *units;
    bool codes;  // whole numbers, written as int8
};
// One round of compression: group /compress/<key>.
struct og_compress_values {
    const char *key, *training;  // training: key of the curve set that it began from
    uint64_t round;              // from 1
    size_t updates, sets;
    const char *const *set;  // [sets]: "node/tensor kind"
    const double *rho;       // [updates]
    const double *residual;  // [updates][sets]
    const double *change;    // [updates][sets]
    size_t tensors;
    const char *const *tensor;      // [tensors]
    const double *weights, *kept;   // [tensors]
    const double *storage_values;   // [tensors] bits of weights, on hardware without bits
    const double *storage_indices;  // [tensors] bits that say where they are
    const char *const *coding;      // [tensors]: how these do it
    size_t epochs[2];               // of ADMM, of retraining
    const double *loss[2], *accuracy[2], *lr[2];
    size_t limits, tries;           // of a search of activation limits
    const char *const *relu;        // [limits]
    const double *limit, *largest;  // [limits]: found; largest output
    const double *tried, *area;     // [limits][tries]
};
struct og_curve_set {
    const char *key;  // /train/<key>/loss, accuracy, learning_rate
    size_t epochs;
    const double *loss, *accuracy, *lr;
};

struct og_result {
    // root attributes
    uint64_t seed;
    const char *experiment, *command, *title;
    const char *shard;  // "3/16"; NULL: the whole experiment
    bool complete;      // nothing is left to do, of the shard or the whole
    // /results
    size_t axes;
    const struct og_axis *const *axis;
    size_t trials;
    size_t metrics;
    const struct og_metric *metric;
    const double *value;  // [metric][point][trial]; NaN where not done
    const uint8_t *done;  // [point][trial]
    // which trained model each point used: index into curves; may be NULL
    const uint32_t *trained;
    // correct[point][trial][(samples + 7) / 8], sample s in bit s % 8 of byte s / 8, for
    // the bootstrap; may be NULL
    const uint8_t *correct;
    size_t samples;
    // /layers
    size_t layer_metrics, layers;
    const struct og_metric *layer_metric;
    const struct og_layer_values *layer;
    size_t part_metrics, parts;  // what layers have of each part of their hardware
    const struct og_metric *part_metric;
    const char *const *part;  // [parts]: names
    // /train, /model, /chip
    size_t curves;
    const struct og_curve_set *curve;
    size_t blobs;
    const struct og_blob *blob;
    // /compress; in /results, where `compressed` is not NULL: its last round at each
    // point (position, -1: none), and what is known of the network whatever the chip
    size_t compressions;
    const struct og_compress_values *compression;
    const int64_t *compressed;
    size_t point_metrics;
    const struct og_metric *point_metric;
    const double *point_value;  // [metric][point]; NaN where not done
    // /shard
    const void *journal;  // of a finished shard, by og_journal_image; NULL: none
    size_t journal_size;
    // /run
    double seconds, cpu_seconds;
    int threads;
    // Training and test sequences that lost their end (data.steps), the most of any point
    // that this run computed.
    size_t shortened[2];
};

// Writes OUT through a temporary file, fsync and rename. Adds <metric>_mean, _low, _high
// over chips (95 % t interval), accuracy_total_low/high (two-way bootstrap over chips and
// test samples), dimension scales, units, provenance.
OG_API og_status og_result_write(const char *out, const struct og_result *r,
                                 struct og_error *err);

// The experiment text that a result file was made from; the caller frees it (free()).
// OG_USAGE when `path` is no result file.
OG_API og_status og_result_experiment(const char *path, char **text,
                                      struct og_error *err);
// *complete: whether nothing is left to do that the run which wrote the file had to do:
// every (point, trial), or those of its shard, or as many as its rule to stop asks for.
OG_API og_status og_result_complete(const char *path, bool *complete,
                                    struct og_error *err);
// The shard that a result file is ("3/16"; the caller frees it with free()), or NULL.
OG_API og_status og_result_shard(const char *path, char **shard, struct og_error *err);

// Checks a result, model or shard file of ohmgrid: the checksum of every dataset, that
// none is missing, and of a result the schema (scales on every axis, values where `done`
// says so and nowhere else, whole training curves, a journal that can be read). Prints
// one line per fault, then a summary; *good: there was none. Files of versions without
// checksums are good, and said to have none.
OG_API og_status og_result_verify(const char *path, FILE *out, bool *good,
                                  struct og_error *err);

// Prints a table of the means with intervals, one line per point.
OG_API og_status og_result_show(const char *path, FILE *out, struct og_error *err);
// The same of /layers, one line per point and matrix. OG_INPUT when there is none.
OG_API og_status og_result_show_layers(const char *path, FILE *out, struct og_error *err);
// What each part of the hardware (enum og_cost_part) takes, one line per point and part
// with the sums at the end, over all matrices. OG_INPUT when nothing was priced, as in
// files of versions without parts.
OG_API og_status og_result_show_parts(const char *path, FILE *out, struct og_error *err);
// One sentence on what of a result not to trust: the layer whose read noise behind wires
// is furthest from that of adjoint circuits (/layers wire_noise, means over chips), where
// that is more than 10 %, and what to do; the caller frees it with free(). NULL: nothing,
// also where there is no /layers.
OG_API og_status og_result_warning(const char *path, char **text, struct og_error *err);
// As og_result_show, of /traces (output.trace): one line per point, recurrent layer and
// time step.
OG_API og_status og_result_show_traces(const char *path, FILE *out, struct og_error *err);
// What each effect and each layer costs, of a result with the axis of
// og_attribution_axis: one line per part and point of the other axes. OG_INPUT when there
// is no such axis.
OG_API og_status og_result_show_attribution(const char *path, FILE *out,
                                            struct og_error *err);
// Compares /results, /train, /compress, /model, /chip, /layers, /traces by names, types,
// shapes and values. *same = false and the differences on `out` (at most 20 lines) when
// they differ.
OG_API og_status og_result_diff(const char *a, const char *b, FILE *out, bool *same,
                                struct og_error *err);
// Paired differences: of two files point by point, or of one file along an axis against
// its first value. Pairs are training seeds, where one axis is train.seed (each the mean
// over its chips), else chips. A line per pair of points: means, difference with its 95 %
// t interval, and whether B is shown to differ, or (margin > 0) to be worse by less than
// it (higher is better for accuracies, lower for all else).
struct og_compare {
    const char *a, *b;   // b NULL: along `axis` of a
    const char *axis;    // NULL with b
    const char *metric;  // "accuracy"
    double margin;       // in units of the metric; 0: none
};
// Writes these lines to `out`. OG_USAGE: a file, axis or metric that is not there, or
// files whose points cannot be paired.
OG_API og_status og_result_compare(const struct og_compare *o, FILE *out,
                                   struct og_error *err);
// Draws through gnuplot: PNG, SVG or PDF by the ending of `figure`.
enum og_plot_kind {
    OG_PLOT_LINES,  // a metric with a band per value of `series` against `x`; the
                    // remaining axes become panels. Of a simulated device (switching.h):
                    // column `metric` (current) against `x` (voltage)
    OG_PLOT_MAP,    // the same as colours over x and series
    OG_PLOT_COSTS,  // bars of what og_result_show_attribution prints
    OG_PLOT_TRAINING,      // loss (`metric`) of every training over its epochs
    OG_PLOT_TRACES,        // h_error (`metric`) over the steps of a sequence
    OG_PLOT_CONDUCTANCES,  // histograms of the layers of a stored chip
    OG_PLOT_ERRORS,        // maps of the errors of its weights (output.errors)
    OG_PLOT_LAYERS         // energy (or SNR, `metric`) of each matrix, of /layers
};
struct og_plot {
    enum og_plot_kind kind;
    const char *metric, *x, *series, *title;  // NULL: chosen (accuracy, last axis, ...)
    const char *mean;  // lines, map: over this axis (training seeds), the band its 95 % t
                       // interval; NULL: over chips alone
    const char *layer;  // errors: of this matrix alone; NULL: of all, at most six
    int point;  // traces, conductances, errors, layers: of this sweep point; -1: all, the
                // first
    int width, height;  // pixels; 0: default
};
OG_API og_status og_result_plot(const char *path, const char *figure,
                                const struct og_plot *plot, struct og_error *err);
// One page of HTML for a result file, with figures (through gnuplot), tables, settings
// and provenance, that needs no other file.
OG_API og_status og_result_report(const char *path, const char *out,
                                  struct og_error *err);

#ifdef __cplusplus
}
#endif
#endif
