// SPDX-License-Identifier: GPL-3.0-or-later
// Arrays with wires for tests, and the same circuits without arrays.
#ifndef OG_TESTS_WIRED_TOOLS_H
#define OG_TESTS_WIRED_TOOLS_H

#include "array_helper.h"
#include "ohmgrid/wires.h"

static inline struct og_hardware wired_hardware(void)
{
    struct og_hardware hw = plain_hardware();
    hw.device.g_max = 100e-6;
    hw.tile.rows = 8;
    hw.tile.cols = 4;
    hw.wires.mode = OG_WIRES_EXACT;
    hw.wires.r_row = 30;
    hw.wires.r_col = 17;
    hw.wires.r_source = 200;
    hw.wires.r_sense = 70;
    return hw;
}

static inline struct og_wire_params params_of(const struct og_hardware *hw)
{
    return (struct og_wire_params){hw->wires.r_row,
                                   hw->wires.r_col,
                                   hw->wires.r_source,
                                   hw->wires.r_sense,
                                   hw->wires.drive == OG_BOTH_ENDS,
                                   hw->wires.sense == OG_BOTH_ENDS};
}

// The currents [n][cols] of one array.
static inline void currents(const struct og_wire_params *p, size_t rows, size_t cols,
                            const double *g, const double *v, size_t n, double *current)
{
    og_wires *w;
    struct og_error err = {0};
    assert_int_equal(og_wires_alloc(&w, rows, cols, p, &err), OG_OK);
    assert_int_equal(og_wires_load(w, g, &err), OG_OK);
    assert_int_equal(og_wires_read(w, OG_WIRES_DIRECT, v, n, current, NULL, &err), OG_OK);
    og_wires_free(w);
}

static inline struct og_sigma proportional(double fraction)
{
    return (struct og_sigma){OG_SIGMA_PROPORTIONAL, .fraction = fraction, .scale = 1};
}

#endif
