// SPDX-License-Identifier: GPL-3.0-or-later
// The reader works on libyaml's events rather than on its documents, because a document
// has already lost its anchors and duplicate keys.
#include "config/tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "base/mem.h"

enum { MAX_DEPTH = 64, MAX_BYTES = 16 << 20 };

struct reader {
    yaml_parser_t parser;
    const char *name, *text;
    struct og_error *err;
};

static og_status no_memory(struct reader *r)
{
    return og_fail(r->err, OG_NO_MEMORY, "out of memory while reading %s", r->name);
}

// Whether the indentation of line `line` (from 0) holds a tab, libyaml's least clear
// error.
static bool tab_indents(const char *text, size_t line)
{
    for (; line > 0 && text != NULL; line--) {
        text = strchr(text, '\n');
        if (text != NULL) text++;
    }
    return text != NULL && text[strspn(text, " ")] == '\t';
}

static og_status syntax_error(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR) return no_memory(r);
    size_t line = p->problem_mark.line;
    if (tab_indents(r->text, line))
        return og_fail(r->err, OG_INPUT, "%s:%zu: a tab cannot indent YAML: use blanks",
                       r->name, line + 1);
    return og_fail(r->err, OG_INPUT, "%s:%zu: not valid YAML: %s%s%s", r->name, line + 1,
                   p->problem ? p->problem : "unreadable character",
                   p->context ? " " : "", p->context ? p->context : "");
}

static og_status next(struct reader *r, yaml_event_t *event)
{
    return yaml_parser_parse(&r->parser, event) ? OG_OK : syntax_error(r);
}

static og_status fill(struct reader *r, const yaml_event_t *event, og_item *item,
                      int depth);

// What the file format leaves out, so that a document means just what it shows.
static og_status refuse_extras(struct reader *r, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    size_t line = event->start_mark.line + 1;
    if (event->type == YAML_ALIAS_EVENT)
        return og_fail(r->err, OG_INPUT,
                       "%s:%zu: aliases (*%s) are not allowed: write the value out",
                       r->name, line, (const char *)event->data.alias.anchor);
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor != NULL)
        return og_fail(r->err, OG_INPUT, "%s:%zu: anchors (&%s) are not allowed", r->name,
                       line, (const char *)anchor);
    if (tag != NULL)
        return og_fail(r->err, OG_INPUT, "%s:%zu: tags (%s) are not allowed", r->name,
                       line, (const char *)tag);
    return OG_OK;
}

static og_status fill_scalar(struct reader *r, const yaml_event_t *event, og_item *item)
{
    const char *value = (const char *)event->data.scalar.value;
    if (strlen(value) != event->data.scalar.length)
        return og_fail(r->err, OG_INPUT, "%s:%zu: a text holds a NUL character", r->name,
                       event->start_mark.line + 1);
    item->kind = OG_ITEM_SCALAR;
    // Plain text over several paragraphs reads back only in quotes.
    item->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
                   strchr(value, '\n') != NULL;
    item->text = og_copy_text(value);
    return item->text != NULL ? OG_OK : no_memory(r);
}

// Reads the key of an entry into a new child of `map`.
static og_status add_key(struct reader *r, const yaml_event_t *event, og_item *map,
                         og_item *child)
{
    OG_TRY(refuse_extras(r, event));
    int line = (int)event->start_mark.line + 1;
    if (event->type != YAML_SCALAR_EVENT)
        return og_fail(r->err, OG_INPUT, "%s:%d: a key must be a plain word", r->name,
                       line);
    const char *key = (const char *)event->data.scalar.value;
    child->line = line;
    const og_item *twin = og_item_get(map, key);
    if (child->key == NULL) child->key = og_copy_text(key);
    if (child->key == NULL) return no_memory(r);
    if (twin == NULL) return OG_OK;
    return og_item_fail(child, r->err, "is there twice (first on line %d)", twin->line);
}

static bool is_end(const yaml_event_t *event)
{
    return event->type == YAML_SEQUENCE_END_EVENT ||
           event->type == YAML_MAPPING_END_EVENT;
}

// One entry, whose first event has been read already.
static og_status add_entry(struct reader *r, const yaml_event_t *first, og_item *item,
                           int depth)
{
    og_item *child = og_item_new(OG_ITEM_SCALAR, NULL, r->name, 0);
    if (child == NULL) return no_memory(r);
    child->parent = item;
    og_status status = OG_OK;
    yaml_event_t value;
    if (item->kind == OG_ITEM_MAP) {
        status = add_key(r, first, item, child);
        if (status == OG_OK) status = next(r, &value);
        if (status == OG_OK) {
            status = fill(r, &value, child, depth + 1);
            yaml_event_delete(&value);
        }
    } else {
        status = fill(r, first, child, depth + 1);
    }
    if (status != OG_OK) {
        og_item_free(child);
        return status;
    }
    return og_item_put(item, NULL, child) ? OG_OK : no_memory(r);
}

static og_status fill_children(struct reader *r, og_item *item, int depth)
{
    if (depth >= MAX_DEPTH)
        return og_fail(r->err, OG_INPUT, "%s:%d: nested deeper than %d levels", r->name,
                       item->line, MAX_DEPTH);
    for (;;) {
        yaml_event_t event;
        OG_TRY(next(r, &event));
        bool end = is_end(&event);
        og_status status = end ? OG_OK : add_entry(r, &event, item, depth);
        yaml_event_delete(&event);
        if (end || status != OG_OK) return status;
    }
}

static og_status fill(struct reader *r, const yaml_event_t *event, og_item *item,
                      int depth)
{
    OG_TRY(refuse_extras(r, event));
    if (item->line == 0) item->line = (int)event->start_mark.line + 1;
    if (event->type == YAML_SCALAR_EVENT) return fill_scalar(r, event, item);
    item->kind = event->type == YAML_MAPPING_START_EVENT ? OG_ITEM_MAP : OG_ITEM_LIST;
    return fill_children(r, item, depth);
}

static og_status expect(struct reader *r, yaml_event_type_t type, const char *problem)
{
    yaml_event_t event;
    OG_TRY(next(r, &event));
    og_status status = OG_OK;
    if (event.type != type)
        status = og_fail(r->err, OG_INPUT, "%s:%zu: %s", r->name,
                         event.start_mark.line + 1, problem);
    yaml_event_delete(&event);
    return status;
}

static og_status read_document(struct reader *r, og_item *root)
{
    OG_TRY(expect(r, YAML_STREAM_START_EVENT, "not a YAML stream"));
    OG_TRY(expect(r, YAML_DOCUMENT_START_EVENT, "the file is empty"));
    yaml_event_t event;
    OG_TRY(next(r, &event));
    og_status status = fill(r, &event, root, 0);
    yaml_event_delete(&event);
    OG_TRY(status);
    OG_TRY(expect(r, YAML_DOCUMENT_END_EVENT, "text after the end of the document"));
    return expect(r, YAML_STREAM_END_EVENT,
                  "a second document begins here; only one is allowed");
}

og_status og_item_parse(og_item **root, const char *name, const char *text,
                        struct og_error *err)
{
    // The byte order mark that some editors put in front of UTF-8.
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0) text += 3;
    struct reader r = {.name = name, .text = text, .err = err};
    *root = NULL;
    if (!yaml_parser_initialize(&r.parser)) return no_memory(&r);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, strlen(text));
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    og_item *item = og_item_new(OG_ITEM_SCALAR, NULL, name, 0);
    og_status status = item == NULL ? no_memory(&r) : read_document(&r, item);
    yaml_parser_delete(&r.parser);
    if (status == OG_OK)
        *root = item;
    else
        og_item_free(item);
    return status;
}

static og_status read_text(FILE *file, const char *path, char **text,
                           struct og_error *err)
{
    size_t n = 0, room = 4096;
    char *buffer = og_alloc(room + 1, 1);
    while (buffer != NULL) {
        n += fread(buffer + n, 1, room - n, file);
        if (n < room || n >= MAX_BYTES) break;
        char *larger = og_grow(buffer, n, 2 * room + 1, 1);
        if (larger == NULL) og_free(buffer);
        buffer = larger;
        room *= 2;
    }
    og_status status = OG_OK;
    if (buffer == NULL)
        status = og_fail(err, OG_NO_MEMORY, "out of memory while reading %s", path);
    else if (ferror(file))
        status = og_fail(err, OG_IO, "cannot read %s: %s", path, strerror(errno));
    else if (n >= MAX_BYTES)
        status =
            og_fail(err, OG_INPUT, "%s is larger than %d MiB", path, MAX_BYTES >> 20);
    else if (memchr(buffer, 0, n) != NULL)
        status =
            og_fail(err, OG_INPUT, "%s holds a NUL byte: it is not a text file", path);
    if (status != OG_OK) {
        og_free(buffer);
        buffer = NULL;
    }
    *text = buffer;
    return status;
}

og_status og_item_read(og_item **root, const char *path, struct og_error *err)
{
    *root = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return og_fail(err, OG_INPUT, "cannot open %s: %s", path, strerror(errno));
    char *text;
    og_status status = read_text(file, path, &text, err);
    fclose(file);
    if (status == OG_OK) status = og_item_parse(root, path, text, err);
    og_free(text);
    return status;
}

const og_item *og_item_get(const og_item *map, const char *key)
{
    if (map == NULL || map->kind != OG_ITEM_MAP) return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->child[i]->key, key) == 0) return map->child[i];
    return NULL;
}

bool og_item_is_text(const og_item *item, const char *text)
{
    return item != NULL && item->kind == OG_ITEM_SCALAR && strcmp(item->text, text) == 0;
}

void og_item_path(const og_item *item, char path[OG_ITEM_PATH])
{
    path[0] = '\0';
    if (item->parent == NULL && item->key == NULL) return;
    if (item->parent != NULL) og_item_path(item->parent, path);
    size_t n = strlen(path), room = OG_ITEM_PATH - n;
    if (item->key != NULL) {
        snprintf(path + n, room, "%s%s", n ? "." : "", item->key);
        return;
    }
    size_t index = 0;
    while (index < item->parent->n && item->parent->child[index] != item) index++;
    snprintf(path + n, room, "[%zu]", index);
}

og_status og_item_fail(const og_item *item, struct og_error *err, const char *format, ...)
{
    char text[OG_ERROR_TEXT], path[OG_ITEM_PATH], line[24] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    og_item_path(item, path);
    if (item->line > 0) snprintf(line, sizeof line, ":%d", item->line);
    if (path[0] == '\0')
        return og_fail(err, OG_INPUT, "%s%s: %s", item->file, line, text);
    return og_fail(err, OG_INPUT, "%s%s: key '%s': %s", item->file, line, path, text);
}
