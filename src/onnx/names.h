// SPDX-License-Identifier: GPL-3.0-or-later
// A set of names, numbered in the order in which they came.
#ifndef OG_ONNX_NAMES_H
#define OG_ONNX_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OG_NO_NAME SIZE_MAX

struct og_names {
    char **name;  // [n]
    size_t n, room, *slot, slots;
};

size_t og_names_find(const struct og_names *names, const char *name);  // OG_NO_NAME
// The number of a name, which is added (copied) where it is new. False: out of memory.
bool og_names_add(struct og_names *names, const char *name, size_t *number);
void og_names_free(struct og_names *names);

#endif
