// SPDX-License-Identifier: GPL-3.0-or-later
// What a round of compression reports, or a training beside one, as a journal entry: a
// header, then arrays whose elements are whole words. Read back on the machine type that
// wrote it.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/compress.h"

struct header {
    uint64_t version, updates, pairs, tensors, epochs[2], limits, tries;
};

// The parts inside bytes that begin with the header; returns their size.
static size_t lay_out(const struct header *h, const void *bytes, struct og_report *r)
{
    const unsigned char *start = bytes, *at = start + sizeof *h;
    *r = (struct og_report){.updates = (size_t)h->updates,
                            .pairs = (size_t)h->pairs,
                            .tensors = (size_t)h->tensors,
                            .epochs = {(size_t)h->epochs[0], (size_t)h->epochs[1]},
                            .limits = (size_t)h->limits,
                            .tries = (size_t)h->tries};
    r->rho = (const void *)at;
    at += r->updates * sizeof *r->rho;
    r->update = (const void *)at;
    at += r->updates * r->pairs * sizeof *r->update;
    for (int i = 0; i < 2; i++) {
        r->curve[i] = (const void *)at;
        at += r->epochs[i] * sizeof *r->curve[i];
    }
    r->tensor = (const void *)at;
    at += r->tensors * sizeof *r->tensor;
    r->set = (const char(*)[OG_REPORT_NAME])at;
    at += r->pairs * sizeof *r->set;
    r->limit = (const void *)at;
    r->largest = r->limit + r->limits;
    r->tried = r->largest + r->limits;
    r->area = r->tried + r->limits * r->tries;
    at += 2 * r->limits * (1 + r->tries) * sizeof *r->limit;
    r->relu = (const char(*)[OG_REPORT_NAME])at;
    at += r->limits * sizeof *r->relu;
    return (size_t)(at - start);
}

bool og_report_view(const struct og_entry *entry, struct og_report *report)
{
    struct header h;
    if (entry->size < sizeof h) return false;
    memcpy(&h, entry->data, sizeof h);
    return h.version == 3 && lay_out(&h, entry->data, report) == entry->size;
}

static size_t weight_tensors(og_model *model)
{
    size_t n = 0;
    for (size_t i = 0; i < og_model_tensors(model); i++)
        n += og_model_kept(model, i).all > 0;
    return n;
}

static og_status measure(og_model *model, const struct og_tensor_info *t,
                         struct og_storage *s, struct og_error *err)
{
    size_t n;
    const float *w = og_model_params(model, &n);
    const size_t kernel = t->rank == 4 ? t->dim[2] * t->dim[3] : 1;
    return og_storage_measure(s, w + t->offset, t->dim[0], t->count / t->dim[0], kernel,
                              err);
}

static og_status fill_tensors(og_model *model, struct og_report_tensor *to,
                              struct og_error *err)
{
    for (size_t i = 0; i < og_model_tensors(model); i++) {
        const struct og_tensor_info t = og_model_tensor(model, i);
        if (og_model_kept(model, i).all == 0) continue;
        snprintf(to->name, sizeof to->name, "%s/%s", t.node, t.name);
        to->convolution = t.rank == 4;
        OG_TRY(measure(model, &t, &to->storage, err));
        to++;
    }
    return OG_OK;
}

static void copy(const void *to, const void *from, size_t n)
{
    if (n > 0) memcpy((void *)to, from, n);
}

static void fill_limits(const og_compress *c, const struct og_report *r)
{
    for (size_t i = 0; i < r->limits; i++) {
        const struct og_limit_info l = og_compress_limit(c, i);
        copy(&r->limit[i], &l.limit, sizeof l.limit);
        copy(&r->largest[i], &l.start, sizeof l.start);
        copy(r->tried + i * r->tries, l.tried, r->tries * sizeof *l.tried);
        copy(r->area + i * r->tries, l.area, r->tries * sizeof *l.area);
        snprintf((char *)r->relu[i], sizeof *r->relu, "%s", l.node);
    }
}

// What the round has to say besides its weights.
static struct header header_of(og_model *model, const og_compress *c)
{
    struct header h = {.version = 3, .tensors = weight_tensors(model)};
    const double *rho;
    size_t n;
    if (!c) return h;
    h.pairs = og_compress_pairs(c);
    og_compress_updates(c, &n, &rho);
    h.updates = n;
    og_compress_curve(c, OG_COMPRESS_ADMM, &n);
    h.epochs[0] = n;
    og_compress_curve(c, OG_COMPRESS_RETRAIN, &n);
    h.epochs[1] = n;
    h.limits = og_compress_limits(c);
    if (h.limits > 0) h.tries = og_compress_limit(c, 0).tries;
    return h;
}

static void fill_round(const og_compress *c, const struct og_report *r)
{
    const double *rho;
    size_t n;
    const struct og_update *update = og_compress_updates(c, &n, &rho);
    copy(r->rho, rho, n * sizeof *rho);
    copy(r->update, update, n * r->pairs * sizeof *update);
    const struct og_curve *curve = og_compress_curve(c, OG_COMPRESS_ADMM, &n);
    copy(r->curve[0], curve, n * sizeof *curve);
    curve = og_compress_curve(c, OG_COMPRESS_RETRAIN, &n);
    copy(r->curve[1], curve, n * sizeof *curve);
    for (size_t k = 0; k < r->pairs; k++) {
        const struct og_pair_info p = og_compress_pair(c, k);
        snprintf((char *)r->set[k], sizeof *r->set, "%s/%s %s", p.node, p.tensor, p.kind);
    }
    fill_limits(c, r);
}

og_status og_put_report(struct og_job *job, const char *key, const og_compress *c,
                        struct og_error *err)
{
    struct og_report r;
    const struct header h = header_of(job->model, c);
    const size_t size = lay_out(&h, &h, &r);
    void *bytes = og_alloc(size, 1);
    if (!bytes) return og_fail(err, OG_NO_MEMORY, "no memory for a report");
    memcpy(bytes, &h, sizeof h);
    lay_out(&h, bytes, &r);
    if (c) fill_round(c, &r);
    og_status status = fill_tensors(job->model, (struct og_report_tensor *)r.tensor, err);
    if (status == OG_OK) status = og_job_put(job, OG_ENTRY_REPORT, key, bytes, size, err);
    og_free(bytes);
    return status;
}

double og_report_ratio(const struct og_report *report, bool convolutions)
{
    uint64_t all = 0, kept = 0;
    for (size_t i = 0; i < report->tensors; i++) {
        if (convolutions && !report->tensor[i].convolution) continue;
        all += report->tensor[i].storage.all;
        kept += report->tensor[i].storage.kept;
    }
    return all > 0 ? (double)all / (double)kept : NAN;
}
