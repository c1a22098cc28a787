// SPDX-License-Identifier: GPL-3.0-or-later
// The stage between training and programming: rounds of compression, each once per
// distinct key of the training and all rounds up to it.
#ifndef OG_EXPERIMENT_COMPRESS_H
#define OG_EXPERIMENT_COMPRESS_H

#include "experiment/job.h"
#include "learn/storage.h"
#include "ohmgrid/compress.h"

// Which compressions the points need.
og_status og_compressions_find(struct og_job *job, struct og_error *err);
// Looks up which of them the journal has.
void og_compressions_load(struct og_job *job);
// The same for the rounds of one point, as others may have done them meanwhile.
void og_compressions_look_up(struct og_job *job, size_t point);
// *number: of the point's round, from 1; false: it has none.
bool og_compression_number(const struct og_job *job, size_t point, size_t round,
                           size_t *number);
// Whether all that are still to be done fit their networks, before anything is computed;
// and how much work they are.
og_status og_compressions_check(struct og_job *job, struct og_error *err);
void og_compressions_clear(struct og_compressions *c);
// The compressed model of the present point in job->model, where the trained one is.
og_status og_job_compress(struct og_job *job, struct og_error *err);

// --- what a round reports (report.c) ---------------------------------------------
enum { OG_REPORT_NAME = 128 };
struct og_report_tensor {
    char name[OG_REPORT_NAME];  // node/tensor
    uint64_t convolution;
    struct og_storage storage;
};
// Parts of a journal entry, borrowed from its bytes.
struct og_report {
    size_t updates, pairs, tensors, epochs[2];  // epochs: of ADMM, of retraining
    const double *rho;                          // [updates]
    const struct og_update *update;             // [updates][pairs]
    const struct og_curve *curve[2];            // [epochs]
    const struct og_report_tensor *tensor;      // [tensors]
    const char (*set)[OG_REPORT_NAME];          // [pairs]: "node/tensor kind"
    size_t limits, tries;                       // of a search of limits
    const double *limit, *largest;              // [limits]
    const double *tried, *area;                 // [limits][tries]
    const char (*relu)[OG_REPORT_NAME];         // [limits]
};
// c NULL: of job->model as it was trained.
og_status og_put_report(struct og_job *job, const char *key, const og_compress *c,
                        struct og_error *err);
// false when the bytes are not such an entry.
bool og_report_view(const struct og_entry *entry, struct og_report *report);
// All weights divided by those kept, of the network or of its convolutions; NaN without.
double og_report_ratio(const struct og_report *report, bool convolutions);

#endif
