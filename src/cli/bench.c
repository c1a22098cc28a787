// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "og_build.h"
#include "ohmgrid/bench.h"
#include "ohmgrid/cpu.h"

enum { LINES_MAX = 128 };

struct lines {
    size_t n;
    struct og_bench_line line[LINES_MAX];
};

static void show_line(void *user, const struct og_bench_line *l)
{
    struct lines *all = user;
    if (all->n < LINES_MAX) all->line[all->n++] = *l;
    if (all->n == 1)
        printf("%-34s %-18s %11s %11s %8s %10s\n", "benchmark", "size", "ours [s]",
               "theirs [s]", "ratio", "target");
    printf("%-34s %-18s %11.4g %11.4g %8.3f %s%7.3g %s\n", l->name, l->size, l->ours_s,
           l->theirs_s, l->ratio, l->at_least ? ">= " : "<= ", l->target,
           l->met ? "met" : "MISSED");
    fflush(stdout);
}

static void json_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', out);
        if ((unsigned char)*text < ' ')
            fprintf(out, "\\u%04x", (unsigned)*text);
        else
            fputc(*text, out);
    }
    fputc('"', out);
}

// JSON has no NaN.
static void json_number(FILE *out, const char *key, double value)
{
    fprintf(out, ",\"%s\":", key);
    if (isfinite(value))
        fprintf(out, "%.9g", value);
    else
        fputs("null", out);
}

static void cpu_model(char *text, size_t size)
{
    char line[256];
    snprintf(text, size, "unknown");
    FILE *in = fopen("/proc/cpuinfo", "r");
    if (in == NULL) return;
    while (fgets(line, sizeof line, in) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || colon == NULL) continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(text, size, "%s", colon + 1 + strspn(colon + 1, " "));
        break;
    }
    fclose(in);
}

static void json_machine(FILE *out)
{
    char host[256] = "unknown", cpu[256];
    cpu_model(cpu, sizeof cpu);
    if (gethostname(host, sizeof host - 1) != 0) snprintf(host, sizeof host, "unknown");
    fputs("{\"machine\":{\"host\":", out);
    json_text(out, host);
    fputs(",\"cpu\":", out);
    json_text(out, cpu);
    fprintf(out, ",\"cores\":%ld,\"threads\":%d,\"isa\":", sysconf(_SC_NPROCESSORS_ONLN),
            og_threads());
    json_text(out, og_isa_name(og_cpu_isa()));
    fputs(",\"blas_core\":", out);
    json_text(out, og_blas_core());
    fputs(",\"ohmgrid_version\":", out);
    json_text(out, OG_VERSION);
    fputs("},\n\"lines\":[", out);
}

static void json_line(FILE *out, const struct og_bench_line *l)
{
    fputs("\n{\"name\":", out);
    json_text(out, l->name);
    fputs(",\"size\":", out);
    json_text(out, l->size);
    fputs(",\"unit\":", out);
    json_text(out, l->unit);
    json_number(out, "ours_s", l->ours_s);
    json_number(out, "theirs_s", l->theirs_s);
    json_number(out, "ratio", l->ratio);
    json_number(out, "target", l->target);
    fprintf(out, ",\"at_least\":%s,\"met\":%s}", l->at_least ? "true" : "false",
            l->met ? "true" : "false");
}

static og_status write_json(const char *path, const struct lines *all,
                            struct og_error *err)
{
    char part[4096];
    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part)
        return og_fail(err, OG_USAGE, "%s: the path is too long", path);
    FILE *out = fopen(part, "w");
    if (out == NULL)
        return og_fail(err, OG_USAGE, "%s: cannot write: %s", path, strerror(errno));
    json_machine(out);
    for (size_t i = 0; i < all->n; i++) {
        if (i > 0) fputc(',', out);
        json_line(out, &all->line[i]);
    }
    fputs("\n]}\n", out);
    bool ok = !ferror(out);
    if (fclose(out) != 0) ok = false;
    if (ok && rename(part, path) == 0) return OG_OK;
    og_status s = og_fail(err, OG_IO, "%s: cannot write: %s", path, strerror(errno));
    unlink(part);
    return s;
}

int cli_bench(int argc, char **argv)
{
    int rounds = 7;
    const char *json = NULL, *against = NULL;
    const struct cli_option option[] = {
        {"--rounds", 0, CLI_INT, &rounds, "N", "rounds of each; default 7", 1, 1000},
        {"--against", 0, CLI_TEXT, &against, "PEER",
         "instead measure against scipy (wires) or pytorch (training); needs "
         "python3-scipy, python3-torch",
         0, 0},
        {"--json", 0, CLI_TEXT, &json, "FILE", "write machine and lines as JSON", 0, 0},
        {0},
    };
    const struct cli_command c = {
        .name = "bench",
        .usage = "[FILTER] [options]",
        .purpose =
            "Measures ohmgrid's kernels against other libraries, interleaved in one "
            "run: ratios are\nstable where times are not. FILTER: only names that "
            "contain it.",
        .examples = "  ohmgrid bench\n  ohmgrid bench product --rounds 15\n"
                    "  ohmgrid bench --against scipy --json bench.json\n"
                    "  ohmgrid bench --against pytorch lenet5\n",
        .option = option,
        .positional = {"FILTER"},
        .optional = 1,
    };
    const char *argument[CLI_POSITIONAL_MAX];
    int r = cli_parse(&c, argc, argv, argument);
    if (r != CLI_GO) return r;
    static struct lines all;
    struct og_error err = {0};
    printf("kernels: %s, BLAS core: %s\n", og_isa_name(og_cpu_isa()), og_blas_core());
    og_status s = og_bench(against, argument[0], rounds, show_line, &all, &err);
    if (s == OG_OK && json != NULL) s = write_json(json, &all, &err);
    return s == OG_OK ? CLI_DONE : cli_fail("bench", &err);
}
