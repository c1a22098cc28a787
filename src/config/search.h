// SPDX-License-Identifier: GPL-3.0-or-later
// Where device and technology files are looked for, and how one is put under what a user
// overrides.
#ifndef OG_CONFIG_SEARCH_H
#define OG_CONFIG_SEARCH_H

#include "config/fields.h"
#include "config/tree.h"

// What a block of hardware can be filled with from a file.
struct og_file_kind {
    const char *key;     // of the block: hardware.<key>
    const char *folder;  // of the source tree and of the installed data
    const char *what;    // "device file"
    const struct og_field *fields;
    // Adds what follows from other keys; then whether the file is a good one.
    og_status (*check)(og_item *file, struct og_error *err);
};
enum { OG_FILE_DEVICE, OG_FILE_TECHNOLOGY, OG_FILE_KINDS, OG_HARDWARE_BLOCKS = 3 };
extern const struct og_file_kind og_file_kinds[OG_FILE_KINDS];
// Paths of the blocks that are a hardware.
extern const char *const og_hardware_blocks[OG_HARDWARE_BLOCKS];

// The checked tree of the file `name` (borrows nothing). `about`: the item that names it,
// for errors; may be NULL.
og_status og_file_find(og_item **tree, const struct og_file_kind *kind, const char *name,
                       const char *beside, const og_item *about, struct og_error *err);
// Names of all files of the kind that can be found; the caller frees list and names
// (free()).
char **og_file_names(const struct og_file_kind *kind, size_t *n);

// Device and technology files read so far, so that every sweep point sees the same. One
// thread fills it; once all points have been resolved nothing is added any more.
struct og_device_cache {
    const char *beside;             // folder of the experiment; borrowed
    og_item *files[OG_FILE_KINDS];  // maps name -> tree
    og_item *presets;               // likewise
};
void og_device_cache_free(struct og_device_cache *cache);  // what it holds
// The tree of a file, read once. `files`: one of the maps of the cache.
og_status og_device_cached(struct og_device_cache *cache, og_item **files,
                           const struct og_file_kind *kind, const og_item *name,
                           const og_item **file, struct og_error *err);
// Puts the entries of `above` over `below`; maps are merged, all else is replaced. A law
// of another kind takes nothing over from the one that it replaces. False: out of memory.
bool og_block_overlay(og_item *below, const og_item *above);
// Whether a block gives every key: the effective text of an experiment needs no files.
bool og_block_is_complete(const struct og_field *fields, const og_item *map);
// Puts the files named in the blocks of each hardware below the keys that the user gave
// there.
og_status og_devices_resolve(struct og_device_cache *cache, og_item *root,
                             struct og_error *err);

// device: NAME -> device: {name: NAME}, in all places.
og_status og_devices_expand(og_item *root, struct og_error *err);
// Sets the name in a block {name, overrides}. The overrides stay, unless the block gives
// every key: then it is the outcome of a former device, and is replaced. `key`: of the
// name.
og_status og_device_rename(og_item *block, const struct og_field *fields, const char *key,
                           const og_item *name, struct og_error *err);
// device: NAME -> device: {name: NAME}, in one block of hardware.
og_status og_hardware_expand(og_item *hardware, struct og_error *err);

// --- presets.c -----------------------------------------------------------------------
// Puts the file named by hardware.preset below the keys of the block, devices not yet
// resolved.
og_status og_preset_resolve(struct og_device_cache *cache, og_item *hardware,
                            struct og_error *err);
// Adds the kinds of program and read that follow from their other keys.
og_status og_device_infer(og_item *block, struct og_error *err);
// A law of kind none whose deciding key has just been swept or set takes that key's kind:
// who sweeps sigma does not mean none.
og_status og_device_wake(og_item *root, const char *key, struct og_error *err);

#endif
