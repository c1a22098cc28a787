// SPDX-License-Identifier: GPL-3.0-or-later
// Where device files are looked for, and how one is put under what a user overrides.
#ifndef OG_CONFIG_SEARCH_H
#define OG_CONFIG_SEARCH_H

#include "config/tree.h"

// The checked tree of the device file `name` (borrows nothing). `about`: the item that
// names it, for errors; may be NULL.
og_status og_device_find(og_item **tree, const char *name, const char *beside,
                         const og_item *about, struct og_error *err);

// Device files read so far, so that every sweep point sees the same. One thread fills it;
// once all points have been resolved nothing is added any more.
struct og_device_cache {
    const char *beside;  // folder of the experiment; borrowed
    og_item *files;      // a map name -> tree
};
// Puts the files named under hardware.device and train.hardware.device below the keys
// that the user gave there.
og_status og_devices_resolve(struct og_device_cache *cache, og_item *root,
                             struct og_error *err);

// device: NAME -> device: {name: NAME}, in both places.
og_status og_devices_expand(og_item *root, struct og_error *err);
// Sets the name in a block {name, overrides}. The overrides stay, unless the block gives
// every key: then it is the outcome of a former device, and is replaced.
og_status og_device_rename(og_item *block, const og_item *name, struct og_error *err);
// Adds the kinds of program and read that follow from their other keys.
og_status og_device_infer(og_item *block, struct og_error *err);
// A law of kind none whose deciding key has just been swept or set takes that key's kind:
// who sweeps sigma does not mean none.
og_status og_device_wake(og_item *root, const char *key, struct og_error *err);

#endif
