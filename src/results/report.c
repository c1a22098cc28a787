// SPDX-License-Identifier: GPL-3.0-or-later
// A result file as one page of HTML that needs nothing else: figures are SVG inside it,
// tables those of show, settings and provenance as the file has them. What the file does
// not hold has no section.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "ohmgrid/results.h"
#include "results/file.h"
#include "results/part_table.h"
#include "results/text_table.h"

struct report {
    const char *path;
    char *figure;  // a file for one figure at a time
    struct og_sheet page;
    struct og_error *err;
    og_status status;
};

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<style>\n"
    "body{font:16px/1.5 system-ui,sans-serif;color:#222;background:#fff;"
    "max-width:70em;margin:2em auto;padding:0 1em}\n"
    "h1{line-height:1.2}h2{margin-top:2em;border-bottom:1px solid #ccc}\n"
    "img{max-width:100%;height:auto}.wide{overflow-x:auto;max-height:40em}\n"
    "table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.2em .8em;text-align:left;border-bottom:1px solid #e4e4e4;"
    "white-space:nowrap}\n"
    "th{background:#f6f6f6;position:sticky;top:0}\n"
    ".facts td{white-space:normal;overflow-wrap:anywhere}\n"
    "pre{background:#f6f6f6;padding:1em;overflow-x:auto}.note{color:#555;"
    "font-size:14px}\nsummary{cursor:pointer}\n</style>\n";

// --- provenance ------------------------------------------------------------------------

static void fact(struct report *r, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0') return;
    fputs("<tr><th>", r->page.out);
    og_sheet_text(&r->page, name);
    fputs("</th><td>", r->page.out);
    og_sheet_text(&r->page, value);
    fputs("</td></tr>\n", r->page.out);
}

static void text_fact(struct report *r, struct og_hdf *h, hid_t object, const char *name)
{
    char *value = og_hdf_read_text(h, object, name);
    if (value != NULL) og_text_visible(value, false);
    fact(r, name, value);
    og_free(value);
}

static void number_fact(struct report *r, struct og_hdf *h, hid_t object,
                        const char *name)
{
    char text[32];
    snprintf(text, sizeof text, "%llu",
             (unsigned long long)og_hdf_read_u64(h, object, name));
    fact(r, name, text);
}

static void write_provenance(struct report *r)
{
    static const char *const of_file[] = {"created", "ohmgrid_version", "revision",
                                          "command"};
    const struct og_hdf_guard guard = og_hdf_silence();
    struct og_hdf h = {.path = r->path, .err = r->err};
    hid_t file = og_hdf_open(&h), run = H5I_INVALID_HID;
    if (h.status == OG_OK) {
        fputs("<h2>Provenance</h2>\n<table class=\"facts\">\n", r->page.out);
        fact(r, "file", r->path);
        for (size_t i = 0; i < sizeof of_file / sizeof *of_file; i++)
            text_fact(r, &h, file, of_file[i]);
        number_fact(r, &h, file, "seed");
        if (H5Lexists(file, "run", H5P_DEFAULT) > 0)
            run = H5Gopen2(file, "run", H5P_DEFAULT);
        if (run >= 0) {
            text_fact(r, &h, run, "isa");
            text_fact(r, &h, run, "blas_core");
            number_fact(r, &h, run, "threads");
        }
        fputs("</table>\n", r->page.out);
    }
    og_hdf_close(&h, run);
    og_hdf_close(&h, file);
    og_hdf_restore(guard);
    if (r->status == OG_OK) r->status = h.status;
}

// The title in the head and above the page.
static void write_title(struct report *r)
{
    const struct og_hdf_guard guard = og_hdf_silence();
    struct og_hdf h = {.path = r->path, .err = r->err};
    hid_t file = og_hdf_open(&h);
    char *title = h.status == OG_OK ? og_hdf_read_text(&h, file, "title") : NULL;
    og_hdf_close(&h, file);
    og_hdf_restore(guard);
    if (title != NULL) og_text_visible(title, false);
    const char *shown = title != NULL && title[0] != '\0' ? title : r->path;
    fputs("<title>", r->page.out);
    og_sheet_text(&r->page, shown);
    fputs("</title>\n</head>\n<body>\n<h1>", r->page.out);
    og_sheet_text(&r->page, shown);
    fputs("</h1>\n", r->page.out);
    og_free(title);
    r->status = h.status;
}

static void write_settings(struct report *r)
{
    char *text = NULL;
    if (r->status != OG_OK) return;
    r->status = og_result_experiment(r->path, &text, r->err);
    if (r->status != OG_OK) return;
    og_text_visible(text, true);
    fputs("<h2>Settings</h2>\n<details><summary>All keys of the experiment</summary>\n"
          "<pre>",
          r->page.out);
    og_sheet_text(&r->page, text);
    fputs("</pre>\n</details>\n", r->page.out);
    free(text);
}

// --- figures and tables ----------------------------------------------------------------

// The bytes of a file as the rest of a data URI (RFC 2397).
static void write_encoded(FILE *from, FILE *out)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-_.~ !*'();:@=+$,/?[]";
    for (int c = getc(from); c != EOF; c = getc(from))
        if (c != '\0' && strchr(plain, c) != NULL)
            putc(c, out);
        else
            fprintf(out, "%%%02X", (unsigned)c);
}

// False when the file holds nothing to draw; `why` tells then.
static bool draw(struct report *r, const struct og_plot *how, const char *alt,
                 struct og_error *why)
{
    if (r->status != OG_OK) return false;
    *why = (struct og_error){0};
    const og_status status = og_result_plot(r->path, r->figure, how, why);
    if (status == OG_INPUT || status == OG_USAGE) return false;
    FILE *svg = status == OG_OK ? fopen(r->figure, "r") : NULL;
    if (status != OG_OK)
        r->status = og_fail(r->err, status, "%s", why->text);
    else if (svg == NULL)
        r->status = og_fail_errno(r->err, r->figure, "read");
    if (svg == NULL) return false;
    fprintf(r->page.out, "<p><img alt=\"%s\" src=\"data:image/svg+xml,", alt);
    write_encoded(svg, r->page.out);
    fputs("\"></p>\n", r->page.out);
    fclose(svg);
    return true;
}

static void heading(struct report *r, const char *text)
{
    fprintf(r->page.out, "<h2>%s</h2>\n", text);
}

typedef og_status (*table)(const char *path, const struct og_sheet *s,
                           struct og_error *err);

static void write_table(struct report *r, table print, const char *summary)
{
    if (r->status != OG_OK) return;
    if (summary != NULL)
        fprintf(r->page.out, "<details><summary>%s</summary>\n", summary);
    r->status = print(r->path, &r->page, r->err);
    if (summary != NULL) fputs("</details>\n", r->page.out);
}

static bool holds(const struct report *r, const char *name)
{
    const struct og_hdf_guard guard = og_hdf_silence();
    struct og_hdf h = {.path = r->path};
    hid_t file = og_hdf_open(&h);
    const bool is = h.status == OG_OK && H5Lexists(file, name, H5P_DEFAULT) > 0;
    og_hdf_close(&h, file);
    og_hdf_restore(guard);
    return is;
}

static void write_results(struct report *r)
{
    struct og_error why;
    heading(r, "Results");
    if (!draw(r, &(struct og_plot){.kind = OG_PLOT_LINES}, "means over chips", &why) &&
        r->status == OG_OK)
        og_sheet_note(&r->page, why.text);
    draw(r, &(struct og_plot){.kind = OG_PLOT_MAP}, "map of the means", &why);
    write_table(r, og_show_points, NULL);
}

static bool has_parts(struct report *r)
{
    struct og_part_table t;
    struct og_error none = {0};
    const bool has = og_part_table_find(&t, r->path, &none) == OG_OK && t.n > 0;
    og_part_table_free(&t);
    return has;
}

static void write_sections(struct report *r)
{
    struct og_error why;
    write_results(r);
    struct og_error none = {0};
    FILE *nowhere = tmpfile();
    const struct og_sheet sheet = {.out = nowhere};
    const bool costs =
        nowhere != NULL && og_show_attribution(r->path, &sheet, &none) == OG_OK;
    if (nowhere != NULL) fclose(nowhere);
    if (costs) {
        heading(r, "What each effect costs");
        draw(r, &(struct og_plot){.kind = OG_PLOT_COSTS}, "costs of effects", &why);
        write_table(r, og_show_attribution, NULL);
    }
    if (holds(r, "layers")) {
        heading(r, "Layers");
        draw(r, &(struct og_plot){.kind = OG_PLOT_LAYERS, .point = -1},
             "bars of the layers", &why);
        write_table(r, og_show_layers, "Where each layer loses accuracy");
        if (has_parts(r)) write_table(r, og_show_parts, "What each part takes");
    }
    if (holds(r, "traces")) {
        heading(r, "Along the sequence");
        draw(r, &(struct og_plot){.kind = OG_PLOT_TRACES, .point = -1},
             "error of h by time step", &why);
        write_table(r, og_show_traces, "All steps");
    }
    if (holds(r, "train")) {
        heading(r, "Training");
        if (!draw(r, &(struct og_plot){.kind = OG_PLOT_TRAINING}, "training loss",
                  &why) &&
            r->status == OG_OK)
            og_sheet_note(&r->page, why.text);
    }
    if (holds(r, "chip")) {
        heading(r, "Conductances");
        draw(r, &(struct og_plot){.kind = OG_PLOT_CONDUCTANCES, .point = -1},
             "histograms of conductances", &why);
    }
    if (holds(r, "errors")) {
        heading(r, "Errors of the weights");
        if (!draw(r, &(struct og_plot){.kind = OG_PLOT_ERRORS, .point = -1},
                  "maps of the errors of weights", &why) &&
            r->status == OG_OK)
            og_sheet_note(&r->page, why.text);
    }
}

static void write_page(struct report *r)
{
    fputs(head, r->page.out);
    write_title(r);
    write_sections(r);
    write_settings(r);
    write_provenance(r);
    fputs("</body>\n</html>\n", r->page.out);
    if (r->status == OG_OK && ferror(r->page.out))
        r->status = og_fail(r->err, OG_NO_MEMORY, "no memory for the page");
}

og_status og_result_report(const char *path, const char *out, struct og_error *err)
{
    char *page = NULL;
    size_t size = 0;
    struct report r = {.path = path, .err = err};
    bool complete;
    OG_TRY(og_result_complete(path, &complete, err));  // it is a result file
    r.figure = og_path_with(out, ".figure.svg");
    r.page = (struct og_sheet){.out = open_memstream(&page, &size), .html = true};
    if (r.figure == NULL || r.page.out == NULL)
        r.status = og_fail_memory(err);
    else
        write_page(&r);
    if (r.page.out != NULL && fclose(r.page.out) != 0 && r.status == OG_OK)
        r.status = og_fail_memory(err);
    if (r.status == OG_OK) r.status = og_file_replace(out, page, size, err);
    if (r.figure != NULL) unlink(r.figure);
    free(page);
    og_free(r.figure);
    return r.status;
}
