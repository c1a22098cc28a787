// SPDX-License-Identifier: GPL-3.0-or-later
// The variants of an experiment's hardware from which og_result_attribution tells what
// each effect and each layer costs.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/job.h"

static og_status no_memory(struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "no memory for the variants of an experiment");
}

// An effect that is on at any point of the sweep.
static og_status is_on_anywhere(const og_experiment *e, size_t effect, bool *on,
                                struct og_error *err)
{
    *on = false;
    for (size_t p = 0; p < og_experiment_points(e) && !*on; p++) {
        struct og_config config;
        OG_TRY(og_experiment_point(e, p, &config, err));
        OG_TRY(og_effect_is_on(&config.hardware, effect, on, err));
    }
    return OG_OK;
}

static og_status write_effects(const og_experiment *e, FILE *out, struct og_error *err)
{
    for (size_t i = 0; i < og_effects(); i++) {
        bool on;
        OG_TRY(is_on_anywhere(e, i, &on, err));
        if (on)
            fprintf(out, ", only %s, without %s", og_effect_name(i), og_effect_name(i));
    }
    return OG_OK;
}

// The layers that have matrices: og_model_tensors names each node of weights once.
static void write_layers(const og_model *model, FILE *out)
{
    const char *last = "";
    for (size_t i = 0; i < og_model_tensors(model); i++) {
        const struct og_tensor_info t = og_model_tensor(model, i);
        if (!og_model_has_matrix(model, t.node) || strcmp(t.node, last) == 0) continue;
        last = t.node;
        fprintf(out, ", \"only in %s\", \"except in %s\"", last, last);
    }
}

static og_status write_axis(const og_experiment *e, const og_model *model, FILE *out,
                            struct og_error *err)
{
    fputs("{key: hardware.variant, name: variant, values: [all, ideal", out);
    OG_TRY(write_effects(e, out, err));
    write_layers(model, out);
    fputs("]}\n", out);
    return ferror(out) ? no_memory(err) : OG_OK;
}

static og_status print_axis(const og_experiment *e, const og_model *model, char **axis,
                            struct og_error *err)
{
    size_t size = 0;
    FILE *out = open_memstream(axis, &size);
    if (!out) return no_memory(err);
    og_status status = write_axis(e, model, out, err);
    if (fclose(out) != 0 && status == OG_OK) status = no_memory(err);
    if (status == OG_OK) return OG_OK;
    free(*axis);
    *axis = NULL;
    return status;
}

// The shape of the data decides what the network is.
og_status og_attribution_axis(const og_experiment *e, const char *data, char **axis,
                              struct og_error *err)
{
    const struct og_run_options options = {.data = data};
    struct og_job *job = og_alloc(1, sizeof *job);
    *axis = NULL;
    if (!job) return no_memory(err);
    job->e = e;
    job->o = &options;
    job->isa = og_cpu_isa();
    job->fixed = og_cpu_fixed();
    og_status status = og_job_go(job, 0, err);
    const struct og_dataset *set = job->set[OG_TRAIN];
    if (status == OG_OK)
        status = og_model_build(&job->model, job->config.layers, &set->shape,
                                set->classes, err);
    if (status == OG_OK) status = print_axis(e, job->model, axis, err);
    og_model_free(job->model);
    og_dataset_free(job->set[OG_TRAIN]);
    og_dataset_free(job->set[OG_TEST]);
    og_cpu_fix(job->fixed);
    og_cpu_use(job->isa);
    og_free(job);
    return status;
}
