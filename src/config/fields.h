// SPDX-License-Identifier: GPL-3.0-or-later
// Field tables: one row per key says everything about it. Reading, checking, printing,
// help and stage hashes all come from these rows.
#ifndef OG_CONFIG_FIELDS_H
#define OG_CONFIG_FIELDS_H

#include <stddef.h>

#include "ohmgrid/config.h"

enum og_field_type {
    OG_FIELD_BOOL,    // bool; with `choices`, two words for false and true
    OG_FIELD_INT,     // int
    OG_FIELD_U64,     // uint64_t
    OG_FIELD_REAL,    // double; with a unit, values may carry a prefix: 25 uS
    OG_FIELD_LIST,    // struct og_list of reals
    OG_FIELD_TEXT,    // char[size]
    OG_FIELD_CHOICE,  // int (an enum): position in `choices`
    OG_FIELD_FLAGS,   // int: sum of 1 << position in `choices`; YAML list of words
    OG_FIELD_BLOCK,   // nested struct at offset, described by `block`
    OG_FIELD_ITEM,    // const og_item *: kept as it stands, checked by whoever reads it
};

struct og_field {
    const char *key;
    enum og_field_type type;
    size_t offset, size;
    const char *unit;     // "S", "V", "dB", "LSB"; NULL: none
    double min, max;      // inclusive; both 0: any
    const char *choices;  // words separated by blanks; "-" is a position not offered
    const char *def;      // default as YAML text; NULL: required. ITEM: "" or NULL
    enum og_stage stage;  // of a BLOCK: the earliest that any key in it can have
    const char *help;     // one sentence
    const struct og_field *block;
    const char *shorthand;  // BLOCK: key that a plain scalar stands for, or NULL
};
// Tables end with a row whose key is NULL.

// Fills the struct at `target` from a map (NULL: all defaults), strictly.
og_status og_fields_bind(const struct og_field *fields, const og_item *map, void *target,
                         struct og_error *err);
// The same for the keys that the map has, and those that its blocks have; all others stay
// as they are in `target`.
og_status og_fields_bind_given(const struct og_field *fields, const og_item *map,
                               void *target, struct og_error *err);

// --- printing (fields_print.c) -------------------------------------------------------
// Every key of the struct as YAML that binds to the same values, `indent` levels deep.
// A NULL ITEM is left out.
void og_fields_print(const struct og_field *fields, const void *source, FILE *out,
                     int indent);
// The same as lines "prefix.key=value", only of the stages up to and including `stage`.
void og_fields_lines(const struct og_field *fields, const void *source,
                     const char *prefix, enum og_stage stage, FILE *out);
// The row of "a.b"; NULL when there is none. A path into an ITEM gives the ITEM's row.
const struct og_field *og_fields_find(const struct og_field *fields, const char *path);
// Key, type, unit, range, default, stage (at least `stage`), sentence of each row.
void og_fields_help(const struct og_field *fields, const char *prefix,
                    enum og_stage stage, FILE *out);
// "0 .. 16", ">= 0 S" and the like; empty when anything is allowed.
void og_field_range(const struct og_field *field, char *text, size_t size);

#endif
