// SPDX-License-Identifier: GPL-3.0-or-later
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "experiment/job.h"

double og_meter_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct og_spent og_meter_spent(const struct og_meter *m)
{
    return (struct og_spent){og_meter_now() - m->start,
                             cpu_now() - m->cpu_start + m->cpu_workers};
}

void og_meter_init(struct og_meter *m, const struct og_run_options *o)
{
    memset(m, 0, sizeof *m);
    m->report = o->progress;
    m->user = o->user;
    m->start = m->mark = og_meter_now();
    m->cpu_start = m->cpu_mark = cpu_now();
}

void og_meter_skip(struct og_meter *m) { m->mark = og_meter_now(); }

// Seconds per sample. Before the first measurement of one kind it is guessed from the
// other: a training step costs about three forward passes.
static double cost(const struct og_meter *m, enum og_work work)
{
    const enum og_work other = work == OG_WORK_TRAIN ? OG_WORK_EVALUATE : OG_WORK_TRAIN;
    if (m->work[work].done > 0.0) return m->work[work].seconds / m->work[work].done;
    if (m->work[other].done <= 0.0) return 0.0;
    const double known = m->work[other].seconds / m->work[other].done;
    return work == OG_WORK_TRAIN ? 3.0 * known : known / 3.0;
}

double og_meter_fraction(const struct og_meter *m, double *seconds_left)
{
    double spent = 0.0, left = 0.0;
    for (int w = 0; w < OG_WORKS; w++) {
        spent += m->work[w].seconds;
        left += fmax(0.0, m->work[w].left) * cost(m, (enum og_work)w);
    }
    // The first second says little.
    *seconds_left = spent >= 1.0 ? left / fmax(1, m->workers) : -1.0;
    return spent > 0.0 ? spent / (spent + left) : 0.0;
}

void og_meter_add(struct og_meter *m, enum og_work work, double samples,
                  const char *stage, const char *detail)
{
    const double now = og_meter_now(), cpu = cpu_now();
    struct og_work_done w = {.work = work,
                             .samples = samples,
                             .seconds = now - m->mark,
                             .cpu = cpu - m->cpu_mark};
    m->mark = now;
    m->cpu_mark = cpu;
    snprintf(w.stage, sizeof w.stage, "%s", stage);
    snprintf(w.detail, sizeof w.detail, "%s", detail);
    if (m->relay)
        m->relay(m->user, &w);
    else
        og_meter_take(m, &w);
}

void og_meter_take(struct og_meter *m, const struct og_work_done *w)
{
    m->work[w->work].done += w->samples;
    m->work[w->work].left -= w->samples;
    m->work[w->work].seconds += w->seconds;
    struct og_progress p = {.stage = w->stage, .seconds = og_meter_now() - m->start};
    p.fraction = og_meter_fraction(m, &p.seconds_left);
    snprintf(p.detail, sizeof p.detail, "%s", w->detail);
    if (m->report) m->report(m->user, &p);
    if (m->keep) m->keep(m->keeper, &p);
}
