// SPDX-License-Identifier: GPL-3.0-or-later
// /attribution: costs in accuracy and in loss over [point, part], points of the other
// axes in row-major order, with a scale for each, so that xarray opens it.
#include <stdio.h>
#include <string.h>

#include <hdf5_hl.h>

#include "base/mem.h"
#include "results/attribution.h"
#include "results/file.h"

struct place {
    struct og_hdf *h;
    hid_t group, scale[2];
    hsize_t dim[2];
};

static hid_t make_scale(const struct place *p, const char *name, hsize_t n, hid_t type,
                        const void *data)
{
    hid_t set =
        og_hdf_array(p->h, p->group,
                     &(struct og_hdf_array){
                         .name = name, .rank = 1, .dim = &n, .type = type, .data = data});
    if (p->h->status == OG_OK) og_hdf_ok(p->h, H5DSset_scale(set, name), "make a scale");
    return set;
}

static void make_scales(struct place *p, const struct og_attribution *a)
{
    int64_t *number = og_alloc(a->groups, sizeof *number);
    const char **part = og_alloc(a->parts, sizeof *part);
    hid_t text = og_hdf_text_type(p->h);
    if (!number || !part) {
        p->h->status = og_fail_memory(p->h->err);
    } else {
        for (size_t i = 0; i < a->groups; i++) number[i] = (int64_t)i;
        for (size_t i = 0; i < a->parts; i++) part[i] = a->part[i];
        p->scale[0] = make_scale(p, "point", a->groups, H5T_NATIVE_INT64, number);
        p->scale[1] = make_scale(p, "part", a->parts, text, part);
    }
    og_hdf_close(p->h, text);
    og_free(number);
    og_free(part);
}

// One bound of n intervals.
static void write_bound(const struct place *p, const char *name, const char *units,
                        const char *long_name, const struct og_interval *i, size_t offset,
                        int rank)
{
    const size_t n = (size_t)p->dim[0] * (rank == 2 ? (size_t)p->dim[1] : 1);
    double *value = og_alloc(n, sizeof *value);
    if (!value) {
        p->h->status = og_fail_memory(p->h->err);
        return;
    }
    for (size_t k = 0; k < n; k++)
        memcpy(&value[k], (const char *)&i[k] + offset, sizeof *value);
    hid_t set = og_hdf_array(p->h, p->group,
                             &(struct og_hdf_array){.name = name,
                                                    .rank = rank,
                                                    .dim = p->dim,
                                                    .type = H5T_NATIVE_DOUBLE,
                                                    .data = value,
                                                    .units = units,
                                                    .long_name = long_name});
    for (int d = 0; d < rank && p->h->status == OG_OK; d++)
        og_hdf_ok(p->h, H5DSattach_scale(set, p->scale[d], (unsigned)d),
                  "attach a scale");
    og_hdf_close(p->h, set);
    og_free(value);
}

static void write_costs(const struct place *p, const struct og_metric *m,
                        const struct og_attribution *a)
{
    const struct {
        const char *name, *long_name;
        const struct og_interval *cost;
        int rank;
    } all[] = {{"alone", "what the part alone loses", a->alone, 2},
               {"within", "what is gained without the part", a->within, 2},
               {"all", "what all of the hardware loses", a->all, 1}};
    const struct {
        const char *name;
        size_t offset;
    } bound[] = {{"", offsetof(struct og_interval, mean)},
                 {"_low", offsetof(struct og_interval, low)},
                 {"_high", offsetof(struct og_interval, high)}};
    for (size_t i = 0; i < 3; i++)
        for (size_t b = 0; b < 3 && p->h->status == OG_OK; b++) {
            char name[96];
            snprintf(name, sizeof name, "%s_%s%s", m->name, all[i].name, bound[b].name);
            write_bound(p, name, m->units, all[i].long_name, all[i].cost, bound[b].offset,
                        all[i].rank);
        }
}

static const struct og_axis *find_axis(const struct og_result *r, struct og_variants *v)
{
    const struct og_axis *found = NULL;
    v->outer = v->inner = 1;
    for (size_t i = 0; i < r->axes; i++) {
        if (!found && strcmp(r->axis[i]->column[0].key, "hardware.variant") == 0)
            found = r->axis[i];
        else if (found)
            v->inner *= r->axis[i]->n;
        else
            v->outer *= r->axis[i]->n;
    }
    return found;
}

void og_write_attribution(struct og_hdf *h, const struct og_result *r, hid_t file)
{
    struct og_variants v = {.trials = r->trials};
    const struct og_axis *axis = find_axis(r, &v);
    if (!axis || h->status != OG_OK) return;
    v.n = axis->n;
    v.label = axis->column[0].label;
    const size_t records = v.n * v.outer * v.inner * v.trials;
    struct place p = {h,
                      og_hdf_group(h, file, "attribution"),
                      {H5I_INVALID_HID, H5I_INVALID_HID},
                      {0, 0}};
    for (size_t m = 0; m < r->metrics && h->status == OG_OK; m++) {
        const bool accuracy = strcmp(r->metric[m].name, "accuracy") == 0;
        struct og_attribution a;
        if (!accuracy && strcmp(r->metric[m].name, "loss") != 0) continue;
        v.value = r->value + m * records;
        v.sign = accuracy ? 1 : -1;
        h->status = og_attribution_make(&a, &v, h->err);
        if (h->status != OG_OK) break;
        p.dim[0] = a.groups;
        p.dim[1] = a.parts;
        if (p.scale[0] < 0) make_scales(&p, &a);
        if (h->status == OG_OK) write_costs(&p, &r->metric[m], &a);
        og_attribution_free(&a);
    }
    og_hdf_close(h, p.scale[0]);
    og_hdf_close(h, p.scale[1]);
    og_hdf_close(h, p.group);
}
