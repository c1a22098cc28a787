// SPDX-License-Identifier: GPL-3.0-or-later
// A running sweep, seen through its journal.
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "experiment/job.h"

struct og_watch {
    char *path;
    const char *data;
    og_journal *journal;
    og_experiment *e;
    size_t trials, seen;  // seen: entries of the journal so far
    size_t *done;         // [points]
    double *sum;          // [points]: of accuracies
    struct og_progress_entry progress;
    struct og_watch_state state;
};

static void forget(og_watch *w)
{
    og_journal_close(w->journal, false);
    og_experiment_free(w->e);
    og_free(w->done);
    og_free(w->sum);
    w->journal = NULL;
    w->e = NULL;
    w->done = NULL;
    w->sum = NULL;
    w->seen = 0;
}

void og_watch_free(og_watch *w)
{
    if (!w) return;
    forget(w);
    og_free(w->path);
    og_free(w);
}

static og_status attach(og_watch *w, struct og_error *err)
{
    struct og_config config;
    const struct og_overrides overrides = {.data = w->data};
    OG_TRY(og_journal_read(&w->journal, w->path, err));
    OG_TRY(og_experiment_parse(&w->e, w->path, og_journal_text(w->journal), &overrides,
                               err));
    OG_TRY(og_experiment_point(w->e, 0, &config, err));
    const size_t points = og_experiment_points(w->e);
    w->trials = (size_t)config.trials;
    w->state = (struct og_watch_state){
        .points = points, .records = points * w->trials, .seconds_left = -1};
    w->done = og_alloc(points, sizeof *w->done);
    w->sum = og_alloc(points, sizeof *w->sum);
    return w->done && w->sum ? OG_OK : og_fail(err, OG_NO_MEMORY, "out of memory");
}

static void take_record(og_watch *w, const struct og_entry *entry)
{
    size_t point, trial;
    const struct og_record *record = entry->data;
    if (sscanf(entry->key, "%zu/%zu", &point, &trial) != 2 ||
        entry->size < sizeof *record || point >= w->state.points || trial >= w->trials)
        return;
    w->sum[point] += record->accuracy;
    w->state.records_done++;
    w->state.points_done += ++w->done[point] == w->trials;
}

static void take_entries(og_watch *w)
{
    struct og_entry entry;
    for (; w->seen < og_journal_entries(w->journal); w->seen++) {
        if (!og_journal_entry(w->journal, w->seen, &entry)) continue;
        if (entry.kind == OG_ENTRY_RECORD) take_record(w, &entry);
        og_journal_release(&entry);
    }
    if (!og_journal_get(w->journal, OG_ENTRY_PROGRESS, "", &entry)) return;
    if (entry.size == sizeof w->progress) {
        memcpy(&w->progress, entry.data, sizeof w->progress);
        w->state.started = true;
        w->state.fraction = w->progress.fraction;
        w->state.seconds_left = w->progress.seconds_left;
    }
    og_journal_release(&entry);
}

// Whether the process that wrote last was on this machine and is no more.
static bool is_abandoned(const og_watch *w)
{
    char writer[OG_WRITER], host[64] = "", own[64] = "";
    long pid = 0;
    og_journal_writer(w->journal, writer);
    if (sscanf(writer, "process %ld on %63s", &pid, host) != 2) return false;
    if (gethostname(own, sizeof own - 1) != 0 || strcmp(own, host) != 0) return false;
    return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

og_status og_watch_open(og_watch **watch, const char *out, const char *data,
                        struct og_error *err)
{
    og_watch *w = *watch = og_alloc(1, sizeof *w);
    if (!w) return og_fail(err, OG_NO_MEMORY, "out of memory");
    w->data = data;
    w->path = og_alloc(strlen(out) + sizeof ".journal", 1);
    if (w->path) sprintf(w->path, "%s.journal", out);
    const og_status status =
        w->path ? attach(w, err) : og_fail(err, OG_NO_MEMORY, "out of memory");
    if (status == OG_OK) return OG_OK;
    og_watch_free(w);
    *watch = NULL;
    return status;
}

og_status og_watch_refresh(og_watch *w, struct og_watch_state *state,
                           struct og_error *err)
{
    bool replaced = false;
    OG_TRY(og_journal_refresh(w->journal, &replaced, err));
    if (replaced && access(w->path, F_OK) != 0) {
        w->state.ended = true;
    } else if (replaced) {  // rewritten without what was replaced
        forget(w);
        OG_TRY(attach(w, err));
    }
    take_entries(w);
    w->state.abandoned = !w->state.ended && is_abandoned(w);
    *state = w->state;
    return OG_OK;
}

// "read_noise 2e-06 training plain"
static void name_point(const og_watch *w, size_t point, char *text, size_t size)
{
    size_t used = 0, stride = w->state.points;
    text[0] = '\0';
    for (size_t a = 0; a < og_experiment_axes(w->e) && used + 1 < size; a++) {
        const struct og_axis *axis = og_experiment_axis(w->e, a);
        const struct og_axis_column *c = axis->column;
        stride /= axis->n;
        const size_t i = point / stride % axis->n;
        const int n = c->text ? snprintf(text + used, size - used, "%s%s %s",
                                         used ? "  " : "", c->name, c->label[i])
                              : snprintf(text + used, size - used, "%s%s %g",
                                         used ? "  " : "", c->name, c->value[i]);
        used += (size_t)n < size - used ? (size_t)n : size - used - 1;
    }
}

void og_watch_print(const og_watch *w, FILE *out)
{
    const struct og_watch_state *s = &w->state;
    char writer[OG_WRITER], name[256];
    og_journal_writer(w->journal, writer);
    fprintf(out, "%s%s\n", writer[0] ? writer : "an unknown process",
            s->abandoned ? ", which is gone: --resume goes on" : "");
    fprintf(out, "%zu of %zu records, %zu of %zu points", s->records_done, s->records,
            s->points_done, s->points);
    if (s->started) fprintf(out, ", %.0f %% of the work", 100 * s->fraction);
    if (s->started && s->seconds_left >= 0 && !s->abandoned)
        fprintf(out, ", %.0f s left", s->seconds_left);
    if (s->started) fprintf(out, ": %s %s", w->progress.stage, w->progress.detail);
    fputc('\n', out);
    for (size_t p = 0; p < s->points; p++) {
        if (w->done[p] == 0) continue;
        name_point(w, p, name, sizeof name);
        fprintf(out, "  %s  accuracy %.4f  %zu/%zu\n", name,
                w->sum[p] / (double)w->done[p], w->done[p], w->trials);
    }
    fflush(out);
}
