// SPDX-License-Identifier: GPL-3.0-or-later
// What a law of current against voltage must be like (tables_iv.c).
#ifndef OG_CONFIG_IV_H
#define OG_CONFIG_IV_H

#include "ohmgrid/config.h"

// Whether it rises as far as it must, v_read at least. `map`: of hardware, where errors
// point to; or NULL.
og_status og_iv_check(const struct og_iv *iv, double v_read, const og_item *map,
                      struct og_error *err);

#endif
