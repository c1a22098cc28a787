// SPDX-License-Identifier: GPL-3.0-or-later
// The converters of an array as circuits: which columns share one, their errors, and what
// the kernels need of them.
#ifndef OG_PERIPHERY_ADCS_H
#define OG_PERIPHERY_ADCS_H

#include "periphery/adc.h"
#include "periphery/array_impl.h"

// Whether columns are converted by circuits.
static inline bool og_adcs_are_circuits(const struct og_array *a)
{
    return a->limit > 0 && og_adc_is_circuit(&a->map.hw);
}

// Floats that a unit of `cols` columns keeps.
size_t og_adcs_room(const struct og_hardware *hw, size_t cols);
// Draws the slopes of all tiles, before the units.
void og_adcs_program(const struct og_array *a);
// Fills those of a unit, for the chip of the array.
void og_adcs_set(const struct og_array *a, struct og_unit *u);
struct og_steps og_adcs_steps(const struct og_array *a, const struct og_unit *u);

#endif
