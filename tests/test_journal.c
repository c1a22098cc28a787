// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "ohmgrid/results.h"
#include "temp_folder.h"

static const char text_a[] = "seed: 1\ntrials: 3\n";
static const char text_b[] = "seed: 2\ntrials: 3\n";

struct place {
    char folder[TEMP_PATH], out[TEMP_FILE], journal[TEMP_FILE + 8];
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    if (!temp_make(p->folder)) return -1;
    snprintf(p->out, sizeof p->out, "%s/out.h5", p->folder);
    snprintf(p->journal, sizeof p->journal, "%s.journal", p->out);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    unlink(p->journal);
    unlink(p->out);
    int r = rmdir(p->folder);  // nothing else may be left
    free(p);
    return r;
}

static og_journal *open_ok(const struct place *p, enum og_journal_mode mode)
{
    og_journal *j;
    struct og_error err = {0};
    og_status s = og_journal_open(&j, p->out, text_a, mode, &err);
    if (s != OG_OK) print_error("%s\n", err.text);
    assert_int_equal(s, OG_OK);
    return j;
}

static void open_fails(const struct place *p, const char *text, enum og_journal_mode mode,
                       og_status status, const char *sentence)
{
    og_journal *j;
    struct og_error err = {0};
    assert_int_equal(og_journal_open(&j, p->out, text, mode, &err), status);
    assert_null(j);
    if (strstr(err.text, sentence) == NULL) print_error("%s\n", err.text);
    assert_non_null(strstr(err.text, sentence));
}

static void put(og_journal *j, uint32_t kind, const char *key, const char *value)
{
    struct og_error err = {0};
    assert_int_equal(og_journal_put(j, kind, key, value, strlen(value), &err), OG_OK);
}

// NULL: there must be no such entry.
static void holds(og_journal *j, uint32_t kind, const char *key, const char *value)
{
    struct og_entry e;
    bool found = og_journal_get(j, kind, key, &e);
    assert_int_equal(found, value != NULL);
    if (!found) return;
    assert_int_equal(e.kind, kind);
    assert_string_equal(e.key, key);
    assert_int_equal(e.size, strlen(value));
    assert_memory_equal(e.data, value, e.size);
    og_journal_release(&e);
}

static off_t size_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static bool exists(const char *path) { return access(path, F_OK) == 0; }

static char *contents(const char *path, size_t *n)
{
    *n = (size_t)size_of(path);
    char *bytes = malloc(*n);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(bytes, 1, *n, f), *n);
    fclose(f);
    return bytes;
}

static void write_file(const char *path, const char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void entries_come_back(void **state)
{
    const struct place *p = *state;
    og_journal *j = open_ok(p, OG_JOURNAL_NEW);
    put(j, 1, "p0/t0", "0.913");
    put(j, 2, "p0/t0", "another kind");
    put(j, 1, "p0/t1", "");
    put(j, 1, "p0/t0", "0.914");
    put(j, 3, "checkpoint", "weights");
    og_journal_drop(j, 3, "checkpoint");
    og_journal_drop(j, 3, "never there");
    for (int again = 0; again < 2; again++) {
        holds(j, 1, "p0/t0", "0.914");
        holds(j, 2, "p0/t0", "another kind");
        holds(j, 1, "p0/t1", "");
        holds(j, 3, "checkpoint", NULL);
        holds(j, 4, "p0/t0", NULL);
        og_journal_close(j, false);
        j = open_ok(p, OG_JOURNAL_RESUME);
    }
    og_journal_close(j, true);
    assert_false(exists(p->journal));
    og_journal_close(NULL, true);
}

static void many_keys(void **state)
{
    const struct place *p = *state;
    og_journal *j = open_ok(p, OG_JOURNAL_NEW);
    char key[40], value[40];
    for (int i = 0; i < 3000; i++) {
        snprintf(key, sizeof key, "point %d", i * 7919);
        snprintf(value, sizeof value, "%d", i);
        put(j, (uint32_t)i % 3, key, value);
    }
    og_journal_close(j, false);
    j = open_ok(p, OG_JOURNAL_RESUME);
    for (int i = 0; i < 3000; i++) {
        snprintf(key, sizeof key, "point %d", i * 7919);
        snprintf(value, sizeof value, "%d", i);
        holds(j, (uint32_t)i % 3, key, value);
        holds(j, ((uint32_t)i + 1) % 3, key, NULL);
    }
    og_journal_close(j, true);
}

static void torn_at_every_byte(void **state)
{
    const struct place *p = *state;
    og_journal *j = open_ok(p, OG_JOURNAL_NEW);
    put(j, 1, "first", "1.234");
    og_journal_close(j, false);
    off_t before = size_of(p->journal);
    j = open_ok(p, OG_JOURNAL_RESUME);
    put(j, 1, "last", "a payload of some bytes");
    og_journal_close(j, false);
    size_t n;
    char *bytes = contents(p->journal, &n);
    for (size_t cut = (size_t)before; cut < n; cut++) {
        write_file(p->journal, bytes, cut);
        j = open_ok(p, OG_JOURNAL_RESUME);
        holds(j, 1, "first", "1.234");
        holds(j, 1, "last", NULL);
        assert_int_equal(size_of(p->journal), before);
        put(j, 1, "last", "anew");
        og_journal_close(j, false);
        j = open_ok(p, OG_JOURNAL_RESUME);
        holds(j, 1, "first", "1.234");
        holds(j, 1, "last", "anew");
        og_journal_close(j, false);
    }
    free(bytes);
}

// A header that was never finished: nothing can have been lost, so the journal starts
// anew.
static void torn_header_starts_anew(void **state)
{
    const struct place *p = *state;
    og_journal_close(open_ok(p, OG_JOURNAL_NEW), false);
    size_t n;
    char *bytes = contents(p->journal, &n);
    for (size_t cut = 0; cut < n; cut++) {
        write_file(p->journal, bytes, cut);
        og_journal *j = open_ok(p, OG_JOURNAL_RESUME);
        assert_int_equal(size_of(p->journal), n);
        og_journal_close(j, false);
    }
    free(bytes);
}

// The same with records behind it was damaged later: they are not thrown away.
static void damaged_header_keeps_the_file(void **state)
{
    const struct place *p = *state;
    og_journal *j = open_ok(p, OG_JOURNAL_NEW);
    size_t head = (size_t)size_of(p->journal), n;
    put(j, 1, "a", "value of a");
    og_journal_close(j, false);
    char *bytes = contents(p->journal, &n);
    enum { HOLDER = 32, HOLDER_END = HOLDER + 128 };
    for (size_t at = 0; at < head; at++) {
        bytes[at] ^= 0x10;
        write_file(p->journal, bytes, n);
        bytes[at] ^= 0x10;
        if (at >= HOLDER && at < HOLDER_END) {  // who wrote it does not matter
            og_journal_close(open_ok(p, OG_JOURNAL_RESUME), false);
            continue;
        }
        open_fails(p, text_a, OG_JOURNAL_RESUME, OG_USAGE, "--force replaces it");
        assert_int_equal(size_of(p->journal), n);
    }
    write_file(p->journal, bytes, n);
    j = open_ok(p, OG_JOURNAL_RESUME);
    holds(j, 1, "a", "value of a");
    og_journal_close(j, true);
    free(bytes);
}

static void corrupt_middle_loses_one_entry(void **state)
{
    const struct place *p = *state;
    og_journal *j = open_ok(p, OG_JOURNAL_NEW);
    put(j, 1, "a", "value of a");
    og_journal_close(j, false);
    size_t from = (size_t)size_of(p->journal);
    j = open_ok(p, OG_JOURNAL_RESUME);
    put(j, 1, "b", "value of b");
    og_journal_close(j, false);
    size_t to = (size_t)size_of(p->journal);
    j = open_ok(p, OG_JOURNAL_RESUME);
    put(j, 1, "c", "value of c");
    og_journal_close(j, false);
    size_t n;
    char *bytes = contents(p->journal, &n);
    for (size_t at = from; at < to; at++) {
        bytes[at] ^= 0x10;
        write_file(p->journal, bytes, n);
        bytes[at] ^= 0x10;
        j = open_ok(p, OG_JOURNAL_RESUME);
        holds(j, 1, "a", "value of a");
        holds(j, 1, "b", NULL);
        holds(j, 1, "c", "value of c");
        og_journal_close(j, false);
    }
    free(bytes);
}

static void modes(void **state)
{
    const struct place *p = *state;
    og_journal *j = open_ok(p, OG_JOURNAL_RESUME);  // nothing there: anew
    put(j, 1, "a", "1");
    og_journal_close(j, false);
    open_fails(p, text_a, OG_JOURNAL_NEW, OG_USAGE,
               "out.h5.journal exists: --resume continues it, --force replaces it");
    j = open_ok(p, OG_JOURNAL_FORCE);
    holds(j, 1, "a", NULL);
    og_journal_close(j, true);
    write_file(p->out, "old", 3);
    open_fails(p, text_a, OG_JOURNAL_NEW, OG_USAGE,
               "out.h5 exists: --resume continues it, --force replaces it");
    assert_false(exists(p->journal));
    open_fails(p, text_a, OG_JOURNAL_RESUME, OG_INPUT, "out.h5: not an HDF5 file");
    assert_false(exists(p->journal));
    j = open_ok(p, OG_JOURNAL_FORCE);
    og_journal_close(j, true);
    assert_int_equal(size_of(p->out), 3);  // stays until the new one is whole
}

static void other_experiment_is_refused(void **state)
{
    const struct place *p = *state;
    og_journal *j = open_ok(p, OG_JOURNAL_NEW);
    put(j, 1, "a", "1");
    og_journal_close(j, false);
    open_fails(p, text_b, OG_JOURNAL_RESUME, OG_USAGE,
               "out.h5.journal belongs to another experiment (different: seed); --force "
               "replaces it");
    j = open_ok(p, OG_JOURNAL_RESUME);
    holds(j, 1, "a", "1");
    og_journal_close(j, true);
    write_file(p->journal, "my own notes, long enough to be a header", 40);
    open_fails(p, text_a, OG_JOURNAL_RESUME, OG_USAGE, "not a journal of ohmgrid");
    assert_int_equal(size_of(p->journal), 40);
}

static void places_that_cannot_be_written(void **state)
{
    const struct place *p = *state;
    struct place q = *p;
    snprintf(q.out, sizeof q.out, "%s/none/out.h5", p->folder);
    open_fails(&q, text_a, OG_JOURNAL_NEW, OG_USAGE,
               "cannot write: No such file or directory");
    snprintf(q.out, sizeof q.out, "%s", p->folder);
    open_fails(&q, text_a, OG_JOURNAL_FORCE, OG_USAGE, "not an ordinary file");
    snprintf(q.out, sizeof q.out, "/dev/full");
    open_fails(&q, text_a, OG_JOURNAL_FORCE, OG_USAGE, "not an ordinary file");
    snprintf(q.out, sizeof q.out, "/dev/null/out.h5");
    open_fails(&q, text_a, OG_JOURNAL_NEW, OG_USAGE, "cannot write: Not a directory");
}

static void a_file_needs_a_name(void **state)
{
    struct place nameless = *(const struct place *)*state;
    nameless.out[0] = '\0';
    open_fails(&nameless, text_a, OG_JOURNAL_NEW, OG_USAGE,
               "the name of the result file is empty");
    assert_false(exists(".journal"));
}

static void lock_of_another_process(void **state)
{
    const struct place *p = *state;
    int ready[2], leave[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(leave), 0);
    pid_t child = fork();
    if (child == 0) {
        og_journal *j;
        char c = og_journal_open(&j, p->out, text_a, OG_JOURNAL_NEW, NULL) == OG_OK;
        _exit(write(ready[1], &c, 1) != 1 || read(leave[0], &c, 1) != 1);
    }
    char c = 0;
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(c, 1);
    for (int mode = OG_JOURNAL_NEW; mode <= OG_JOURNAL_RESUME; mode++)
        open_fails(p, text_a, (enum og_journal_mode)mode, OG_USAGE,
                   "is in use by another running ohmgrid");
    assert_true(exists(p->journal));
    assert_int_equal(write(leave[1], &c, 1), 1);
    assert_int_equal(waitpid(child, NULL, 0), child);
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(leave[i]);
    }
    og_journal_close(open_ok(p, OG_JOURNAL_RESUME),
                     true);  // the lock died with its owner
}

static void compaction_keeps_the_newest(void **state)
{
    const struct place *p = *state;
    enum { SIZE = 200000 };
    og_journal *j = open_ok(p, OG_JOURNAL_NEW);
    unsigned char *big = calloc(SIZE, 1);
    struct og_error err = {0};
    put(j, 1, "small", "stays");
    for (int i = 0; i < 30; i++) {
        memset(big, i, SIZE);
        assert_int_equal(og_journal_put(j, 2, "checkpoint", big, SIZE, &err), OG_OK);
        assert_true(size_of(p->journal) < 8 * SIZE);
    }
    // The compacted file is the locked one.
    open_fails(p, text_a, OG_JOURNAL_RESUME, OG_USAGE, "in use by another");
    for (int again = 0; again < 2; again++) {
        holds(j, 1, "small", "stays");
        struct og_entry e;
        assert_true(og_journal_get(j, 2, "checkpoint", &e));
        assert_int_equal(e.size, SIZE);
        assert_memory_equal(e.data, big, SIZE);
        og_journal_release(&e);
        og_journal_close(j, false);
        j = open_ok(p, OG_JOURNAL_RESUME);
    }
    og_journal_close(j, true);
    free(big);
}

// An entry that there is no memory for is told from one that is not there.
static void entries_without_memory_are_there(void **state)
{
    const struct place *p = *state;
    og_journal *j = open_ok(p, OG_JOURNAL_NEW);
    struct og_entry e;
    put(j, 1, "a", "value");
    og_alloc_fail_at(1);
    assert_false(og_journal_get(j, 1, "a", &e));
    og_alloc_fail_at(0);
    assert_int_equal(e.size, strlen("value"));
    assert_null(e.data);
    assert_false(og_journal_get(j, 1, "b", &e));
    assert_int_equal(e.size, 0);
    holds(j, 1, "a", "value");
    og_journal_close(j, true);
}

static void append_until_killed(const struct place *p, int start)
{
    og_journal *j;
    if (og_journal_open(&j, p->out, text_a, OG_JOURNAL_RESUME, NULL) != OG_OK) _exit(1);
    static char value[5000];
    for (int i = start;; i++) {
        char key[40];
        snprintf(key, sizeof key, "%d", i);
        memset(value, i % 251, sizeof value);
        size_t n = 1 + (size_t)i * 37 % sizeof value;
        if (og_journal_put(j, 1, key, value, n, NULL) != OG_OK) _exit(1);
        // Replaced all the time, so that compactions are hit as well.
        if (og_journal_put(j, 2, "state", value, sizeof value, NULL) != OG_OK) _exit(1);
    }
}

// Counts the entries 0, 1, ... and checks each.
static int whole_entries(og_journal *j)
{
    for (int i = 0;; i++) {
        char key[40];
        struct og_entry e;
        snprintf(key, sizeof key, "%d", i);
        if (!og_journal_get(j, 1, key, &e)) return i;
        assert_int_equal(e.size, 1 + (size_t)i * 37 % 5000);
        for (size_t k = 0; k < e.size; k++)
            assert_int_equal(((const unsigned char *)e.data)[k], i % 251);
        og_journal_release(&e);
    }
}

static void killed_at_any_moment(void **state)
{
    const struct place *p = *state;
    int had = 0;
    for (int round = 0; round < 20; round++) {
        pid_t child = fork();
        if (child == 0) append_until_killed(p, had);
        usleep(3000 + 1500 * (useconds_t)round);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        og_journal *j = open_ok(p, OG_JOURNAL_RESUME);
        int has = whole_entries(j);
        assert_true(has >= had);
        had = has;
        og_journal_close(j, false);
    }
    assert_true(had > 20);
}

static void full_disk_keeps_what_was_there(void **state)
{
    const struct place *p = *state;
    og_journal *j = open_ok(p, OG_JOURNAL_NEW);
    put(j, 1, "a", "before");
    off_t size = size_of(p->journal);
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = (rlim_t)size + 100;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    char big[1000] = {1};
    struct og_error err = {0};
    og_status s = og_journal_put(j, 1, "b", big, sizeof big, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    assert_int_equal(s, OG_IO);
    assert_non_null(strstr(err.text, "out.h5.journal: cannot write: File too large"));
    assert_int_equal(size_of(p->journal), size);
    holds(j, 1, "b", NULL);
    put(j, 1, "c", "after");
    og_journal_close(j, false);
    j = open_ok(p, OG_JOURNAL_RESUME);
    holds(j, 1, "a", "before");
    holds(j, 1, "b", NULL);
    holds(j, 1, "c", "after");
    og_journal_close(j, true);
}

static void failing_allocations(void **state)
{
    const struct place *p = *state;
    og_journal *j = NULL;
    size_t n = 0;
    og_status s;
    do {
        og_alloc_fail_at(++n);
        s = og_journal_open(&j, p->out, text_a, OG_JOURNAL_NEW, NULL);
        if (s == OG_OK) s = og_journal_put(j, 1, "a", "1", 1, NULL);
        og_alloc_fail_at(0);
        assert_true(s == OG_OK || s == OG_NO_MEMORY || s == OG_USAGE || s == OG_IO);
        og_journal_close(j, true);
        j = NULL;
    } while (s != OG_OK && n < 100);
    assert_int_equal(s, OG_OK);
    assert_true(n > 4);
    assert_false(exists(p->journal));
}

#define JOURNAL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOURNAL_TEST(entries_without_memory_are_there),
        JOURNAL_TEST(entries_come_back),
        JOURNAL_TEST(many_keys),
        JOURNAL_TEST(torn_at_every_byte),
        JOURNAL_TEST(torn_header_starts_anew),
        JOURNAL_TEST(damaged_header_keeps_the_file),
        JOURNAL_TEST(corrupt_middle_loses_one_entry),
        JOURNAL_TEST(modes),
        JOURNAL_TEST(other_experiment_is_refused),
        JOURNAL_TEST(places_that_cannot_be_written),
        JOURNAL_TEST(a_file_needs_a_name),
        JOURNAL_TEST(lock_of_another_process),
        JOURNAL_TEST(compaction_keeps_the_newest),
        JOURNAL_TEST(killed_at_any_moment),
        JOURNAL_TEST(full_disk_keeps_what_was_there),
        JOURNAL_TEST(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
