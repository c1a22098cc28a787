// SPDX-License-Identifier: GPL-3.0-or-later
// What wires.mode exact_nonlinear costs, told before a run: every read is solved by
// Newton's method, which takes hundreds of times as long as a product.
#include <stdio.h>

#include "base/mem.h"
#include "config/tree.h"
#include "experiment/ranks.h"
#include "nn/exec.h"

static bool is_newton(const struct og_hardware *hw)
{
    return !hw->ideal && hw->wires.mode == OG_WIRES_NONLINEAR;
}

// *uses: whether any layer does.
static og_status look_at(const struct og_hardware *hw, bool *uses, struct og_error *err)
{
    *uses = is_newton(hw);
    for (size_t i = 0; !*uses && !hw->ideal && i < og_hardware_layers(hw); i++) {
        struct og_hardware own;
        OG_TRY(og_hardware_layer(hw, og_hardware_layer_name(hw, i)->text, &own, err));
        *uses = is_newton(&own);
    }
    return OG_OK;
}

og_status og_newton_plan(struct og_job *job, double train, double evaluate,
                         struct og_error *err)
{
    struct og_newton *n = &job->newton;
    const struct og_hardware *hw[OG_WORKS] = {&job->config.train.hardware,
                                              &job->config.hardware};
    const double left[OG_WORKS] = {train, evaluate};
    for (int w = 0; w < OG_WORKS; w++) {
        bool uses = false;
        if (left[w] > 0) OG_TRY(look_at(hw[w], &uses, err));
        if (!uses) continue;
        if (n->left[OG_WORK_TRAIN] + n->left[OG_WORK_EVALUATE] == 0) {
            n->point = job->point;
            n->trains = w == OG_WORK_TRAIN;
        }
        n->left[w] += left[w];
    }
    return OG_OK;
}

// Samples of the test set.
struct few {
    size_t n;
    float *x;
    uint32_t *sample;
};

static og_status take_few(const struct og_dataset *set, struct few *f,
                          struct og_error *err)
{
    const size_t streams = set->streams > 0 ? set->streams : set->n;
    size_t n = (size_t)og_threads(), width = 1;
    if (n > set->n) n = set->n;
    if (n > streams) n = streams;
    for (int i = 0; i < set->shape.rank; i++) width *= set->shape.dim[i];
    f->x = og_alloc(n, width * sizeof *f->x);
    f->sample = og_alloc(n, sizeof *f->sample);
    if (!f->x || !f->sample)
        return og_fail(err, OG_NO_MEMORY, "no memory for %zu samples", n);
    for (size_t i = 0; i < n; i++) f->sample[i] = (uint32_t)i;
    og_dataset_fetch(set, f->sample, n, NULL, f->x);
    f->n = n;
    return OG_OK;
}

// [s] that one of them takes on a chip of the present point.
static og_status measure(const struct og_job *job, og_exec *exec, const struct few *f,
                         double *seconds, struct og_error *err)
{
    const struct og_dataset *set = job->set[OG_TEST];
    const struct og_chip chip = {.seed = job->config.seed};
    const struct og_batch batch = {.x = f->x,
                                   .sample = f->sample,
                                   .length = set->length,
                                   .n = f->n,
                                   .streams = set->streams,
                                   .seed = job->config.seed};
    OG_TRY(og_calibrate(exec, job->set[OG_TRAIN], f->n, chip.seed, err));
    OG_TRY(og_exec_put_on(exec, &chip, err));
    const double start = og_meter_now();
    og_exec_forward(exec, &batch);
    *seconds = (og_meter_now() - start) / (double)f->n;
    return OG_OK;
}

// The network as it is before training.
static og_status try_point(const struct og_job *job, struct few *f, double *seconds,
                           struct og_error *err)
{
    const struct og_dataset *set = job->set[OG_TEST];
    og_model *model = NULL;
    og_exec *exec = NULL;
    OG_TRY(take_few(set, f, err));
    og_status s =
        og_model_build(&model, job->config.layers, &set->shape, set->classes, err);
    if (s == OG_OK) og_model_init(model, job->config.train.seed);
    if (s == OG_OK) s = og_job_load_weights(job, model, err);
    const struct og_exec_options how = {
        .hardware =
            job->newton.trains ? &job->config.train.hardware : &job->config.hardware,
        .batch = f->n,
        .streams = og_job_streams(job),
    };
    if (s == OG_OK) s = og_exec_alloc(&exec, model, &how, err);
    if (s == OG_OK) s = measure(job, exec, f, seconds, err);
    og_exec_free(exec);
    og_model_free(model);
    return s;
}

static void tell(const struct og_job *job, size_t measured, double seconds)
{
    static const struct {
        double least, unit;
        const char *name;
    } units[] = {{7200, 3600, "h"}, {120, 60, "min"}, {0, 1, "s"}};
    const double *left = job->newton.left;
    const int workers = og_ranks() > 1 ? og_ranks() - 1 : 1;
    // A training step costs about three forward passes.
    const double all =
        (left[OG_WORK_EVALUATE] + 3 * left[OG_WORK_TRAIN]) * seconds / workers;
    size_t u = 0;
    char text[256];
    while (all < units[u].least) u++;
    snprintf(
        text, sizeof text,
        "wires.mode exact_nonlinear solves every read by Newton's method: %.2g s for "
        "a sample (measured on %zu), about %.2g %s for %.0f to evaluate and %.0f to "
        "train on",
        seconds, measured, all / units[u].unit, units[u].name, left[OG_WORK_EVALUATE],
        left[OG_WORK_TRAIN]);
    job->o->announce(job->o->user, text);
}

og_status og_newton_announce(struct og_job *job, struct og_error *err)
{
    struct few f = {0};
    double seconds = 0;
    if (!job->o->announce) return OG_OK;
    if (job->newton.left[OG_WORK_TRAIN] + job->newton.left[OG_WORK_EVALUATE] == 0)
        return OG_OK;
    OG_TRY(og_job_go(job, job->newton.point, err));
    const og_status s = try_point(job, &f, &seconds, err);
    if (s == OG_OK) tell(job, f.n, seconds);
    og_free(f.x);
    og_free(f.sample);
    return s;
}
