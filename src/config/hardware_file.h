// SPDX-License-Identifier: GPL-3.0-or-later
// A hardware from a text, for other languages (ohmgrid/bind.h).
#ifndef OG_CONFIG_HARDWARE_FILE_H
#define OG_CONFIG_HARDWARE_FILE_H

#include "config/tree.h"

struct og_hardware_text {
    const char *text;  // YAML: the keys of `hardware`, or these below one key 'hardware'
    const char *name;  // what errors call it
    const char *beside;  // folder where device and technology files are looked for, too
};
// *tree is what hardware->layers and hardware->variant borrow: the caller frees it with
// og_item_free when the hardware is no longer used.
og_status og_hardware_parse(struct og_hardware *hardware, og_item **tree,
                            const struct og_hardware_text *text, struct og_error *err);

#endif
