// SPDX-License-Identifier: GPL-3.0-or-later
// Sums over passes run in double and in the order of the passes, sample by sample, so
// that no batch split changes a bit. Ties go to the smaller class.
//
// The loss of a vote is the cross-entropy of what it decides by: of the mean probability,
// -log(1/N sum exp(-loss_k)), or of the mean logits. Votes for a class are no
// probabilities (none of N may be for the label): their loss is the mean of the passes'.
#include "learn/vote.h"

#include <math.h>
#include <string.h>

#include "base/elementary.h"
#include "base/mem.h"

og_status og_tally_init(struct og_tally *t, size_t samples, int classes,
                        const struct og_ballot *ballot, size_t ballots,
                        struct og_error *err)
{
    const size_t each = (size_t)classes;
    *t = (struct og_tally){.classes = classes, .samples = samples};
    t->loss = og_alloc(samples, sizeof *t->loss);
    t->likelihood = og_alloc(samples, sizeof *t->likelihood);
    bool good = t->loss && t->likelihood;
    for (size_t b = 0; good && b < ballots; b++) {
        double **sum = &t->sum[ballot[b].rule];
        if (!*sum) *sum = og_alloc(samples * each, sizeof **sum);
        good = *sum != NULL;
    }
    if (good) return OG_OK;
    og_tally_clear(t);
    return og_fail(err, OG_NO_MEMORY, "no memory for votes on %zu samples", samples);
}

void og_tally_clear(struct og_tally *t)
{
    for (int rule = 0; rule < OG_VOTES; rule++) og_free(t->sum[rule]);
    og_free(t->loss);
    og_free(t->likelihood);
    *t = (struct og_tally){0};
}

void og_tally_start(struct og_tally *t)
{
    const size_t each = (size_t)t->classes;
    t->passes = 0;
    for (int rule = 0; rule < OG_VOTES; rule++)
        if (t->sum[rule]) memset(t->sum[rule], 0, t->samples * each * sizeof(double));
    for (size_t i = 0; i < t->samples; i++) {
        t->loss[i] = 0.0;
        t->likelihood[i] = -INFINITY;
    }
}

static int largest(const double *value, int n)
{
    int best = 0;
    for (int j = 1; j < n; j++)
        if (value[j] > value[best]) best = j;
    return best;
}

static int largest_logit(const float *z, int n)
{
    int best = 0;
    for (int j = 1; j < n; j++)
        if (z[j] > z[best]) best = j;
    return best;
}

// log(exp(a) + exp(b)), a or b may be -infinity.
static double log_add(double a, double b)
{
    const double most = fmax(a, b);
    return most == -INFINITY ? most : most + og_log1p(og_exp(fmin(a, b) - most));
}

static void add_sample(struct og_tally *t, const float *z, int label, size_t i)
{
    const size_t at = i * (size_t)t->classes;
    const int best = largest_logit(z, t->classes);
    double all = 0.0;
    for (int j = 0; j < t->classes; j++) all += og_exp((double)z[j] - (double)z[best]);
    const double loss = og_log(all) - ((double)z[label] - (double)z[best]);
    t->loss[i] += loss;
    t->likelihood[i] = log_add(t->likelihood[i], -loss);
    double *votes = t->sum[OG_VOTE_MAJORITY], *p = t->sum[OG_VOTE_SOFTMAX];
    double *logits = t->sum[OG_VOTE_LOGITS];
    if (votes) votes[at + (size_t)best] += 1.0;
    for (int j = 0; p && j < t->classes; j++)
        p[at + (size_t)j] += og_exp((double)z[j] - (double)z[best]) / all;
    for (int j = 0; logits && j < t->classes; j++) logits[at + (size_t)j] += (double)z[j];
}

void og_tally_add(struct og_tally *t, const float *logits, const uint8_t *label, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add_sample(t, logits + i * (size_t)t->classes, label[i], i);
    t->passes++;
}

bool og_tally_hit(const struct og_tally *t, enum og_vote rule, size_t i, int label)
{
    return largest(t->sum[rule] + i * (size_t)t->classes, t->classes) == label;
}

double og_tally_loss(const struct og_tally *t, enum og_vote rule, size_t i, int label)
{
    const double n = t->passes;
    if (rule == OG_VOTE_MAJORITY) return t->loss[i] / n;
    if (rule == OG_VOTE_SOFTMAX) return og_log(n) - t->likelihood[i];
    const double *sum = t->sum[OG_VOTE_LOGITS] + i * (size_t)t->classes;
    const double most = sum[largest(sum, t->classes)];
    double all = 0.0;
    for (int j = 0; j < t->classes; j++) all += og_exp((sum[j] - most) / n);
    return og_log(all) - (sum[label] - most) / n;
}
