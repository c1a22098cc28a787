// SPDX-License-Identifier: GPL-3.0-or-later
// The built program from outside: exact texts and exit codes. Its path comes in
// OHMGRID_PROGRAM.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ohmgrid/results.h"
#include "temp_folder.h"

struct said {
    char out[20000], err[4000];
    int code;
};

static void slurp(FILE *f, char *text, size_t size)
{
    rewind(f);
    size_t n = fread(text, 1, size - 1, f);
    text[n] = '\0';
    fclose(f);
}

static void start_child(FILE *out, FILE *err, const char *const *argv)
{
    dup2(fileno(out), 1);
    dup2(fileno(err), 2);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

// Runs `ohmgrid` with the words of `line` (no word holds a blank).
static struct said ohmgrid_to(FILE *out, const char *line)
{
    static char words[1000];
    const char *argv[32] = {getenv("OHMGRID_PROGRAM")};
    assert_non_null(argv[0]);
    snprintf(words, sizeof words, "%s", line);
    char *rest = NULL;
    int n = 1;
    for (char *w = strtok_r(words, " ", &rest); w != NULL; w = strtok_r(NULL, " ", &rest))
        argv[n++] = w;
    FILE *err = tmpfile();
    pid_t pid = fork();
    if (pid == 0) start_child(out, err, argv);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    struct said s = {.code = WEXITSTATUS(status)};
    slurp(out, s.out, sizeof s.out);
    slurp(err, s.err, sizeof s.err);
    return s;
}

static struct said ohmgrid(const char *line) { return ohmgrid_to(tmpfile(), line); }

static void wrong(const char *line, const char *sentence)
{
    struct said s = ohmgrid(line);
    assert_string_equal(s.err, sentence);
    assert_string_equal(s.out, "");
    assert_int_equal(s.code, 2);
}

static void usage_errors(void **state)
{
    (void)state;
    wrong("fly", "ohmgrid: unknown command 'fly'; see 'ohmgrid --help'\n");
#define HINT "; see 'ohmgrid run --help'\n"
    wrong("run", "ohmgrid run: EXPERIMENT.yaml is missing" HINT);
    wrong("run x.yaml", "ohmgrid run: -o OUT.h5 is missing" HINT);
    wrong("run x.yaml -o", "ohmgrid run: --out needs a value: OUT.h5" HINT);
    wrong("run x.yaml y.yaml", "ohmgrid run: unexpected argument 'y.yaml'" HINT);
    wrong("run x.yaml --fast", "ohmgrid run: unknown option '--fast'" HINT);
    wrong("run x.yaml --thread=2", "ohmgrid run: unknown option '--thread=2'" HINT);
    wrong("run x.yaml -x", "ohmgrid run: unknown option '-x'" HINT);
    wrong("run x.yaml --threads 2.5",
          "ohmgrid run: --threads is '2.5', expected a whole number from 0 to 4096" HINT);
    wrong("run x.yaml --threads=-1",
          "ohmgrid run: --threads is '-1', expected a whole number from 0 to 4096" HINT);
    wrong("run x.yaml --threads 99999999999999999999",
          "ohmgrid run: --threads is '99999999999999999999', expected a whole number "
          "from 0 "
          "to 4096" HINT);
    wrong("run x.yaml --seed -1",
          "ohmgrid run: --seed is '-1', expected a whole number from 0 to 2^64 - 1" HINT);
    wrong("run x.yaml --seed 18446744073709551616",
          "ohmgrid run: --seed is '18446744073709551616', expected a whole number from 0 "
          "to "
          "2^64 - 1" HINT);
    wrong("run x.yaml --quiet=1", "ohmgrid run: --quiet takes no value" HINT);
    wrong("run x.yaml -o o.h5 --resume --force",
          "ohmgrid run: --resume and --force exclude each other" HINT);
#undef HINT
    wrong("plot x.h5", "ohmgrid plot: -o FIGURE is missing; see 'ohmgrid plot --help'\n");
    wrong("plot x.h5 -o a.png --map --costs",
          "ohmgrid plot: --map excludes --costs; see 'ohmgrid plot --help'\n");
    wrong("plot x.h5 -o a.png --training --x noise",
          "ohmgrid plot: --training excludes --x and --series; see 'ohmgrid plot "
          "--help'\n");
    wrong("plot x.h5 -o a.png --conductances --metric loss",
          "ohmgrid plot: --conductances excludes --metric; see 'ohmgrid plot --help'\n");
    wrong("plot x.h5 -o a.png --point 1",
          "ohmgrid plot: --point needs --traces, --conductances, --errors or --layers; "
          "see 'ohmgrid plot "
          "--help'\n");
    wrong("report x.h5",
          "ohmgrid report: -o PAGE.html is missing; see 'ohmgrid report --help'\n");
    wrong("solve a.h5",
          "ohmgrid solve: -o OUT.h5 is missing; see 'ohmgrid solve --help'\n");
    wrong("solve a.h5 -o b.h5 --method fast",
          "ohmgrid solve: --method is 'fast', expected auto, pcg, merge or direct; see "
          "'ohmgrid solve --help'\n");
    wrong("solve /no/a.h5 -o b.h5",
          "ohmgrid solve: /no/a.h5: cannot read: No such file or directory\n");
    wrong("diff a.h5", "ohmgrid diff: B.h5 is missing; see 'ohmgrid diff --help'\n");
    wrong("import m.onnx",
          "ohmgrid import: -o MODEL.h5 is missing; see 'ohmgrid import --help'\n");
    wrong("export r.h5",
          "ohmgrid export: -o OUT is missing; see 'ohmgrid export --help'\n");
    wrong("export /no/r.h5 -o w.npz",
          "ohmgrid export: /no/r.h5: cannot read: No such file or directory\n");
    wrong("infer m.h5 i.h5",
          "ohmgrid infer: -o OUT.h5 is missing; see 'ohmgrid infer --help'\n");
    wrong("infer m.h5 i.h5 -o o.h5 --chips 2",
          "ohmgrid infer: --chips needs --hardware; see 'ohmgrid infer --help'\n");
    wrong("infer m.h5 i.h5 -o o.h5 --calibrate 2",
          "ohmgrid infer: --calibrate needs --hardware; see 'ohmgrid infer --help'\n");
    wrong("infer m.h5 i.h5 -o o.h5 --seed 2",
          "ohmgrid infer: --seed needs --hardware; see 'ohmgrid infer --help'\n");
    wrong("data get",
          "ohmgrid data: unknown action 'get', expected list; see 'ohmgrid data "
          "--help'\n");
    wrong("device show",
          "ohmgrid device: NAME is missing; see 'ohmgrid device --help'\n");
    wrong("device list x",
          "ohmgrid device: unexpected argument 'x'; see 'ohmgrid device --help'\n");
    wrong("device sell", "ohmgrid device: unknown action 'sell', expected list, show, "
                         "simulate or fit; see "
                         "'ohmgrid device --help'\n");
    wrong("device simulate vteam",
          "ohmgrid device simulate: -o OUT.h5 is missing; see 'ohmgrid device simulate "
          "--help'\n");
    wrong("device simulate vteam -o x.h5 --waveform w.csv --cycles 2",
          "ohmgrid device simulate: --cycles has no effect with a waveform from a file; "
          "see 'ohmgrid device simulate --help'\n");
    wrong("device simulate vteam -o x.h5 --seed 3",
          "ohmgrid device simulate: --seed has no effect without --pulses; see 'ohmgrid "
          "device simulate --help'\n");
    wrong(
        "device simulate reram_es -o x.h5 --pulses 3",
        "ohmgrid device simulate: --pulses: '3' is not UP,DOWN, two numbers of pulses in "
        "0 .. 100000; see 'ohmgrid device simulate --help'\n");
    wrong("device simulate vteam -o x.h5 --pulses 3,4",
          "ohmgrid device simulate: --pulses: 'vteam' is a switching device, which a "
          "voltage drives; see 'ohmgrid device simulate --help'\n");
    wrong("device simulate reram_es -o x.h5 --pulses 3,4 --cycles 3",
          "ohmgrid device simulate: --cycles has no effect with --pulses; see 'ohmgrid "
          "device simulate --help'\n");
    wrong(
        "device simulate generic -o x.h5",
        "ohmgrid device simulate: 'generic' is a device for networks: it needs --pulses "
        "UP,DOWN; see 'ohmgrid device simulate --help'\n");
    wrong("device simulate vteam -o x.h5 --waveform /no/w.csv",
          "ohmgrid device simulate: /no/w.csv: cannot read: No such file or directory\n");
    wrong("device fit x.csv",
          "ohmgrid device fit: --model is missing; see 'ohmgrid device fit --help'\n");
    wrong("device fit x.csv --model drift --t-0 soon",
          "ohmgrid device fit: --t-0 is 'soon', expected a number in s\n");
    wrong("bench --rounds 0",
          "ohmgrid bench: --rounds is '0', expected a whole number from "
          "1 to 1000; see 'ohmgrid bench --help'\n");
    struct said s = ohmgrid("");
    assert_int_equal(s.code, 2);
    assert_non_null(strstr(s.err, "usage: ohmgrid COMMAND"));
}

static void help_everywhere(void **state)
{
    (void)state;
    static const char *const command[] = {"run",   "show", "plot",   "diff", "report",
                                          "solve", "data", "device", "bench"};
    struct said all = ohmgrid("--help");
    assert_int_equal(all.code, 0);
    assert_string_equal(all.err, "");
    for (size_t i = 0; i < sizeof command / sizeof *command; i++) {
        char line[64], usage[64];
        assert_non_null(strstr(all.out, command[i]));
        snprintf(line, sizeof line, "%s --help", command[i]);
        snprintf(usage, sizeof usage, "usage: ohmgrid %s ", command[i]);
        struct said s = ohmgrid(line);
        assert_int_equal(s.code, 0);
        assert_string_equal(s.err, "");
        assert_memory_equal(s.out, usage, strlen(usage));
        assert_non_null(strstr(s.out, "\nexamples:\n  ohmgrid "));
    }
    struct said keys = ohmgrid("run --help=keys");
    assert_int_equal(keys.code, 0);
    assert_non_null(strstr(keys.out, "epochs"));
    keys = ohmgrid("device simulate --help=keys");
    assert_int_equal(keys.code, 0);
    assert_non_null(strstr(keys.out, "drive.tolerance"));
    assert_non_null(strstr(keys.out, "\nmodel jart_v1b:\n"));
    assert_non_null(strstr(keys.out, "parameters.reset_factor"));
    struct said version = ohmgrid("--version");
    assert_int_equal(version.code, 0);
    assert_memory_equal(version.out, "ohmgrid ", 8);
    assert_non_null(strstr(version.out, "\nkernels: "));
    assert_non_null(strstr(version.out, "\nBLAS core: "));
}

// --- with result files ---------------------------------------------------------------
struct place {
    char folder[TEMP_PATH], a[TEMP_FILE], b[TEMP_FILE], figure[TEMP_FILE];
};

static void write_result(const char *path, double last)
{
    double bits[] = {4, 6, 8}, value[] = {0.7, 0.71, 0.8, 0.82, 0.9, last};
    const uint8_t done[] = {1, 1, 1, 1, 1, 1};
    struct og_axis_column column = {
        .name = "adc_bits", .key = "hardware.adc.bits", .units = "1", .value = bits};
    struct og_axis axis = {.n = 3, .columns = 1, .column = &column};
    const struct og_axis *axes[] = {&axis};
    const struct og_metric metric = {"accuracy", "1", "test accuracy"};
    struct og_result r = {.experiment = "seed: 1\n",
                          .axes = 1,
                          .axis = axes,
                          .trials = 2,
                          .metrics = 1,
                          .metric = &metric,
                          .value = value,
                          .done = done,
                          .threads = 1};
    assert_int_equal(og_result_write(path, &r, NULL), OG_OK);
}

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    if (!temp_make(p->folder)) return -1;
    snprintf(p->a, sizeof p->a, "%s/a.h5", p->folder);
    snprintf(p->b, sizeof p->b, "%s/b.h5", p->folder);
    snprintf(p->figure, sizeof p->figure, "%s/figure.png", p->folder);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    int r = temp_remove(p->folder);
    free(p);
    return r;
}

static struct said with(const struct place *p, const char *format)
{
    char line[500];
    snprintf(line, sizeof line, format, p->a, p->b);
    return ohmgrid(line);
}

static void show_and_diff(void **state)
{
    const struct place *p = *state;
    write_result(p->a, 0.91);
    write_result(p->b, 0.91);
    struct said s = with(p, "diff %s %s");
    assert_string_equal(s.out, "");
    assert_int_equal(s.code, 0);
    write_result(p->b, 0.92);
    s = with(p, "diff %s %s");
    assert_int_equal(s.code, 1);
    assert_non_null(strstr(s.out,
                           "results/accuracy: 1 of 6 values differ, first at [2, 1]: "
                           "0.91000000000000003 and 0.92000000000000004\n"));
    s = with(p, "show %s");
    assert_int_equal(s.code, 0);
    assert_non_null(strstr(s.out, "\n4         0.7050 [0.6415, 0.7685]  2/2\n"));
    s = with(p, "show --layers %s");
    assert_int_equal(s.code, 2);
    assert_non_null(strstr(s.err, "ohmgrid show: "));
    assert_non_null(strstr(s.err, "holds no /layers"));
    s = with(p, "show %s.none");
    assert_int_equal(s.code, 2);
    assert_non_null(strstr(s.err, "ohmgrid show: "));
    assert_non_null(strstr(s.err, "a.h5.none: cannot read: No such file or directory\n"));
}

static void output_that_cannot_be_written(void **state)
{
    const struct place *p = *state;
    write_result(p->a, 0.91);
    char line[200];
    snprintf(line, sizeof line, "show %s", p->a);
    struct said s = ohmgrid_to(fopen("/dev/full", "r+"), line);
    assert_int_equal(s.code, 1);
    assert_non_null(strstr(s.err, "No space left on device"));
}

static void plot(void **state)
{
    const struct place *p = *state;
    write_result(p->a, 0.91);
    char line[300];
    snprintf(line, sizeof line, "plot %s -o %s", p->a, p->figure);
    struct said s = ohmgrid(line);
    assert_string_equal(s.err, "");
    assert_int_equal(s.code, 0);
    unsigned char head[24];
    FILE *f = fopen(p->figure, "rb");
    assert_int_equal(fread(head, 1, sizeof head, f), sizeof head);
    fclose(f);
    assert_memory_equal(head, "\x89PNG\r\n\x1a\n", 8);
    assert_int_equal(head[18] << 8 | head[19], 800);  // width in the IHDR chunk
    snprintf(line, sizeof line, "plot %s -o %s --metric speed", p->a, p->figure);
    s = ohmgrid(line);
    assert_int_equal(s.code, 2);
    assert_non_null(strstr(s.err, "no metric 'speed'; there are: accuracy\n"));
    snprintf(line, sizeof line, "plot %s -o %s --x noise", p->a, p->figure);
    s = ohmgrid(line);
    assert_int_equal(s.code, 2);
    assert_non_null(strstr(s.err, "no axis 'noise' for --x; there are: adc_bits\n"));
    s = with(p, "plot %s -o fig.gif");
    assert_int_equal(s.code, 2);
    assert_string_equal(s.err,
                        "ohmgrid plot: fig.gif: a figure ends with .png, .svg or .pdf\n");
}

static void plot_without_gnuplot(void **state)
{
    const struct place *p = *state;
    write_result(p->a, 0.91);
    char *path = strdup(getenv("PATH")), line[300];
    setenv("PATH", "/nonexistent", 1);
    snprintf(line, sizeof line, "plot %s -o %s", p->a, p->figure);
    struct said s = ohmgrid(line);
    setenv("PATH", path, 1);
    free(path);
    assert_int_equal(s.code, 1);
    assert_string_equal(s.err, "ohmgrid plot: gnuplot is missing: apt-get install "
                               "gnuplot-nox\n");
    assert_int_not_equal(access(p->figure, F_OK), 0);
}

static void run_refuses(void **state)
{
    const struct place *p = *state;
    struct said s = with(p, "run /nonexistent/x.yaml -o %s");
    assert_int_equal(s.code, 2);
    assert_non_null(strstr(s.err, "/nonexistent/x.yaml"));
    assert_int_not_equal(access(p->a, F_OK), 0);
}

// --- interrupted runs ----------------------------------------------------------------
static void put_u32(FILE *f, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8) fputc((int)(v >> shift & 255), f);
}

// n images of 28 x 28 whose brightest rows tell the label, as idx files.
static void write_split(const char *folder, const char *split, uint32_t n)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte", folder, split);
    FILE *images = fopen(path, "wb");
    snprintf(path, sizeof path, "%s/%s-labels-idx1-ubyte", folder, split);
    FILE *labels = fopen(path, "wb");
    assert_true(images != NULL && labels != NULL);
    put_u32(images, 0x803);
    put_u32(images, n);
    put_u32(images, 28);
    put_u32(images, 28);
    put_u32(labels, 0x801);
    put_u32(labels, n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t label = i * 7 % 10;
        fputc((int)label, labels);
        for (uint32_t k = 0; k < 784; k++)
            fputc((int)((k / 28 / 2 == label ? 180 : 20) + (k * 31 + i * 17) % 60),
                  images);
    }
    assert_int_equal(fclose(images), 0);
    assert_int_equal(fclose(labels), 0);
}

static void write_experiment(const char *folder)
{
    char path[200];
    snprintf(path, sizeof path, "%s/x.yaml", folder);
    FILE *f = fopen(path, "w");
    fputs("title: interrupted\ntrials: 2\ndata: {name: mnist}\n"
          "model:\n  layers:\n    - flatten:\n    - dense: {units: 48}\n    - relu:\n"
          "    - dense: {units: 10}\n"
          "hardware: {device: generic, adc: {bits: 6}}\n"
          "train: {epochs: 20, batch: 16, lr: 0.01, hardware: same}\n"
          "sweep:\n"
          "  - {key: hardware.device.read.sigma, name: noise, values: [0 uS, 2 uS]}\n",
          f);
    assert_int_equal(fclose(f), 0);
}

// Before its handler is there a signal would simply end the program, on a slow machine or
// under a sanitizer long after its start.
static bool catches(pid_t pid, int number)
{
    char text[100];
    unsigned long long mask = 0;
    snprintf(text, sizeof text, "/proc/%d/status", (int)pid);
    FILE *f = fopen(text, "r");
    if (f == NULL) return false;
    while (fgets(text, sizeof text, f) != NULL)
        if (sscanf(text, "SigCgt: %llx", &mask) == 1) break;
    fclose(f);
    return mask >> (number - 1) & 1;
}

// Starts a run, without a stderr if `mute`, and sends it `number` as soon as it has
// begun; the exit code.
static int run_and_signal(const struct place *p, int number, bool mute)
{
    char yaml[100], journal[120];
    snprintf(yaml, sizeof yaml, "%s/x.yaml", p->folder);
    snprintf(journal, sizeof journal, "%s.journal", p->a);
    const char *argv[] = {getenv("OHMGRID_PROGRAM"),
                          "run",
                          yaml,
                          "-o",
                          p->a,
                          "--data",
                          p->folder,
                          "--resume",
                          "--quiet",
                          "--threads",
                          "1",
                          NULL};
    FILE *out = tmpfile(), *err = tmpfile();
    pid_t pid = fork();
    if (pid == 0 && mute) {
        close(2);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    if (pid == 0) start_child(out, err, argv);
    for (int i = 0; i < 20000; i++) {
        if (access(journal, F_OK) == 0 && catches(pid, number)) break;
        usleep(1000);
    }
    usleep(150000);
    kill(pid, number);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    fclose(out);
    fclose(err);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void interrupted_and_resumed(void **state)
{
    const struct place *p = *state;
    char line[400];
    write_split(p->folder, "train", 1500);
    write_split(p->folder, "t10k", 200);
    write_experiment(p->folder);
    // What would go to a closed stderr must not go into the journal.
    assert_int_equal(run_and_signal(p, SIGINT, true), 130);
    snprintf(line, sizeof line, "run %s/x.yaml -o %s --data %s", p->folder, p->a,
             p->folder);
    struct said s = ohmgrid(line);
    assert_int_equal(s.code, 2);
    assert_non_null(
        strstr(s.err, "exists: --resume continues it, --force replaces it\n"));
    assert_int_equal(run_and_signal(p, SIGTERM, false), 143);
    snprintf(line, sizeof line, "run %s/x.yaml -o %s --data %s --resume --threads 1",
             p->folder, p->a, p->folder);
    s = ohmgrid(line);
    // No more than how far it is, every ten seconds.
    assert_null(strstr(s.err, "ohmgrid"));
    assert_int_equal(s.code, 0);
    assert_non_null(strstr(s.out, "noise [µS]"));
    snprintf(line, sizeof line, "run %s/x.yaml -o %s --data %s -q", p->folder, p->b,
             p->folder);
    s = ohmgrid(line);
    assert_string_equal(s.out, "");
    assert_int_equal(s.code, 0);
    s = with(p, "diff %s %s");
    assert_string_equal(s.out, "");
    assert_int_equal(s.code, 0);
    static const char *const made[] = {
        "x.yaml", "train-images-idx3-ubyte", "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        snprintf(line, sizeof line, "%s/%s", p->folder, made[i]);
        unlink(line);
    }
}

static void devices_simulate_and_fit(void **state)
{
    const struct place *p = *state;
    struct said s = with(p, "device simulate vteam -o %s --points 8 --cycles 1 "
                            "--amplitude 0.3 --waveform triangle --set r_on=60");
    assert_string_equal(s.err, "");
    assert_int_equal(s.code, 0);
    s = with(p, "plot %s -o %s.png");
    assert_string_equal(s.err, "");
    char line[500], figure[128];
    snprintf(figure, sizeof figure, "%s.png", p->b);
    assert_int_equal(unlink(figure), 0);
    s = with(p, "device simulate reram_es -o %s --pulses 20,10 --trains 2 --devices 5");
    assert_string_equal(s.err, "");
    s = with(p, "plot %s -o %s.png");
    assert_string_equal(s.err, "");
    assert_int_equal(unlink(figure), 0);
    FILE *f = fopen(p->a, "w");
    fputs("time,conductance [uS]\n1,10\n10,9\n100,8.2\n", f);
    fclose(f);
    snprintf(line, sizeof line, "device fit %s --model drift -o %s --residuals %s", p->a,
             p->b, p->figure);
    s = ohmgrid(line);
    assert_string_equal(s.err, "");
    assert_int_equal(s.code, 0);
    assert_non_null(strstr(s.out, "\nnu "));
    assert_non_null(strstr(s.out, "3 rows; residuals: "));
    assert_int_equal(access(p->figure, F_OK), 0);
    snprintf(line, sizeof line, "device fit %s --model iv_sinh", p->a);
    s = ohmgrid(line);
    assert_int_equal(s.code, 2);
    assert_non_null(strstr(s.err, "a.h5:1: unknown column 'time'; known: voltage [V]"));
}

static void lists(void **state)
{
    (void)state;
    struct said s = ohmgrid("data list --data /nonexistent");
    assert_int_equal(s.code, 0);
    assert_non_null(strstr(s.out, "mnist"));
    assert_non_null(strstr(s.out, "cifar10"));
    assert_non_null(strstr(s.out, "fsdd  "));
    s = ohmgrid("device list");
    assert_string_equal(s.err, "");
    assert_int_equal(s.code, 0);
    assert_non_null(strstr(s.out, " uS  "));
    assert_non_null(strstr(s.out, "\njart_v1b "));
    s = ohmgrid("device show yakopcic");
    assert_int_equal(s.code, 0);
    assert_non_null(strstr(s.out, "\n  a_p: 4000 1/s\n"));
    s = ohmgrid("device show nothing_of_that_name");
    assert_int_equal(s.code, 2);
    assert_non_null(strstr(s.err, "nothing_of_that_name"));
}

#define CLI_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    // Threads that spin while other programs hold the cores would make this slow.
    setenv("OMP_WAIT_POLICY", "passive", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usage_errors),
        cmocka_unit_test(help_everywhere),
        CLI_TEST(show_and_diff),
        CLI_TEST(output_that_cannot_be_written),
        CLI_TEST(plot),
        CLI_TEST(plot_without_gnuplot),
        CLI_TEST(run_refuses),
        CLI_TEST(interrupted_and_resumed),
        CLI_TEST(devices_simulate_and_fit),
        cmocka_unit_test(lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
