// SPDX-License-Identifier: GPL-3.0-or-later
// The law of the source tree, read from the sources themselves (root in OHMGRID_SOURCE):
// a folder includes only headers of itself and of folders above it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE = 2000, PATH = 1000, LINES_MAX = 600 };

// Highest first.
static const char *const order[] = {"base",      "config",     "device", "crossbar",
                                    "periphery", "nn",         "learn",  "results",
                                    "onnx",      "experiment", "bind",   "cli"};
enum { FOLDERS = sizeof order / sizeof *order };

// nftw() hands its visitor nothing, so what a visit needs and finds is here.
static size_t root_length;  // of $OHMGRID_SOURCE and its slash
static int visited, faults;

static int rank_of(const char *name, size_t length)
{
    for (int i = 0; i < FOLDERS; i++)
        if (strlen(order[i]) == length && memcmp(order[i], name, length) == 0) return i;
    return -1;
}

// The folder of src/<folder>/..., or -1.
static int folder_of(const char *path)
{
    if (strncmp(path, "src/", 4) != 0) return -1;
    return rank_of(path + 4, strcspn(path + 4, "/"));
}

// Whether `line` of the file `path` (from the root) breaks the law; NULL: it does not.
static const char *law_of_sources(const char *path, const char *line)
{
    char header[LINE];
    if (sscanf(line, " # include \"%1999[^\"]\"", header) != 1) return NULL;
    int own = folder_of(path);
    if (own < 0) return "lies in no folder of the design";
    if (strstr(header, "..") != NULL) return "includes a path with ..";
    if (strncmp(header, "ohmgrid/", 8) == 0) return NULL;
    const char *slash = strchr(header, '/');
    bool cli = own == rank_of("cli", 3);
    if (strcmp(header, "og_build.h") == 0) return NULL;  // the version, from meson
    if (slash == NULL) return cli ? NULL : "names a header without its folder";
    if (cli) return "sees more than public headers";
    int other = rank_of(header, (size_t)(slash - header));
    if (other < 0) return "includes from no folder of the design";
    return other <= own ? NULL : "includes from a folder below its own";
}

// Public headers stand alone: other public headers and those of the C language.
static const char *law_of_public_headers(const char *path, const char *line)
{
    static const char *const known[] = {"stdbool.h", "stddef.h", "stdint.h", "stdio.h"};
    char header[LINE];
    (void)path;
    if (sscanf(line, " # include \"%1999[^\"]\"", header) == 1)
        return strncmp(header, "ohmgrid/", 8) == 0 ? NULL : "includes a private header";
    if (sscanf(line, " # include <%1999[^>]>", header) != 1) return NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(header, known[i]) == 0) return NULL;
    return "needs a header of another library";
}

static const char *law_of_text(const char *path, const char *line)
{
    (void)path;
    return strchr(line, '\t') != NULL ? "holds a tab" : NULL;
}

static void report(const char *path, int line, const char *fault)
{
    if (fault == NULL) return;
    print_error("%s:%d: %s\n", path, line, fault);
    faults++;
}

static bool ends_with(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n >= m && strcmp(path + n - m, end) == 0;
}

static bool is_source(const char *path)
{
    return ends_with(path, ".c") || ends_with(path, ".h") || ends_with(path, ".c.in");
}

typedef const char *law_fn(const char *path, const char *line);

static void visit_lines(const char *full, law_fn *law)
{
    char line[LINE];
    FILE *f = fopen(full, "r");
    assert_non_null(f);
    for (int n = 1; fgets(line, sizeof line, f) != NULL; n++)
        report(full + root_length, n, law(full + root_length, line));
    fclose(f);
    visited++;
}

static int visit_source(const char *full, const struct stat *s, int kind, struct FTW *at)
{
    (void)s, (void)at;
    if (kind == FTW_F && is_source(full)) visit_lines(full, law_of_sources);
    return 0;
}

static int visit_public(const char *full, const struct stat *s, int kind, struct FTW *at)
{
    (void)s, (void)at;
    if (kind == FTW_F && is_source(full)) visit_lines(full, law_of_public_headers);
    return 0;
}

static int visit_text(const char *full, const struct stat *s, int kind, struct FTW *at)
{
    (void)s, (void)at;
    if (kind != FTW_F || !(is_source(full) || ends_with(full, "/meson.build"))) return 0;
    visit_lines(full, law_of_text);
    char line[LINE] = "";
    FILE *f = fopen(full, "r");
    assert_non_null(f);
    int n = 0;
    for (; fgets(line, sizeof line, f) != NULL; n++)
        if (n == 0 && strstr(line, "SPDX-License-Identifier: GPL-3.0-or-later") == NULL)
            report(full + root_length, 1, "does not name its licence");
    fclose(f);
    if (n > LINES_MAX) report(full + root_length, n, "is too long: two things?");
    return 0;
}

static void full_path(char *out, const char *path)
{
    const char *root = getenv("OHMGRID_SOURCE");
    assert_non_null(root);
    root_length = strlen(root) + 1;
    snprintf(out, PATH, "%s/%s", root, path);
}

static void walk(const char *folder, __nftw_func_t visitor)
{
    char full[PATH];
    full_path(full, folder);
    assert_int_equal(nftw(full, visitor, 16, FTW_PHYS), 0);
}

static int start(void **state)
{
    (void)state;
    visited = faults = 0;
    return 0;
}

static void the_law_finds_what_breaks_it(void **state)
{
    (void)state;
    law_fn *law = law_of_sources;
    assert_null(law("src/nn/exec.c", "#include \"base/mem.h\"\n"));
    assert_null(law("src/nn/exec.c", "#include \"nn/exec.h\"\n"));
    assert_null(law("src/nn/exec.c", "#include \"ohmgrid/model.h\"\n"));
    assert_null(law("src/nn/exec.c", "#include <string.h>\n"));
    assert_null(law("src/cli/main.c", "#include \"cli.h\"\n"));
    assert_non_null(law("src/base/mem.c", "#include \"config/tree.h\"\n"));
    assert_non_null(law("src/nn/exec.c", "  #  include \"learn/trainer.h\"\n"));
    assert_non_null(law("src/nn/exec.c", "#include \"exec.h\"\n"));
    assert_non_null(law("src/nn/exec.c", "#include \"../learn/trainer.h\"\n"));
    assert_non_null(law("src/cli/main.c", "#include \"base/mem.h\"\n"));
    assert_non_null(law("src/other/main.c", "#include \"base/mem.h\"\n"));
    law = law_of_public_headers;
    assert_null(law("", "#include <stdint.h>\n"));
    assert_null(law("", "#include \"ohmgrid/status.h\"\n"));
    assert_non_null(law("", "#include \"base/mem.h\"\n"));
    assert_non_null(law("", "#include <hdf5.h>\n"));
    assert_null(law_of_text("", "    int a;\n"));
    assert_non_null(law_of_text("", "\tint a;\n"));
}

static void sources_include_from_above(void **state)
{
    (void)state;
    walk("src", visit_source);
    assert_true(visited > FOLDERS);
    assert_int_equal(faults, 0);
}

static void public_headers_include_public_ones(void **state)
{
    (void)state;
    walk("include", visit_public);
    assert_true(visited > 1);
    assert_int_equal(faults, 0);
}

static void files_are_short_licensed_and_without_tabs(void **state)
{
    (void)state;
    walk("src", visit_text);
    walk("include", visit_text);
    walk("tests", visit_text);
    assert_true(visited > FOLDERS);
    assert_int_equal(faults, 0);
}

static char build_file[20000];

static int visit_listed(const char *full, const struct stat *s, int kind, struct FTW *at)
{
    (void)s;
    if (kind != FTW_F) return 0;
    char quoted[PATH];
    snprintf(quoted, sizeof quoted, "'%s'", full + at->base);
    if (strstr(build_file, quoted) == NULL)
        report(full + root_length, 1, "is not in public_headers of meson.build");
    visited++;
    return 0;
}

// Those in the list are installed, and compiled alone as C and C++.
static void public_headers_are_listed(void **state)
{
    (void)state;
    char full[PATH];
    full_path(full, "meson.build");
    FILE *f = fopen(full, "r");
    assert_non_null(f);
    size_t n = fread(build_file, 1, sizeof build_file - 1, f);
    assert_true(n > 0 && n < sizeof build_file - 1);
    fclose(f);
    walk("include", visit_listed);
    assert_true(visited > 1);
    assert_int_equal(faults, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_law_finds_what_breaks_it),
        cmocka_unit_test_setup(sources_include_from_above, start),
        cmocka_unit_test_setup(public_headers_include_public_ones, start),
        cmocka_unit_test_setup(files_are_short_licensed_and_without_tabs, start),
        cmocka_unit_test_setup(public_headers_are_listed, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
