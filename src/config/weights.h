// SPDX-License-Identifier: GPL-3.0-or-later
// The file under model.weights: where it is, and what it holds.
#ifndef OG_CONFIG_WEIGHTS_H
#define OG_CONFIG_WEIGHTS_H

#include "base/digest.h"
#include "config/tables.h"

// Files found so far, so that every sweep point sees the same. One thread fills it; once
// all points have been resolved nothing is added any more.
struct og_weights_cache {
    const char *beside, *data;  // folder of the experiment; --data; borrowed
    size_t n;
    struct og_weights_found *file;
};
struct og_weights_found {
    char name[sizeof((struct og_weights_config *)0)->file];
    char path[sizeof((struct og_weights_config *)0)->path];
    char digest[OG_DIGEST_TEXT];
};

// Finds the file of raw->config.weights, if one is named, compares its digest with the
// digests that are allowed there, and puts it in their place; reads model.rename.
og_status og_weights_resolve(struct og_weights_cache *cache, struct og_raw_config *raw,
                             const og_item *root, struct og_error *err);
// After all points: keys that say how to read a file that no point reads are refused.
og_status og_weights_check_use(const struct og_weights_cache *cache, const og_item *root,
                               struct og_error *err);
// Puts the digests of all files under model.weights_sha256.
og_status og_weights_state(const struct og_weights_cache *cache, og_item *root,
                           struct og_error *err);

// The same of a hardware's fault map.
og_status og_fault_map_resolve(struct og_weights_cache *cache, struct og_hardware *h,
                               const og_item *root, struct og_error *err);
og_status og_fault_map_state(const struct og_weights_cache *cache, og_item *root,
                             struct og_error *err);

#endif
