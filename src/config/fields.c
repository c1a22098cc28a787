// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/fields.h"

#include <assert.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "config/number.h"
#include "config/tree.h"

// One value on its way from a scalar (or other item) to its place in a struct.
struct binding {
    const struct og_field *field;
    const og_item *item;
    void *at;
    struct og_error *err;
};

static const char *kind_name(const og_item *item)
{
    if (item->kind == OG_ITEM_MAP) return "a map";
    if (item->kind == OG_ITEM_LIST) return "a list";
    return "a single value";
}

static og_status want_scalar(const struct binding *b, const char *what)
{
    if (b->item->kind != OG_ITEM_SCALAR)
        return og_item_fail(b->item, b->err, "must be %s, not %s", what,
                            kind_name(b->item));
    if (b->item->text[0] == '\0' && !b->item->quoted)
        return og_item_fail(b->item, b->err, "has no value: it must be %s", what);
    return OG_OK;
}

static bool outside(const struct og_field *f, double value)
{
    if (f->min == 0 && f->max == 0) return false;
    return !(value >= f->min && value <= f->max);
}

static og_status range_fail(const struct binding *b)
{
    char range[96];
    og_field_range(b->field, range, sizeof range);
    return og_item_fail(b->item, b->err, "%s is outside the allowed range (%s)",
                        b->item->text, range);
}

static og_status bind_real(const struct binding *b, double *value)
{
    const char *unit = b->field->unit, *text = b->item->text;
    OG_TRY(want_scalar(b, "a number"));
    enum og_number n =
        b->item->quoted ? OG_NUMBER_WRONG : og_number_read(text, unit, value);
    if (n == OG_NUMBER_WRONG_UNIT)
        return og_item_fail(b->item, b->err,
                            "'%s' has a wrong unit: it is measured in %s", text, unit);
    if (n != OG_NUMBER_OK && unit != NULL)
        return og_item_fail(b->item, b->err, "'%s' is not a finite number in %s", text,
                            unit);
    if (n != OG_NUMBER_OK)
        return og_item_fail(b->item, b->err, "'%s' is not a finite number", text);
    return outside(b->field, *value) ? range_fail(b) : OG_OK;
}

static og_status bind_int(const struct binding *b)
{
    long long value;
    OG_TRY(want_scalar(b, "a whole number"));
    if (b->item->quoted || !og_number_read_int(b->item->text, &value))
        return og_item_fail(b->item, b->err, "'%s' is not a whole number", b->item->text);
    if (value < INT_MIN || value > INT_MAX || outside(b->field, (double)value))
        return range_fail(b);
    *(int *)b->at = (int)value;
    return OG_OK;
}

static og_status bind_u64(const struct binding *b)
{
    OG_TRY(want_scalar(b, "a whole number"));
    if (b->item->quoted || !og_number_read_u64(b->item->text, b->at))
        return og_item_fail(b->item, b->err,
                            "'%s' is not a whole number from 0 to 18446744073709551615",
                            b->item->text);
    return OG_OK;
}

static og_status bind_list(const struct binding *b)
{
    struct og_list *list = b->at;
    if (b->item->kind != OG_ITEM_LIST)
        return og_item_fail(b->item, b->err, "must be a list of numbers, not %s",
                            kind_name(b->item));
    if (b->item->n > OG_LIST_MAX)
        return og_item_fail(b->item, b->err, "has %zu entries; at most %d are allowed",
                            b->item->n, OG_LIST_MAX);
    list->n = (int)b->item->n;
    for (size_t i = 0; i < b->item->n; i++) {
        struct binding entry = *b;
        entry.item = b->item->child[i];
        OG_TRY(bind_real(&entry, &list->v[i]));
    }
    return OG_OK;
}

static og_status bind_text(const struct binding *b)
{
    if (b->item->kind != OG_ITEM_SCALAR)
        return og_item_fail(b->item, b->err, "must be text, not %s", kind_name(b->item));
    size_t n = strlen(b->item->text);
    if (n >= b->field->size)
        return og_item_fail(b->item, b->err, "is %zu bytes long; at most %zu are allowed",
                            n, b->field->size - 1);
    memcpy(b->at, b->item->text, n + 1);
    return OG_OK;
}

// Position of `word` among words separated by blanks; -1: not among them.
static int position(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (int i = 0; *words != '\0'; i++) {
        size_t length = strcspn(words, " ");
        if (length == n && memcmp(words, word, n) == 0)
            return n == 1 && *word == '-' ? -1 : i;
        words += length;
        words += strspn(words, " ");
    }
    return -1;
}

static og_status bind_word(const struct binding *b, const char *words, int *value)
{
    char list[512] = "";
    OG_TRY(want_scalar(b, "a word"));
    *value = position(words, b->item->text);
    if (*value >= 0) return OG_OK;
    for (const char *w = words; *w != '\0'; w += strspn(w, " ")) {
        size_t n = strcspn(w, " "), used = strlen(list);
        if (n != 1 || *w != '-')
            snprintf(list + used, sizeof list - used, "%s%.*s", used ? ", " : "", (int)n,
                     w);
        w += n;
    }
    return og_item_fail(b->item, b->err, "'%s' is none of: %s", b->item->text, list);
}

static og_status bind_flags(const struct binding *b)
{
    int flags = 0;
    if (b->item->kind != OG_ITEM_LIST)
        return og_item_fail(b->item, b->err, "must be a list of words, not %s",
                            kind_name(b->item));
    for (size_t i = 0; i < b->item->n; i++) {
        struct binding entry = *b;
        int place;
        entry.item = b->item->child[i];
        OG_TRY(bind_word(&entry, b->field->choices, &place));
        if (flags & 1 << place)
            return og_item_fail(entry.item, b->err, "'%s' is there twice",
                                entry.item->text);
        flags |= 1 << place;
    }
    *(int *)b->at = flags;
    return OG_OK;
}

static og_status bind_bool(const struct binding *b)
{
    int value;
    OG_TRY(bind_word(b, b->field->choices ? b->field->choices : "false true", &value));
    *(bool *)b->at = value == 1;
    return OG_OK;
}

static og_status bind_block(const struct binding *b)
{
    const struct og_field *f = b->field;
    if (b->item == NULL || b->item->kind == OG_ITEM_MAP)
        return og_fields_bind(f->block, b->item, b->at, b->err);
    if (b->item->kind == OG_ITEM_LIST || f->shorthand == NULL || b->item->text[0] == '\0')
        return og_item_fail(b->item, b->err, "must be a map of keys, not %s",
                            kind_name(b->item));
    // A map with the one entry that the scalar stands for, alive for this call only.
    og_item entry = *b->item, *child[] = {&entry};
    og_item map = {.kind = OG_ITEM_MAP,
                   .key = b->item->key,
                   .file = b->item->file,
                   .line = b->item->line,
                   .n = 1,
                   .child = child,
                   .parent = b->item->parent};
    entry.key = (char *)f->shorthand;
    entry.parent = &map;
    return og_fields_bind(f->block, &map, b->at, b->err);
}

static og_status bind_value(const struct binding *b)
{
    int choice;
    switch (b->field->type) {
    case OG_FIELD_BOOL:
        return bind_bool(b);
    case OG_FIELD_INT:
        return bind_int(b);
    case OG_FIELD_U64:
        return bind_u64(b);
    case OG_FIELD_REAL:
        return bind_real(b, b->at);
    case OG_FIELD_LIST:
        return bind_list(b);
    case OG_FIELD_TEXT:
        return bind_text(b);
    case OG_FIELD_FLAGS:
        return bind_flags(b);
    case OG_FIELD_BLOCK:
        return bind_block(b);
    case OG_FIELD_CHOICE:
        OG_TRY(bind_word(b, b->field->choices, &choice));
        *(int *)b->at = choice;
        return OG_OK;
    case OG_FIELD_ITEM:
        *(const og_item **)b->at = b->item;
        return OG_OK;
    }
    assert(!"a field type without a reader");
    return OG_FAILED;
}

// Scalars and "[]" need no parser: defaults of whole structs cost no memory.
static og_status bind_default(struct binding *b)
{
    const char *def = b->field->def;
    if (b->field->type == OG_FIELD_ITEM) {
        *(const og_item **)b->at = NULL;
        return OG_OK;
    }
    og_item item = {.kind = OG_ITEM_SCALAR,
                    .key = (char *)b->field->key,
                    .text = (char *)def,
                    .file = "default"};
    if (strcmp(def, "[]") == 0) item.kind = OG_ITEM_LIST;
    b->item = &item;
    if (def[0] != '[' || item.kind == OG_ITEM_LIST) return bind_value(b);
    og_item *list;
    OG_TRY(og_item_parse(&list, "default", def, b->err));
    b->item = list;
    og_status status = bind_value(b);
    og_item_free(list);
    return status;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

// Number of edits (a letter more, less or other, two neighbours swapped) between two
// words.
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    size_t d[LONGEST + 1][LONGEST + 1], na = strlen(a), nb = strlen(b);
    if (na > LONGEST || nb > LONGEST) return LONGEST;
    for (size_t i = 0; i <= na; i++) {
        for (size_t j = 0; j <= nb; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            size_t change = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            d[i][j] = least(change, least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[na][nb];
}

static og_status unknown_key(const struct og_field *fields, const og_item *entry,
                             struct og_error *err)
{
    const char *nearest = NULL;
    size_t closest = strlen(entry->key) / 3 + 2;
    char list[640] = "";
    for (const struct og_field *f = fields; f->key != NULL; f++) {
        size_t d = distance(entry->key, f->key), used = strlen(list);
        if (d < closest) {
            closest = d;
            nearest = f->key;
        }
        snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", f->key);
    }
    if (nearest != NULL)
        return og_item_fail(entry, err, "unknown key; did you mean '%s'?", nearest);
    return og_item_fail(entry, err, "unknown key; known here: %s",
                        list[0] ? list : "none");
}

static og_status bind_field(const struct og_field *f, const og_item *map, void *target,
                            struct og_error *err)
{
    struct binding b = {f, og_item_get(map, f->key), (char *)target + f->offset, err};
    // A block that was left out is an empty one: what it lacks is named with its path.
    og_item empty = {.kind = OG_ITEM_MAP, .key = (char *)f->key, .parent = map};
    if (b.item == NULL && f->type == OG_FIELD_BLOCK && map != NULL) {
        empty.file = map->file;
        empty.line = map->line;
        b.item = &empty;
    }
    if (b.item != NULL || f->type == OG_FIELD_BLOCK) return bind_value(&b);
    if (f->def != NULL) return bind_default(&b);
    if (map != NULL)
        return og_item_fail(map, err, "key '%s' is missing: %s", f->key, f->help);
    return og_fail(err, OG_INPUT, "key '%s' is missing: %s", f->key, f->help);
}

static og_status check_keys(const struct og_field *fields, const og_item *map,
                            struct og_error *err)
{
    if (map != NULL && map->kind != OG_ITEM_MAP)
        return og_item_fail(map, err, "must be a map of keys, not %s", kind_name(map));
    for (size_t i = 0; map != NULL && i < map->n; i++) {
        const struct og_field *f = fields;
        while (f->key != NULL && strcmp(f->key, map->child[i]->key) != 0) f++;
        if (f->key == NULL) return unknown_key(fields, map->child[i], err);
    }
    return OG_OK;
}

og_status og_fields_bind(const struct og_field *fields, const og_item *map, void *target,
                         struct og_error *err)
{
    OG_TRY(check_keys(fields, map, err));
    for (const struct og_field *f = fields; f->key != NULL; f++)
        OG_TRY(bind_field(f, map, target, err));
    return OG_OK;
}

og_status og_fields_bind_given(const struct og_field *fields, const og_item *map,
                               void *target, struct og_error *err)
{
    OG_TRY(check_keys(fields, map, err));
    for (const struct og_field *f = fields; f->key != NULL; f++) {
        const og_item *item = map != NULL ? og_item_get(map, f->key) : NULL;
        if (item == NULL) continue;
        if (f->type == OG_FIELD_BLOCK && item->kind == OG_ITEM_MAP)
            OG_TRY(og_fields_bind_given(f->block, item, (char *)target + f->offset, err));
        else
            OG_TRY(bind_field(f, map, target, err));
    }
    return OG_OK;
}
