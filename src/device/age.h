// SPDX-License-Identifier: GPL-3.0-or-later
// What time and reads do to programmed devices: retention tables, drift, accumulated 1/f
// noise, read disturb, in that order.
#ifndef OG_DEVICE_AGE_H
#define OG_DEVICE_AGE_H

#include "device/cells.h"

// Whether the device changes between its programming and a read at t [s] after t_0 that
// has so many before it.
bool og_age_is_on(const struct og_device *d, double t, double reads);
// g[n] [S] as programmed -> at c->t, of devices number io->first .. that were to be
// written to `target` [S]; io->slope follows.
void og_cells_age(const struct og_cells *c, const struct og_cell_io *io,
                  const float *target, float *g);

// --- retention.c
// Which time of the table t is; -1: none of them.
int og_retention_at(const struct og_device *d, double t);
// g[n] at c->t, which is in the table.
void og_retention(const struct og_cells *c, const struct og_cell_io *io,
                  const float *target, float *g);

#endif
