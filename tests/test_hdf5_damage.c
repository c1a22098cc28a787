// SPDX-License-Identifier: GPL-3.0-or-later
// One bit of a result file is wrong: whatever reads it says a sentence, and what `verify`
// finds good holds the same results. OHMGRID_EVERY_BYTE=FROM in the environment: one bit of
// every byte from this one on, else of some.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include "base/hdf5_probe.h"
#include "base/sanitized.h"
#include "ohmgrid/weights.h"
#include "small_result.h"
#include "temp_folder.h"

enum { SOME = OG_SANITIZED ? 7 : 23 };  // sanitized processes fork slowly

struct place {
    char folder[TEMP_PATH], good[TEMP_FILE], bad[TEMP_FILE], npz[TEMP_FILE];
    unsigned char *bytes;
    size_t size;
};

static void put(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    if (!temp_make(p->folder)) return -1;
    snprintf(p->good, sizeof p->good, "%s/good.h5", p->folder);
    snprintf(p->bad, sizeof p->bad, "%s/bad.h5", p->folder);
    snprintf(p->npz, sizeof p->npz, "%s/w.npz", p->folder);
    assert_int_equal(write_small_result(p->good), OG_OK);
    FILE *f = fopen(p->good, "rb");
    if (f == NULL || fseek(f, 0, SEEK_END) != 0) return -1;
    p->size = (size_t)ftell(f);
    rewind(f);
    p->bytes = malloc(p->size);
    if (fread(p->bytes, 1, p->size, f) != p->size || fclose(f) != 0) return -1;
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    const int r = temp_remove(p->folder);
    free(p->bytes);
    free(p);
    return r;
}

// Whether it was refused; then there is a sentence that names the file.
static bool refused(og_status status, const struct og_error *err)
{
    if (status == OG_OK) return false;
    assert_non_null(strstr(err->text, ".h5"));
    return true;
}

static void look_at_everything(const struct place *p, FILE *out)
{
    og_status (*const show[])(const char *, FILE *, struct og_error *) = {
        og_result_show, og_result_show_layers, og_result_show_parts,
        og_result_show_traces};
    struct og_error err[6] = {{0}};
    for (int k = 0; k < 4; k++) refused(show[k](p->bad, out, &err[k]), &err[k]);
    char *text = NULL;
    refused(og_result_experiment(p->bad, &text, &err[4]), &err[4]);
    free(text);
    refused(og_weights_export(p->bad, "", p->npz, &err[5]), &err[5]);
}

enum { GOOD, FOUND, DIFFERENT, SILENT };

// What is said of the bad file.
static int judge(const struct place *p)
{
    FILE *out = fopen("/dev/null", "w");
    struct og_error err[2] = {{0}};
    bool good = false, same = false;
    if (out == NULL) return SILENT;
    const og_status status = og_result_verify(p->bad, out, &good, &err[0]);
    if (status != OG_OK && strstr(err[0].text, ".h5") == NULL) return SILENT;
    const bool found = status != OG_OK || !good;
    if (!found &&
        (og_result_diff(p->good, p->bad, out, &same, &err[1]) != OG_OK || !same))
        return DIFFERENT;
    look_at_everything(p, out);
    fclose(out);
    return found ? FOUND : GOOD;
}

// The exit code of a command of the program on the bad file; -1: it crashed, or failed and
// said nothing.
static int ask(const struct place *p, const char *what)
{
    char command[3 * TEMP_FILE + 1024], said[TEMP_FILE];
    struct stat file;
    snprintf(said, sizeof said, "%s/said", p->folder);
    snprintf(command, sizeof command, "%s %s %s >%s 2>&1", getenv("OHMGRID_PROGRAM"),
             what, p->bad, said);
    const int status = system(command);
    const bool silent = stat(said, &file) != 0 || file.st_size == 0;
    unlink(said);
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 2) return -1;
    return WEXITSTATUS(status) != 0 && silent ? -1 : WEXITSTATUS(status);
}

// HDF5 reads beyond buffers, and what stands there decides whether the child that tried
// the file crashed as well. The program survives in any case.
static bool program_answers(const struct place *p)
{
    char diff[TEMP_FILE + 10];
    snprintf(diff, sizeof diff, "diff %s", p->good);
    return ask(p, "verify") >= 0 && ask(p, "show") >= 0 && ask(p, "show --layers") >= 0 &&
           ask(p, diff) >= 0;
}

// In a process of its own, as programs do: what HDF5 keeps of one file may decide what it
// sees in the next, and whether it crashes on it.
static bool is_found(const struct place *p, size_t at)
{
    int status = 0;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
        for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
            signal(deadly[i], SIG_DFL);  // not as a failure of this test
        _exit(judge(p));
    }
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status)) {
        if (!program_answers(p)) fail_msg("byte %zu: crashes", at);
        return true;
    }
    if (WEXITSTATUS(status) == DIFFERENT && ask(p, "verify") == 0)
        fail_msg("byte %zu: good, but different", at);
    if (WEXITSTATUS(status) == SILENT) fail_msg("byte %zu: nothing is said", at);
    return WEXITSTATUS(status) != GOOD;
}

static void what_verify_finds_good_is_the_same(void **state)
{
    struct place *p = *state;
    const char *from = getenv("OHMGRID_EVERY_BYTE");
    const size_t first = from ? strtoull(from, NULL, 10) : 0;
    const size_t step = from ? 1 : p->size / SOME;
    size_t found = 0, tried = 0;
    for (size_t at = first; at < p->size; at += step, tried++) {
        p->bytes[at] ^= (unsigned char)(1 << at % 8);
        put(p->bad, p->bytes, p->size);
        p->bytes[at] ^= (unsigned char)(1 << at % 8);
        found += is_found(p, at);
    }
    print_message("%zu of %zu wrong bits are found\n", found, tried);
    // The end of the file may be room that nothing uses.
    assert_true(first > 0 || found > tried / 10);
}

// The end is missing, or all that is not the first block.
static void short_files_are_refused(void **state)
{
    const struct place *p = *state;
    FILE *out = fopen("/dev/null", "w");
    assert_non_null(out);
    for (size_t size = 0; size < p->size; size += p->size / 13) {
        put(p->bad, p->bytes, size);
        struct og_error err = {0};
        bool good;
        assert_true(refused(og_result_verify(p->bad, out, &good, &err), &err));
        look_at_everything(p, out);
    }
    fclose(out);
}

static void in_source(char path[1024], const char *name)
{
    snprintf(path, 1024, "%s/tests/damaged/%s", getenv("OHMGRID_SOURCE"), name);
    assert_int_equal(access(path, R_OK), 0);
}

// One byte of damaged/heap.h5 is wrong, and HDF5 1.10.8 reads its texts from somewhere:
// h5dump crashes on it, others by the luck of their memory.
static void a_crash_becomes_a_sentence(void **state)
{
    (void)state;
    char path[1024];
    struct og_error err[2] = {{0}};
    bool good;
    in_source(path, "heap.h5");
    assert_true(refused(og_result_verify(path, stdout, &good, &err[0]), &err[0]));
    const og_status status = og_hdf5_probe(path, &err[1]);
    assert_true(status == OG_OK || status == OG_INPUT);
    if (refused(status, &err[1]))
        assert_non_null(strstr(err[1].text, "heap.h5: damaged: HDF5 "));
}

// One bit of damaged/greedy.h5 is wrong: HDF5 asks for 6 GB for a text, then for 8. Without a
// limit, as sanitizers need it, it is the text that is found to be wrong.
static void greed_becomes_a_sentence(void **state)
{
    (void)state;
    char path[1024];
    struct og_error err = {0};
    bool good;
    in_source(path, "greedy.h5");
    assert_true(refused(og_result_verify(path, stdout, &good, &err), &err));
    if (!OG_SANITIZED && !strstr(err.text, "more memory")) fail_msg("%s", err.text);
}

// Good files, and what is none, are no matter of the probe.
static void good_files_pass(void **state)
{
    const struct place *p = *state;
    struct og_error err = {0};
    assert_int_equal(og_hdf5_probe(p->good, &err), OG_OK);
    assert_int_equal(og_hdf5_probe("/no/such/file.h5", &err), OG_OK);
    put(p->bad, "text", 4);
    assert_int_equal(og_hdf5_probe(p->bad, &err), OG_OK);
    // Nobody waits for children here.
    signal(SIGCHLD, SIG_IGN);
    assert_int_equal(og_hdf5_probe(p->good, &err), OG_OK);
    signal(SIGCHLD, SIG_DFL);
}

// A process beside it sees how the program ends: here for the size of what it writes.
static void a_signal_becomes_a_sentence(void **state)
{
    const struct place *p = *state;
    char command[3 * TEMP_FILE + 1024], said[500] = "";
    snprintf(command, sizeof command, "ulimit -f 0; %s export %s -o %s 2>&1",
             getenv("OHMGRID_PROGRAM"), p->good, p->npz);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    said[fread(said, 1, sizeof said - 1, f)] = '\0';
    assert_int_equal(WEXITSTATUS(pclose(f)), 1);
    assert_non_null(strstr(said, "ohmgrid export: ended by a signal ("));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_verify_finds_good_is_the_same),
        cmocka_unit_test(a_crash_becomes_a_sentence),
        cmocka_unit_test(greed_becomes_a_sentence),
        cmocka_unit_test(a_signal_becomes_a_sentence),
        cmocka_unit_test(good_files_pass),
        cmocka_unit_test(short_files_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
