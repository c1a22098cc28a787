// SPDX-License-Identifier: GPL-3.0-or-later
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "config/fields.h"
#include "config/number.h"
#include "config/tree.h"

static void print_real(double value, const char *unit, FILE *out)
{
    char text[OG_NUMBER_TEXT];
    og_number_print(value, text);
    fprintf(out, "%s%s%s", text, unit ? " " : "", unit ? unit : "");
}

static void print_word(const char *words, int place, FILE *out)
{
    while (place-- > 0) words += strcspn(words, " ") + 1;
    fprintf(out, "%.*s", (int)strcspn(words, " "), words);
}

static void print_list(const struct og_field *f, const struct og_list *list, FILE *out)
{
    fputc('[', out);
    for (int i = 0; i < list->n; i++) {
        if (i > 0) fputs(", ", out);
        print_real(list->v[i], f->unit, out);
    }
    fputc(']', out);
}

static void print_flags(const struct og_field *f, int flags, FILE *out)
{
    const char *separator = "";
    fputc('[', out);
    for (int place = 0; flags >> place != 0; place++) {
        if (!(flags >> place & 1)) continue;
        fputs(separator, out);
        print_word(f->choices, place, out);
        separator = ", ";
    }
    fputc(']', out);
}

// The value alone, on one line; not of a BLOCK or ITEM.
static void print_value(const struct og_field *f, const void *at, FILE *out)
{
    switch (f->type) {
    case OG_FIELD_BOOL:
        print_word(f->choices ? f->choices : "false true", *(const bool *)at, out);
        break;
    case OG_FIELD_INT:
        fprintf(out, "%d", *(const int *)at);
        break;
    case OG_FIELD_U64:
        fprintf(out, "%llu", (unsigned long long)*(const uint64_t *)at);
        break;
    case OG_FIELD_REAL:
        print_real(*(const double *)at, f->unit, out);
        break;
    case OG_FIELD_LIST:
        print_list(f, at, out);
        break;
    case OG_FIELD_TEXT:
        og_print_quoted(at, out);
        break;
    case OG_FIELD_CHOICE:
        print_word(f->choices, *(const int *)at, out);
        break;
    case OG_FIELD_FLAGS:
        print_flags(f, *(const int *)at, out);
        break;
    case OG_FIELD_BLOCK:
    case OG_FIELD_ITEM:
        break;
    }
}

void og_fields_print(const struct og_field *fields, const void *source, FILE *out,
                     int indent)
{
    for (const struct og_field *f = fields; f->key != NULL; f++) {
        const void *at = (const char *)source + f->offset;
        const og_item *item =
            f->type == OG_FIELD_ITEM ? *(const og_item *const *)at : NULL;
        if (f->type == OG_FIELD_ITEM && item == NULL) continue;
        fprintf(out, "%*s%s:", 2 * indent, "", f->key);
        if (f->type == OG_FIELD_BLOCK) {
            fputc('\n', out);
            og_fields_print(f->block, at, out, indent + 1);
        } else if (item != NULL) {
            bool below = item->kind != OG_ITEM_SCALAR && item->n > 0;
            fputc(below ? '\n' : ' ', out);
            og_item_print(item, out, indent + 1);
        } else {
            fputc(' ', out);
            print_value(f, at, out);
            fputc('\n', out);
        }
    }
}

void og_fields_lines(const struct og_field *fields, const void *source,
                     const char *prefix, enum og_stage stage, FILE *out)
{
    for (const struct og_field *f = fields; f->key != NULL; f++) {
        const void *at = (const char *)source + f->offset;
        char path[OG_ITEM_PATH];
        snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", f->key);
        if (f->stage > stage) continue;
        if (f->type == OG_FIELD_BLOCK) {
            og_fields_lines(f->block, at, path, stage, out);
            continue;
        }
        const og_item *item =
            f->type == OG_FIELD_ITEM ? *(const og_item *const *)at : NULL;
        fprintf(out, "%s=", path);
        if (item != NULL)
            og_item_print(item, out, 0);
        else
            print_value(f, at, out);
        fputc('\n', out);
    }
}

const struct og_field *og_fields_find(const struct og_field *fields, const char *path)
{
    for (;;) {
        size_t n = strcspn(path, ".[");
        const struct og_field *f = fields;
        while (f->key != NULL && (strlen(f->key) != n || strncmp(f->key, path, n) != 0))
            f++;
        if (f->key == NULL) return NULL;
        if (f->type == OG_FIELD_ITEM || path[n] == '\0') return f;
        if (f->type != OG_FIELD_BLOCK || path[n] == '[') return NULL;
        fields = f->block;
        path += n + 1;
    }
}

void og_field_range(const struct og_field *f, char *text, size_t size)
{
    char low[OG_NUMBER_TEXT], high[OG_NUMBER_TEXT];
    const char *gap = f->unit ? " " : "", *unit = f->unit ? f->unit : "";
    text[0] = '\0';
    if (f->min == 0 && f->max == 0) {
        if (f->type == OG_FIELD_INT) snprintf(text, size, "-2147483648 .. 2147483647");
        return;
    }
    og_number_print(f->min, low);
    og_number_print(f->max, high);
    if (isinf(f->max))
        snprintf(text, size, ">= %s%s%s", low, gap, unit);
    else
        snprintf(text, size, "%s .. %s%s%s", low, high, gap, unit);
}

static const char *type_name(const struct og_field *f)
{
    switch (f->type) {
    case OG_FIELD_BOOL:
        return "true or false";
    case OG_FIELD_INT:
    case OG_FIELD_U64:
        return "whole number";
    case OG_FIELD_REAL:
        return "number";
    case OG_FIELD_LIST:
        return "list of numbers";
    case OG_FIELD_TEXT:
        return "text";
    case OG_FIELD_CHOICE:
        return "one of";
    case OG_FIELD_FLAGS:
        return "list of";
    case OG_FIELD_BLOCK:
    case OG_FIELD_ITEM:
        break;
    }
    return "see the text";
}

static void help_line(const struct og_field *f, const char *path, enum og_stage stage,
                      FILE *out)
{
    static const char *const stages[] = {"data",    "train",    "compress",
                                         "program", "evaluate", "output"};
    char range[96];
    og_field_range(f, range, sizeof range);
    fprintf(out, "%s\n    %s", path,
            f->choices && f->type == OG_FIELD_BOOL ? "one of" : type_name(f));
    for (const char *w = f->choices; w != NULL && *w != '\0'; w += strspn(w, " ")) {
        size_t n = strcspn(w, " ");
        if (n != 1 || *w != '-') fprintf(out, " %.*s", (int)n, w);
        w += n;
    }
    if (f->min != 0 || f->max != 0)
        fprintf(out, ", %s", range);
    else if (f->unit != NULL)
        fprintf(out, " in %s", f->unit);
    if (f->def == NULL)
        fputs("; required", out);
    else if (f->def[0] != '\0')
        fprintf(out, "; default %s", f->def);
    fprintf(out, "; stage %s\n    %s\n", stages[stage], f->help);
}

void og_fields_help(const struct og_field *fields, const char *prefix,
                    enum og_stage stage, FILE *out)
{
    for (const struct og_field *f = fields; f->key != NULL; f++) {
        char path[OG_ITEM_PATH];
        enum og_stage of_key = f->stage > stage ? f->stage : stage;
        snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", f->key);
        if (f->type == OG_FIELD_BLOCK)
            og_fields_help(f->block, path, of_key, out);
        else
            help_line(f, path, of_key, out);
    }
}
