// SPDX-License-Identifier: GPL-3.0-or-later
// Figures through gnuplot: the script goes in as its standard input, the figure takes its
// name only when gnuplot was content.
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "results/file.h"
#include "results/plot_script.h"

extern char **environ;

static og_status choose_terminal(struct og_picture *p, const char *figure,
                                 struct og_error *err)
{
    static const struct {
        const char *ending, *terminal;
        bool inches;
    } known[] = {
        {".png", "pngcairo", false}, {".svg", "svg", false}, {".pdf", "pdfcairo", true}};
    const char *dot = strrchr(figure, '.');
    for (size_t i = 0; dot != NULL && i < sizeof known / sizeof *known; i++) {
        if (strcasecmp(dot, known[i].ending) != 0) continue;
        p->terminal = known[i].terminal;
        p->inches = known[i].inches;
        p->per_inch = p->inches ? 96 : 1;
        return OG_OK;
    }
    return og_fail(err, OG_USAGE, "%s: a figure ends with .png, .svg or .pdf", figure);
}

// Starts gnuplot with `script` as standard input and `said` as both outputs.
static og_status spawn(FILE *script, FILE *said, int *exit_status, struct og_error *err)
{
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) return og_fail_memory(err);
    char *argv[] = {"gnuplot", NULL};
    pid_t pid;
    int e = posix_spawn_file_actions_adddup2(&actions, fileno(script), 0);
    if (e == 0) e = posix_spawn_file_actions_adddup2(&actions, fileno(said), 1);
    if (e == 0) e = posix_spawn_file_actions_adddup2(&actions, fileno(said), 2);
    if (e == 0) e = posix_spawnp(&pid, "gnuplot", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (e == ENOENT)
        return og_fail(err, OG_FAILED, "gnuplot is missing: apt-get install gnuplot-nox");
    if (e != 0) return og_fail(err, OG_FAILED, "cannot start gnuplot: %s", strerror(e));
    while (waitpid(pid, exit_status, 0) < 0)
        if (errno != EINTR)
            return og_fail(err, OG_FAILED, "cannot wait for gnuplot: %s",
                           strerror(errno));
    return OG_OK;
}

// The line of gnuplot's complaint that says what is wrong.
static void complaint(FILE *said, char *text, size_t size)
{
    char line[256];
    text[0] = '\0';
    rewind(said);
    while (fgets(line, sizeof line, said) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0' && strspn(line, " ^") != strlen(line))
            snprintf(text, size, "%s", line);
    }
}

static og_status draw(const struct og_picture *p, const char *temporary, FILE *script,
                      FILE *said, struct og_error *err)
{
    og_picture_script(p, temporary, script);
    if (fflush(script) != 0 || ferror(script))
        return og_fail(err, OG_IO, "cannot write gnuplot's script: %s", strerror(errno));
    // The child shares the file's position.
    if (lseek(fileno(script), 0, SEEK_SET) != 0)
        return og_fail(err, OG_IO, "cannot rewind gnuplot's script: %s", strerror(errno));
    int status = 0;
    OG_TRY(spawn(script, said, &status, err));
    struct stat st;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && stat(temporary, &st) == 0 &&
        st.st_size > 0)
        return OG_OK;
    char text[256];
    complaint(said, text, sizeof text);
    return og_fail(err, OG_FAILED, "gnuplot failed: %s",
                   text[0] != '\0' ? text : "it wrote no figure and gave no reason");
}

static og_status draw_and_rename(const struct og_picture *p, const char *figure,
                                 struct og_error *err)
{
    char *temporary = og_path_with(figure, ".part");
    if (temporary == NULL) return og_fail_memory(err);
    // gnuplot's own message for a folder that is not there would be a riddle.
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    og_status s = OG_OK;
    if (fd < 0) {
        s = og_fail_errno(err, figure, "write");
    } else {
        close(fd);
        FILE *script = tmpfile(), *said = tmpfile();
        if (script == NULL || said == NULL)
            s = og_fail(err, OG_IO, "cannot make a temporary file: %s", strerror(errno));
        else
            s = draw(p, temporary, script, said, err);
        if (script != NULL) fclose(script);
        if (said != NULL) fclose(said);
        if (s == OG_OK && rename(temporary, figure) != 0)
            s = og_fail_errno(err, figure, "write");
        if (s != OG_OK) unlink(temporary);
    }
    og_free(temporary);
    return s;
}

static og_status plot_costs(const char *path, const char *figure,
                            const struct og_plot *plot, struct og_error *err)
{
    struct og_attribution_file f;
    OG_TRY(og_attribution_read(&f, path, err));
    struct og_picture p = {.t = &f.t, .x = OG_NO_AXIS, .series = OG_NO_AXIS, .panels = 1};
    p.title = plot->title != NULL ? plot->title : f.t.title != NULL ? f.t.title : "";
    p.width = plot->width;
    p.height = plot->height;
    p.attribution = &f;
    og_status s = OG_OK;
    if (f.a.groups > 1)
        s = og_fail(err, OG_USAGE,
                    "%s: costs of %zu sweep points do not fit into one figure; run the "
                    "attribution without a sweep",
                    path, f.a.groups);
    if (f.a.parts == 0)
        s = og_fail(err, OG_INPUT,
                    "%s: no costs to draw: there is no variant 'only EFFECT' or 'only in "
                    "LAYER'",
                    path);
    if (s == OG_OK) s = choose_terminal(&p, figure, err);
    if (s == OG_OK) s = draw_and_rename(&p, figure, err);
    og_attribution_close(&f);
    return s;
}

static og_status plot_errors(const char *path, const char *figure,
                             const struct og_plot *plot, struct og_error *err)
{
    struct og_error_maps m;
    og_status s = og_error_maps_read(&m, path, plot, err);
    struct og_picture p = {.x = OG_NO_AXIS, .series = OG_NO_AXIS, .panels = m.maps};
    p.title = plot->title != NULL ? plot->title : m.title != NULL ? m.title : "";
    p.width = plot->width;
    p.height = plot->height;
    p.errors = &m;
    if (s == OG_OK) s = choose_terminal(&p, figure, err);
    if (s == OG_OK) s = draw_and_rename(&p, figure, err);
    og_error_maps_free(&m);
    return s;
}

static og_status plot_layers(const char *path, const char *figure,
                             const struct og_plot *plot, struct og_error *err)
{
    struct og_layer_bars b;
    og_status s = og_layer_bars_read(&b, path, plot, err);
    const char *own = b.layers.table.title;
    struct og_picture p = {.x = OG_NO_AXIS, .series = OG_NO_AXIS, .panels = 1};
    p.title = plot->title != NULL ? plot->title : own != NULL ? own : "";
    p.width = plot->width;
    p.height = plot->height;
    p.bars = &b;
    if (s == OG_OK) s = choose_terminal(&p, figure, err);
    if (s == OG_OK) s = draw_and_rename(&p, figure, err);
    og_layer_table_free(&b.layers);
    return s;
}

typedef og_status (*chart_reader)(struct og_chart *chart, const char *path,
                                  const struct og_plot *plot, struct og_error *err);

static og_status plot_chart(chart_reader read, const char *path, const char *figure,
                            const struct og_plot *plot, struct og_error *err)
{
    struct og_chart c = {0};
    og_status s = read(&c, path, plot, err);
    struct og_picture p = {.x = OG_NO_AXIS, .series = OG_NO_AXIS, .panels = 1};
    p.title = plot->title != NULL ? plot->title : c.title != NULL ? c.title : "";
    p.width = plot->width > 0 ? plot->width : c.lines > 1 ? 1000 : 0;
    p.height = plot->height;
    p.chart = &c;
    if (s == OG_OK) s = choose_terminal(&p, figure, err);
    if (s == OG_OK) s = draw_and_rename(&p, figure, err);
    og_chart_clear(&c);
    return s;
}

static og_status take_mean(struct og_table *t, const char *axis, const char *path,
                           struct og_error *err)
{
    int at, column;
    if (axis == NULL) return OG_OK;
    OG_TRY(og_picture_axis(t, axis, "--mean", path, &at, &column, err));
    return og_table_mean(t, (size_t)at, err);
}

static og_status plot_sweep(const char *path, const char *figure,
                            const struct og_plot *plot, struct og_error *err)
{
    struct og_table t;
    OG_TRY(og_table_read(&t, path, err));
    struct og_picture p;
    og_status s = take_mean(&t, plot->mean, path, err);
    if (s == OG_OK) s = og_picture_choose(&p, &t, plot, path, err);
    if (s == OG_OK) s = choose_terminal(&p, figure, err);
    if (s == OG_OK) s = draw_and_rename(&p, figure, err);
    og_table_free(&t);
    return s;
}

og_status og_result_plot(const char *path, const char *figure, const struct og_plot *plot,
                         struct og_error *err)
{
    static const struct og_plot chosen = {.point = -1};
    static const chart_reader chart[] = {[OG_PLOT_TRAINING] = og_chart_training,
                                         [OG_PLOT_TRACES] = og_chart_traces,
                                         [OG_PLOT_CONDUCTANCES] = og_chart_conductances};
    if (plot == NULL) plot = &chosen;
    const bool device = og_is_simulation(path);
    if (device && plot->kind != OG_PLOT_LINES)
        return og_fail(err, OG_USAGE,
                       "%s: of a simulated device there are only columns to draw", path);
    if (device) return plot_chart(og_chart_simulation, path, figure, plot, err);
    switch (plot->kind) {
    case OG_PLOT_LINES:
    case OG_PLOT_MAP:
        return plot_sweep(path, figure, plot, err);
    case OG_PLOT_COSTS:
        return plot_costs(path, figure, plot, err);
    case OG_PLOT_ERRORS:
        return plot_errors(path, figure, plot, err);
    case OG_PLOT_LAYERS:
        return plot_layers(path, figure, plot, err);
    default:
        return plot_chart(chart[plot->kind], path, figure, plot, err);
    }
}
