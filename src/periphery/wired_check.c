// SPDX-License-Identifier: GPL-3.0-or-later
#include <math.h>

#include "base/mem.h"
#include "periphery/plate.h"

struct checking {
    double *variance;  // [cells] S^2 of the plate; NULL: no read noise
};

static const struct checking *checking_of(const struct og_plate *p) { return p->with; }

static void gather_variance(const struct og_plate *p, int side)
{
    const struct og_device *d = &p->a->map.hw.device;
    const double range = d->g_max - d->g_min;
    for (size_t i = 0; i < p->rows; i++)
        for (size_t j = 0; j < p->cols; j++) {
            const float *from =
                og_wired_variance(p->a, p->copy, og_plate_side(p, j, side));
            if (!og_missing(&p->a->map, p->row0 + i, p->col0 + j))
                checking_of(p)->variance[og_plate_cell(p, i, j, side)] =
                    (double)from[og_plate_device(p, i, j)] * range * range;
        }
}

og_status og_array_wire_check(const og_array *a, struct og_wire_check *check,
                              struct og_error *err)
{
    *check = (struct og_wire_check){NAN, NAN, NAN, NAN, NAN};
    if (a->wired == NULL || a->map.rows == 0 || a->map.cols == 0) return OG_OK;
    // The slice in hand is the last one: its noise is that which is still known.
    struct og_circuit n = {.wiring = a->map.hw.wires};
    struct og_plate p = og_plate_of(a, a->map.slices - 1, 0);
    struct checking c = {0};
    p.n = &n;
    p.with = &c;
    og_status s = og_plate_gather(&p);
    if (s == OG_OK && a->wired->variance != NULL) {
        c.variance = og_alloc(n.rows * n.cols, sizeof *c.variance);
        s = c.variance != NULL ? OG_OK : OG_NO_MEMORY;
        if (s == OG_OK) og_each_side(&p, gather_variance);
    }
    if (s == OG_OK) s = og_circuit_check(&n, c.variance, check, err);
    og_free(c.variance);
    og_circuit_clear(&n);
    if (s == OG_OK) return OG_OK;
    return og_fail(err, s, "hardware.wires: their check: %s", og_status_text(s));
}
