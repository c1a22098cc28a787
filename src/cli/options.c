// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "ohmgrid/results.h"

int cli_fail(const char *command, const struct og_error *err)
{
    fprintf(stderr, "ohmgrid %s: %s\n", command, err->text);
    return og_status_exit_code(err->status);
}

int cli_warn(const char *command, const char *result)
{
    struct og_error err = {0};
    char *text;
    if (og_result_warning(result, &text, &err) != OG_OK) return cli_fail(command, &err);
    if (text != NULL) fprintf(stderr, "ohmgrid %s: warning: %s\n", command, text);
    free(text);
    return CLI_DONE;
}

int cli_usage(const char *command, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "ohmgrid %s: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "; see 'ohmgrid %s --help'\n", command);
    return CLI_USAGE;
}

static void print_option(const struct cli_option *o)
{
    char left[64], letter[8] = "";
    if (o->letter != 0) snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(left, sizeof left, "%s%s%s%s", letter, o->name, o->value != NULL ? " " : "",
             o->value != NULL ? o->value : "");
    printf("  %-24s %s\n", left, o->help);
}

static int print_help(const struct cli_command *c)
{
    printf("usage: ohmgrid %s %s\n\n%s\n\noptions:\n", c->name, c->usage, c->purpose);
    for (const struct cli_option *o = c->option; o->name != NULL; o++) print_option(o);
    printf("  %-24s print this help\n", "--help");
    if (c->keys != NULL)
        printf("  %-24s %s\n", "--help=keys",
               c->keys_help != NULL ? c->keys_help
                                    : "print every key of an experiment file");
    printf("\nexamples:\n%s", c->examples);
    return CLI_DONE;
}

static int take_int(const struct cli_command *c, const struct cli_option *o,
                    const char *text)
{
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || v < o->min || v > o->max)
        return cli_usage(c->name, "%s is '%s', expected a whole number from %d to %d",
                         o->name, text, o->min, o->max);
    *(int *)o->target = (int)v;
    return CLI_GO;
}

static int take_seed(const struct cli_command *c, const struct cli_option *o,
                     const char *text)
{
    struct cli_seed *seed = o->target;
    char *end;
    errno = 0;
    // strtoull would take a minus sign and blanks.
    unsigned long long v = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
        return cli_usage(c->name,
                         "%s is '%s', expected a whole number from 0 to 2^64 - 1",
                         o->name, text);
    seed->given = true;
    seed->value = v;
    return CLI_GO;
}

static int take_list(const struct cli_command *c, const struct cli_option *o,
                     const char *text)
{
    struct cli_list *list = o->target;
    if (list->n == CLI_LIST_MAX)
        return cli_usage(c->name, "%s is given more than %d times", o->name,
                         CLI_LIST_MAX);
    list->item[list->n++] = text;
    return CLI_GO;
}

static int take(const struct cli_command *c, const struct cli_option *o, const char *text)
{
    switch (o->kind) {
    case CLI_FLAG:
        *(bool *)o->target = true;
        return CLI_GO;
    case CLI_TEXT:
        *(const char **)o->target = text;
        return CLI_GO;
    case CLI_INT:
        return take_int(c, o, text);
    case CLI_SEED:
        return take_seed(c, o, text);
    case CLI_LIST:
        return take_list(c, o, text);
    }
    return CLI_USAGE;
}

static const struct cli_option *find(const struct cli_command *c, const char *arg,
                                     const char **value)
{
    size_t n = strcspn(arg, "=");
    *value = NULL;
    for (const struct cli_option *o = c->option; o->name != NULL; o++) {
        if (arg[1] != '-') {
            if (arg[1] != o->letter) continue;
            if (arg[2] != '\0') *value = arg + 2;
            return o;
        }
        if (strlen(o->name) == n && strncmp(o->name, arg, n) == 0) {
            if (arg[n] == '=') *value = arg + n + 1;
            return o;
        }
    }
    return NULL;
}

// One option at argv[*i], and its value when that is the next argument.
static int parse_option(const struct cli_command *c, int argc, char **argv, int *i)
{
    const char *arg = argv[*i], *value;
    if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) return print_help(c);
    if (strcmp(arg, "--help=keys") == 0 && c->keys != NULL) {
        c->keys();
        return CLI_DONE;
    }
    const struct cli_option *o = find(c, arg, &value);
    if (o == NULL) return cli_usage(c->name, "unknown option '%s'", arg);
    if (o->kind == CLI_FLAG && value != NULL)
        return cli_usage(c->name, "%s takes no value", o->name);
    if (o->kind != CLI_FLAG && value == NULL) {
        if (*i + 1 >= argc)
            return cli_usage(c->name, "%s needs a value: %s", o->name, o->value);
        value = argv[++*i];
    }
    return take(c, o, value);
}

int cli_parse(const struct cli_command *c, int argc, char **argv,
              const char *argument[CLI_POSITIONAL_MAX])
{
    int n = 0, room = 0;
    bool only_arguments = false;
    while (room < CLI_POSITIONAL_MAX && c->positional[room] != NULL) room++;
    for (int i = 0; i < room; i++) argument[i] = NULL;
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];
        if (!only_arguments && strcmp(arg, "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && arg[0] == '-' && arg[1] != '\0') {
            int r = parse_option(c, argc, argv, &i);
            if (r != CLI_GO) return r;
        } else if (n == room && c->rest != NULL && c->rest->n < CLI_LIST_MAX) {
            c->rest->item[c->rest->n++] = arg;
        } else if (n == room) {
            return cli_usage(c->name, "unexpected argument '%s'", arg);
        } else {
            argument[n++] = arg;
        }
    }
    if (n < room - c->optional)
        return cli_usage(c->name, "%s is missing", c->positional[n]);
    return CLI_GO;
}

char *cli_command_text(const char *command, int argc, char **argv)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) return NULL;
    fprintf(out, "ohmgrid %s", command);
    for (int i = 0; i < argc; i++) {
        bool plain =
            argv[i][0] != '\0' && strpbrk(argv[i], " \t\n'\"\\$`*?[](){};&|<>#~") == NULL;
        fputs(plain ? " " : " '", out);
        for (const char *c = argv[i]; *c != '\0'; c++) {
            if (*c == '\'')
                fputs("'\\''", out);
            else
                fputc(*c, out);
        }
        if (!plain) fputc('\'', out);
    }
    return fclose(out) == 0 ? text : (free(text), NULL);
}
