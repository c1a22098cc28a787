// SPDX-License-Identifier: GPL-3.0-or-later
// What time does to programmed devices: drift, accumulated 1/f noise.
#ifndef OG_DEVICE_AGE_H
#define OG_DEVICE_AGE_H

#include "device/cells.h"

// Whether the device changes between its programming and a read at t [s] after t_0.
bool og_age_is_on(const struct og_device *d, double t);
// g[n] [S] as programmed -> at c->t, of devices number io->first .. that were to be
// written to `target` [S]; io->slope follows.
void og_cells_age(const struct og_cells *c, const struct og_cell_io *io,
                  const float *target, float *g);

#endif
