// SPDX-License-Identifier: GPL-3.0-or-later
// A probe rides on the passes of an execution: the product of a layer hands it what it
// has just computed. First on a float pass, whose outputs are kept; then on hardware,
// where each output meets the ideal product of its inputs and the output kept.
//
// A matrix is called for several rows of samples, time step by time step; the calls of
// both passes come in the same order. Sums are gathered for each sample and added up in
// the order of samples, so blocks and threads change no bit.
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/elementary.h"
#include "base/mem.h"
#include "nn/trace.h"
#include "ohmgrid/probe.h"

// Rows whose ideal products are computed at once.
enum { ROWS = 32 };

// Of one sample and one matrix.
struct entry {
    size_t at;  // outputs of this pass so far
    double signal, noise, total_signal, total_noise;
    struct og_activity load;  // sums over its reads
};

// Of one block and one matrix.
struct tally {
    uint64_t inputs, dac_clipped;
    struct og_adc_use adc;
    struct og_trace_use traced;  // of these, what the trace has seen
};

struct og_probe {
    og_exec *exec;
    size_t n, blocks, first;  // samples; blocks of a pass; first sample of the pass
    size_t input;             // floats of a sample
    float *x;                 // [n][input]
    uint32_t *sample;         // [n]
    const uint32_t *length;   // as og_batch; borrowed
    uint64_t seed;
    size_t streams;       // of text, as og_batch
    size_t *width;        // [matrices] outputs of a sample, the most
    float **ideal;        // [matrices][n * width]; NULL: outputs are only counted
    double **line;        // [matrices][2 * inputs] of word lines, used and dense; or NULL
    struct entry *entry;  // [n][matrices]
    struct tally *tally;  // [blocks][matrices]
    struct og_trace *trace;  // or NULL
    size_t room;             // floats of scratch of a block
    float *scratch;          // [blocks][room]
};

static size_t cols_of(const struct og_matrix *m) { return m->node->linear[m->k].cols; }

static struct entry *entry_of(og_probe *p, const struct og_matrix *m, size_t sample)
{
    return &p->entry[sample * p->exec->matrices + m->index];
}

static struct tally *tally_of(const struct og_view *v, const struct og_matrix *m)
{
    return &v->exec->probe->tally[v->block * v->exec->matrices + m->index];
}

// --- called by the products ----------------------------------------------------------

void og_probe_record(const struct og_view *v, const struct og_matrix *m,
                     const struct og_linear_io *io)
{
    og_probe *p = v->exec->probe;
    size_t cols = cols_of(m), each = io->rows / v->n;
    for (size_t k = 0; k < v->n; k++) {
        size_t sample = p->first + og_view_row(v, k);
        struct entry *e = entry_of(p, m, sample);
        if (p->ideal) {
            float *to = p->ideal[m->index] + sample * p->width[m->index] + e->at;
            for (size_t r = 0; r < each; r++)
                memcpy(to + r * cols, io->y + (k * each + r) * io->ldy,
                       cols * sizeof *to);
            if (m->bias) og_linear_activate(m, to, each);
        }
        e->at += each * cols;
    }
}

struct og_adc_use *og_probe_use(const struct og_view *v, const struct og_matrix *m)
{
    return v->exec->probe ? &tally_of(v, m)->adc : NULL;
}

static void count_inputs(const struct og_matrix *m, const struct og_linear_io *io,
                         struct tally *t)
{
    const struct og_linear_decl *l = &m->node->linear[m->k];
    for (int s = 0; s < l->segments; s++) {
        if (m->dac_bits[s] == 0) continue;
        size_t first = og_segment_first(l, s), width = l->segment[s].rows;
        for (size_t r = 0; r < io->rows; r++) {
            const float *x = io->x + r * io->ldx + first;
            for (size_t i = 0; i < width; i++)
                t->dac_clipped += fabsf(x[i]) > m->range[s];
        }
        t->inputs += io->rows * width;
    }
}

// One row of outputs against those of the ideal product and of the ideal network.
static void add_row(struct entry *e, const float *y, const float *local,
                    const float *ideal, size_t cols)
{
    double signal = 0, noise = 0, total_signal = 0, total_noise = 0;
    for (size_t j = 0; j < cols; j++) {
        double d = (double)y[j] - (double)local[j], t = (double)y[j] - (double)ideal[j];
        signal += (double)local[j] * (double)local[j];
        noise += d * d;
        total_signal += (double)ideal[j] * (double)ideal[j];
        total_noise += t * t;
    }
    e->signal += signal;
    e->noise += noise;
    e->total_signal += total_signal;
    e->total_noise += total_noise;
    e->at += cols;
}

static size_t inputs_of(const struct og_matrix *m) { return m->node->linear[m->k].rows; }

static void add_load(const og_probe *p, const struct og_matrix *m, const float *x,
                     struct entry *e)
{
    const double *line = p->line[m->index];
    e->load.used += og_array_load(m->array, line, x);
    e->load.dense += og_array_load(m->array, line + inputs_of(m), x);
}

// What the converters of this block have done since the step before.
static void trace_converters(struct og_trace *trace, const struct og_view *v,
                             const struct og_matrix *m, size_t step)
{
    struct tally *t = tally_of(v, m);
    const struct og_trace_use now = {t->inputs, t->dac_clipped, t->adc.conversions,
                                     t->adc.clipped};
    const struct og_trace_use since = {
        now.inputs - t->traced.inputs, now.dac_clipped - t->traced.dac_clipped,
        now.conversions - t->traced.conversions, now.adc_clipped - t->traced.adc_clipped};
    og_trace_converters(trace, m, v->block, step, since);
    t->traced = now;
}

void og_probe_compare(const struct og_view *v, const struct og_matrix *m,
                      const struct og_linear_io *io)
{
    og_probe *p = v->exec->probe;
    size_t cols = cols_of(m), each = io->rows / v->n;
    float *local = p->scratch + v->block * p->room;
    count_inputs(m, io, tally_of(v, m));
    if (p->trace) trace_converters(p->trace, v, m, io->step);
    for (size_t row = 0; row < io->rows; row += ROWS) {
        size_t n = io->rows - row < ROWS ? io->rows - row : ROWS;
        const struct og_left x = {io->x + row * io->ldx, io->ldx, 1};
        og_product(x, n, m->w, local, cols, 0);
        if (m->bias) og_linear_activate(m, local, n);
        for (size_t r = 0; r < n; r++) {
            size_t sample = p->first + og_view_row(v, (row + r) / each);
            struct entry *e = entry_of(p, m, sample);
            const float *ideal = p->ideal[m->index] + sample * p->width[m->index] + e->at;
            const double before = e->total_noise;
            add_row(e, io->y + (row + r) * io->ldy, local + r * cols, ideal, cols);
            if (p->trace)
                og_trace_sums(p->trace, m, sample, io->step, e->total_noise - before,
                              cols);
            if (p->line && m->array) add_load(p, m, io->x + (row + r) * io->ldx, e);
        }
    }
}

// --- passes --------------------------------------------------------------------------

// The first n samples, in parts that the execution has room for.
static void pass_over(og_probe *p, size_t n, struct og_batch batch,
                      enum og_exec_mode mode)
{
    og_exec *exec = p->exec;
    size_t most = p->blocks * OG_BLOCK < exec->batch ? p->blocks * OG_BLOCK : exec->batch;
    memset(p->entry, 0, p->n * exec->matrices * sizeof *p->entry);
    memset(p->tally, 0, p->blocks * exec->matrices * sizeof *p->tally);
    exec->probe = p;
    exec->trace = p->trace;
    if (p->trace) og_trace_begin(p->trace, 0, mode == OG_RUN);
    const struct og_batch all = {.sample = p->sample, .n = n, .streams = p->streams};
    batch.streams = p->streams;
    for (p->first = 0; p->first < n; p->first += batch.n) {
        if (p->trace) og_trace_begin(p->trace, p->first, false);
        batch.n = og_exec_part(&all, p->first, most);
        batch.x = p->x + p->first * p->input;
        batch.sample = p->sample + p->first;
        batch.length = p->length;
        og_exec_pass(exec, &batch, mode);
    }
    exec->probe = NULL;
    exec->trace = NULL;
}

static bool keep_ideal(og_probe *p)
{
    const og_exec *exec = p->exec;
    pass_over(p, p->n, (struct og_batch){.seed = p->seed}, OG_RECORD);
    for (size_t e = 0; e < p->n * exec->matrices; e++) {
        size_t *width = &p->width[e % exec->matrices];
        if (p->entry[e].at > *width) *width = p->entry[e].at;
    }
    p->ideal = og_alloc(exec->matrices, sizeof *p->ideal);
    for (size_t i = 0; p->ideal && i < exec->matrices; i++) {
        p->ideal[i] = og_alloc(p->n, p->width[i] * sizeof **p->ideal);
        if (!p->ideal[i]) return false;
    }
    if (!p->ideal) return false;
    pass_over(p, p->n, (struct og_batch){.seed = p->seed}, OG_RECORD);
    return true;
}

// Only what a technology counts with needs the conductances.
static bool alloc_lines(og_probe *p)
{
    const og_exec *exec = p->exec;
    if (exec->hw.technology.name[0] == '\0') return true;
    p->line = og_alloc(exec->matrices, sizeof *p->line);
    for (size_t i = 0; p->line && i < exec->matrices; i++) {
        if (!exec->matrix[i].array) continue;
        p->line[i] = og_alloc(2 * inputs_of(&exec->matrix[i]), sizeof **p->line);
        if (!p->line[i]) return false;
    }
    return p->line != NULL;
}

static bool fill(og_probe *p, const struct og_batch *batch)
{
    const og_exec *exec = p->exec;
    size_t matrices = exec->matrices, blocks = (batch->n + OG_BLOCK - 1) / OG_BLOCK;
    p->n = batch->n;
    p->seed = batch->seed;
    p->streams = batch->streams;
    p->blocks = blocks < exec->blocks ? blocks : exec->blocks;
    p->input = og_shape_count(&exec->model->input);
    for (size_t i = 0; i < matrices; i++)
        if (ROWS * cols_of(&exec->matrix[i]) > p->room)
            p->room = ROWS * cols_of(&exec->matrix[i]);
    p->x = og_alloc(p->n, p->input * sizeof *p->x);
    p->sample = og_alloc(p->n, sizeof *p->sample);
    p->width = og_alloc(matrices, sizeof *p->width);
    p->entry = og_alloc(p->n * matrices, sizeof *p->entry);
    p->tally = og_alloc(p->blocks * matrices, sizeof *p->tally);
    p->scratch = og_alloc(p->blocks * p->room, sizeof *p->scratch);
    if (!p->x || !p->sample || !p->width || !p->entry || !p->tally || !p->scratch)
        return false;
    memcpy(p->x, batch->x, p->n * p->input * sizeof *p->x);
    memcpy(p->sample, batch->sample, p->n * sizeof *p->sample);
    p->length = batch->length;
    return alloc_lines(p) && keep_ideal(p);
}

og_status og_probe_alloc(og_probe **probe, og_exec *exec, const struct og_batch *batch,
                         struct og_error *err)
{
    assert(!exec->ideal && !exec->training && batch->n > 0);
    *probe = NULL;
    og_probe *p = og_alloc(1, sizeof *p);
    if (p) {
        p->exec = exec;
        og_exec_pack(exec);
    }
    if (!p || !fill(p, batch)) {
        og_probe_free(p);
        return og_fail(err, OG_NO_MEMORY, "no memory to look at %zu samples per layer",
                       batch->n);
    }
    *probe = p;
    return OG_OK;
}

void og_probe_free(og_probe *p)
{
    if (!p) return;
    og_trace_free(p->trace);
    for (size_t i = 0; p->ideal && i < p->exec->matrices; i++) og_free(p->ideal[i]);
    og_free(p->ideal);
    for (size_t i = 0; p->line && i < p->exec->matrices; i++) og_free(p->line[i]);
    og_free(p->line);
    og_free(p->x);
    og_free(p->sample);
    og_free(p->width);
    og_free(p->entry);
    og_free(p->tally);
    og_free(p->scratch);
    og_free(p);
}

// --- results -------------------------------------------------------------------------

static struct og_probe_reading reading_of(og_probe *p, const struct og_matrix *m)
{
    struct og_probe_reading sum = {0};
    for (size_t s = 0; s < p->n; s++) {
        const struct entry *e = entry_of(p, m, s);
        sum.reads += e->at / cols_of(m);
        sum.signal += e->signal;
        sum.noise += e->noise;
        sum.total_signal += e->total_signal;
        sum.total_noise += e->total_noise;
        sum.activity.used += e->load.used;
        sum.activity.dense += e->load.dense;
    }
    if (sum.reads > 0) {
        sum.activity.used /= (double)sum.reads;
        sum.activity.dense /= (double)sum.reads;
    }
    for (size_t b = 0; b < p->blocks; b++) {
        const struct tally *t = &p->tally[b * p->exec->matrices + m->index];
        sum.inputs += t->inputs;
        sum.dac_clipped += t->dac_clipped;
        sum.adc.conversions += t->adc.conversions;
        sum.adc.clipped += t->adc.clipped;
        if (t->adc.used > sum.adc.used) sum.adc.used = t->adc.used;
    }
    return sum;
}

void og_probe_read(og_probe *p, const struct og_chip *chip, uint32_t pass,
                   struct og_probe_reading *reading)
{
    const struct og_batch batch = {
        .seed = chip->seed, .trial = chip->trial, .pass = pass};
    const og_exec *exec = p->exec;
    for (size_t i = 0; p->line && i < exec->matrices; i++)
        if (exec->matrix[i].array)
            og_array_lines(exec->matrix[i].array, p->line[i],
                           p->line[i] + inputs_of(&exec->matrix[i]));
    pass_over(p, p->n, batch, OG_RUN);
    for (size_t i = 0; i < p->exec->matrices; i++)
        reading[i] = reading_of(p, &p->exec->matrix[i]);
}

og_status og_probe_follow(og_probe *p, struct og_error *err)
{
    assert(!p->trace);
    OG_TRY(og_trace_alloc(&p->trace, p->exec, p->n, p->blocks, err));
    pass_over(p, p->n, (struct og_batch){.seed = p->seed}, OG_RECORD);
    return OG_OK;
}

size_t og_probe_cells(const og_probe *p)
{
    return p->trace ? og_trace_cells(p->trace) : 0;
}

struct og_probe_cell og_probe_cell(const og_probe *p, size_t cell)
{
    return og_trace_cell(p->trace, cell);
}

void og_probe_along(const og_probe *p, size_t cell, enum og_along what, float *out)
{
    og_trace_along(p->trace, cell, what, out);
}

double og_snr_db(double signal, double noise)
{
    if (!(signal > 0.0) && !(noise > 0.0)) return NAN;
    double db = 10.0 * og_log10(signal / noise);
    if (db > 200.0) return 200.0;
    return db < -200.0 ? -200.0 : db;  // NaN stays NaN
}
