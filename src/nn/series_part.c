// SPDX-License-Identifier: GPL-3.0-or-later
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "nn/series_part.h"

void og_series_part_clear(struct og_series_part *p)
{
    og_free(p->value);
    og_free(p->offset);
    og_free(p->label);
    og_free(p->group);
}

static og_status take_list(struct og_series_part *p, const char *name, hid_t memory,
                           void **list, size_t *n, struct og_error *err)
{
    char path[64];
    snprintf(path, sizeof path, "%s%s", p->prefix, name);
    return og_hdf5_take(p->s, &(struct og_hdf5_want){path, memory, false, 1}, list, n,
                        err);
}

static bool has(const struct og_series_part *p, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "%s%s", p->prefix, name);
    return og_hdf5_has(p->s, path);
}

// Steps of all sequences, and where they begin if the file says so.
static og_status take_values(struct og_series_part *p, size_t *offsets,
                             struct og_error *err)
{
    size_t dim[3] = {0};
    void *list = NULL, *offset = NULL;
    char path[64];
    const bool own = p->l->offset && has(p, p->l->offset);
    snprintf(path, sizeof path, "%s%s", p->prefix, p->l->value);
    const struct og_hdf5_want want = {path, H5T_NATIVE_FLOAT, false, own ? 2 : 3};
    const og_status status = og_hdf5_take(p->s, &want, &list, dim, err);
    p->value = list;
    OG_TRY(status);
    p->values = own ? dim[1] : dim[2];
    p->steps = own ? dim[0] : dim[0] * dim[1];
    if (p->values == 0 || p->values > OG_SERIES_VALUES)
        return og_fail(err, OG_INPUT,
                       "%s: dataset '%s' has %zu values in a step, not 1 to %d",
                       p->s->path, path, p->values, OG_SERIES_VALUES);
    if (p->steps == 0)
        return og_fail(err, OG_INPUT, "%s: dataset '%s' has no steps", p->s->path, path);
    if (own) {
        const og_status read =
            take_list(p, p->l->offset, H5T_NATIVE_INT64, &offset, offsets, err);
        p->offset = offset;
        return read;
    }
    *offsets = dim[0] + 1;
    p->offset = og_alloc(*offsets, sizeof *p->offset);
    if (!p->offset) return og_fail(err, OG_NO_MEMORY, "out of memory for %s", path);
    for (size_t i = 0; i <= dim[0]; i++) p->offset[i] = (int64_t)(i * dim[1]);
    return OG_OK;
}

static og_status check_part(const struct og_series_part *p, size_t offsets, size_t groups,
                            struct og_error *err)
{
    const char *path = p->s->path;
    if (offsets != p->n + 1 || (p->group && groups != p->n))
        return og_fail(err, OG_INPUT,
                       "%s: %zu labels, %zu offsets and %zu groups in '%s' do not fit "
                       "together (n, n + 1, n or none)",
                       path, p->n, offsets, groups, p->prefix);
    for (size_t i = 0; i < p->n; i++) {
        const int64_t from = p->offset[i], to = p->offset[i + 1];
        if (from < 0 || to <= from || (uint64_t)to > p->steps)
            return og_fail(err, OG_INPUT,
                           "%s: sequence %s%zu has steps %lld to %lld of %zu", path,
                           p->prefix, i, (long long)from, (long long)to, p->steps);
        const int most = p->l->classes ? p->l->classes - 1 : OG_SERIES_CLASSES - 1;
        if (p->label[i] < 0 || p->label[i] > most)
            return og_fail(err, OG_INPUT, "%s: label %s%zu is %d, not in 0 to %d", path,
                           p->prefix, i, p->label[i], most);
    }
    for (size_t i = 0; i < p->steps * p->values; i++)
        if (!isfinite(p->value[i]))
            return og_fail(err, OG_INPUT, "%s: value %zu of '%s%s' is not finite", path,
                           i, p->prefix, p->l->value);
    return OG_OK;
}

og_status og_series_read(struct og_series_part *p, struct og_error *err)
{
    size_t offsets = 0, groups = 0;
    void *label = NULL, *group = NULL;
    OG_TRY(take_values(p, &offsets, err));
    og_status status = take_list(p, p->l->label, H5T_NATIVE_INT, &label, &p->n, err);
    p->label = label;
    OG_TRY(status);
    if (p->l->group && has(p, p->l->group))
        status = take_list(p, p->l->group, H5T_NATIVE_INT, &group, &groups, err);
    p->group = group;
    OG_TRY(status);
    return check_part(p, offsets, groups, err);
}
