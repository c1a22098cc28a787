// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef OG_BIND_HARDWARE_H
#define OG_BIND_HARDWARE_H

#include "config/tree.h"
#include "ohmgrid/bind.h"

struct og_bind_hardware {
    struct og_hardware hardware;
    og_item *tree;  // hardware.layers lies in it; may be NULL
};

// *to: a copy that outlives `from`. og_item_free(to->tree).
og_status og_bind_hardware_copy(struct og_bind_hardware *to, const og_bind_hardware *from,
                                struct og_error *err);

#endif
