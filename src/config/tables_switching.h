// SPDX-License-Identifier: GPL-3.0-or-later
// The field tables of switching devices. Every parameter has to be given: a device is its
// numbers.
#ifndef OG_CONFIG_TABLES_SWITCHING_H
#define OG_CONFIG_TABLES_SWITCHING_H

#include "config/fields.h"
#include "ohmgrid/switching.h"

// A file as its table sees it.
struct og_raw_switching {
    struct og_switching device;
    const og_item *parameters;
};
extern const struct og_field og_switching_fields[];  // of struct og_raw_switching
extern const struct og_field og_vteam_fields[], og_ion_drift_fields[],
    og_yakopcic_fields[], og_stanford_pku_fields[], og_data_driven_fields[],
    og_jart_v1b_fields[];
extern const char og_switching_models[];  // words in the order of og_switching_kind

// The gap [m] of a Stanford-PKU device that has the resistance r [ohm] at v_read.
double og_stanford_gap(const struct og_stanford_pku *p, double r);

#endif
