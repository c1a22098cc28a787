// SPDX-License-Identifier: GPL-3.0-or-later
// What each part of a matrix takes, of the tiles as they are and of the dense array's: the
// terms of its energy and area in /layers.
#include <math.h>

#include "experiment/layers.h"

static double energy(const struct og_cost *c, size_t part, double reads)
{
    return reads * c->part[part].energy;
}

static double area(const struct og_cost *c, size_t part, double reads)
{
    (void)reads;
    return c->part[part].area;
}

static double uses(const struct og_cost *c, size_t part, double reads)
{
    return reads * c->part[part].uses;
}

static double number(const struct og_cost *c, size_t part, double reads)
{
    (void)reads;
    return c->part[part].count;
}

static const struct {
    struct og_metric metric;
    bool dense;
    double (*value)(const struct og_cost *c, size_t part, double reads);
} rows[OG_PART_METRICS] = {
    {{"part_energy", "J", "energy of each part for one sample"}, false, energy},
    {{"part_area", "m2", "area of each part"}, false, area},
    {{"part_uses", "1", "uses of each part for one sample, of the array its devices"},
     false,
     uses},
    {{"part_count", "1", "how many there are of each part, of buffers bits"},
     false,
     number},
    {{"part_energy_dense", "J", "part_energy, if no line of zeros were removed"},
     true,
     energy},
    {{"part_area_dense", "m2", "part_area, if no line of zeros were removed"},
     true,
     area},
    {{"part_uses_dense", "1", "part_uses, if no line of zeros were removed"}, true, uses},
    {{"part_count_dense", "1", "part_count, if no line of zeros were removed"},
     true,
     number},
};

struct og_metric og_layer_part_metric(size_t i) { return rows[i].metric; }

void og_layer_parts(const struct og_layer_source *s, double value[OG_PART_VALUES])
{
    for (size_t m = 0; m < OG_PART_METRICS; m++) {
        const struct og_cost *cost = rows[m].dense ? &s->costs.dense : &s->costs.used;
        for (size_t k = 0; k < OG_COST_PARTS; k++)
            value[m * OG_COST_PARTS + k] =
                s->priced ? rows[m].value(cost, k, s->reads) : NAN;
    }
}
