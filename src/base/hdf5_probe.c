// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/hdf5_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <hdf5.h>
#include <hdf5_hl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/lock.h"
#include "base/sanitized.h"

// Limits of the child: far beyond what a good file takes.
enum { SECONDS = 20, BYTES_PER_SECOND = 10 << 20 };
static const size_t own_memory = (size_t)256 << 20, block = (size_t)64 << 20;
// Deflate cannot make anything smaller than 1/1032: readers refuse what announces more.
enum { DEFLATE_MOST = 1100 };

// What a child says at its end; nothing, where it crashes.
enum { GOOD = 'g', GREEDY = 'm' };

// --- in the child: what fails is of no interest, only what crashes ---------------------

// But for memory: beyond the limit the child gets none, where the parent might get more
// than the machine can spare.
static herr_t note_greed(unsigned n, const H5E_error2_t *e, void *verdict)
{
    (void)n;
    if (e->min_num == H5E_NOSPACE || e->min_num == H5E_CANTALLOC)
        *(char *)verdict = GREEDY;
    return 0;
}

static herr_t note_errors(hid_t stack, void *verdict)
{
    return H5Ewalk2(stack, H5E_WALK_DOWNWARD, note_greed, verdict);
}

// Numbers as readers convert them, all else as it is.
static hid_t type_in_memory(hid_t type)
{
    const H5T_class_t class = H5Tget_class(type);
    if (class == H5T_INTEGER || class == H5T_FLOAT) return H5Tcopy(H5T_NATIVE_DOUBLE);
    return H5Tcopy(type);
}

static void free_texts(hid_t type, hid_t space, void *data)
{
    if (H5Tdetect_class(type, H5T_VLEN) > 0 || H5Tis_variable_str(type) > 0)
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, data);
}

static herr_t read_attribute(hid_t object, const char *name, const H5A_info_t *info,
                             void *user)
{
    (void)info, (void)user;
    const hid_t attr = H5Aopen(object, name, H5P_DEFAULT);
    if (attr < 0) return 0;
    const hid_t type = H5Aget_type(attr), space = H5Aget_space(attr);
    const hid_t memory = type_in_memory(type);
    const hssize_t n = H5Sget_simple_extent_npoints(space);
    const size_t size = H5Tget_size(memory);
    if (n > 0 && size > 0 && (size_t)n <= block / size) {
        void *data = calloc((size_t)n, size);
        if (data != NULL && H5Aread(attr, memory, data) >= 0)
            free_texts(memory, space, data);
        free(data);
    }
    H5Tclose(memory), H5Tclose(type), H5Sclose(space), H5Aclose(attr);
    return 0;
}

static herr_t pass_scale(hid_t set, unsigned dim, hid_t scale, void *user)
{
    (void)set, (void)dim, (void)scale, (void)user;
    return 0;
}

// As many lines of axis 0 at a time as a block holds.
static void read_lines(hid_t set, hid_t space, hid_t memory, int rank, const hsize_t *dim)
{
    hsize_t begin[H5S_MAX_RANK] = {0}, count[H5S_MAX_RANK], line = H5Tget_size(memory);
    for (int d = 0; d < rank; d++) count[d] = dim[d];
    for (int d = 1; d < rank; d++) {
        if (dim[d] == 0 || line > block / dim[d]) return;
        line *= dim[d];
    }
    if (line == 0 || line > block) return;
    const hsize_t at_once = rank == 0 ? 1 : block / line, lines = rank == 0 ? 1 : dim[0];
    for (hsize_t i = 0; i < lines; i += at_once) {
        begin[0] = i;
        if (rank > 0) count[0] = lines - i < at_once ? lines - i : at_once;
        const hid_t part =
            rank == 0 ? H5Scopy(space) : H5Screate_simple(rank, count, NULL);
        if (rank > 0)
            H5Sselect_hyperslab(space, H5S_SELECT_SET, begin, NULL, count, NULL);
        void *data = calloc(rank == 0 ? 1 : (size_t)count[0], (size_t)line);
        if (data != NULL && H5Dread(set, memory, part, space, H5P_DEFAULT, data) >= 0)
            free_texts(memory, part, data);
        free(data);
        H5Sclose(part);
    }
}

// Numbers in one piece lead nowhere: they are not read.
static void read_dataset(hid_t set, hsize_t file_size)
{
    const hid_t type = H5Dget_type(set), space = H5Dget_space(set);
    const hid_t create = H5Dget_create_plist(set), memory = type_in_memory(type);
    const H5T_class_t class = H5Tget_class(type);
    const H5D_layout_t layout = H5Pget_layout(create);
    const bool plain =
        layout == H5D_CONTIGUOUS && (class == H5T_INTEGER || class == H5T_FLOAT);
    hsize_t dim[H5S_MAX_RANK] = {0};
    const int rank = H5Sget_simple_extent_dims(space, dim, NULL);
    const hssize_t n = H5Sget_simple_extent_npoints(space);
    for (int d = 0; d < rank; d++)
        if (H5DSget_num_scales(set, (unsigned)d) > 0)
            H5DSiterate_scales(set, (unsigned)d, NULL, pass_scale, NULL);
    H5DSis_scale(set);
    if (rank >= 0 && n > 0 && H5Tget_size(type) > 0 && !plain &&
        (hsize_t)n / DEFLATE_MOST <= file_size / H5Tget_size(type))
        read_lines(set, space, memory, rank, dim);
    H5Tclose(memory), H5Tclose(type), H5Sclose(space), H5Pclose(create);
}

static herr_t pass_link(hid_t group, const char *name, const H5L_info_t *info, void *user)
{
    (void)group, (void)name, (void)info, (void)user;
    return 0;
}

static void read_object(hid_t root, const char *name, hsize_t file_size)
{
    const hid_t object = H5Oopen(root, name, H5P_DEFAULT);
    if (object < 0) return;
    H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, read_attribute, NULL);
    if (H5Iget_type(object) == H5I_DATASET) read_dataset(object, file_size);
    if (H5Iget_type(object) == H5I_GROUP) {
        H5Literate(object, H5_INDEX_NAME, H5_ITER_INC, NULL, pass_link, NULL);
        H5Literate(object, H5_INDEX_CRT_ORDER, H5_ITER_INC, NULL, pass_link, NULL);
    }
    H5Oclose(object);
}

static herr_t visit_object(hid_t root, const char *name, const H5O_info_t *info,
                           void *size)
{
    (void)info;
    read_object(root, name, *(const hsize_t *)size);
    return 0;
}

// Links by name, to other files too, are followed by those who look for that name.
static herr_t visit_link(hid_t root, const char *name, const H5L_info_t *info, void *size)
{
    if (info->type != H5L_TYPE_HARD) read_object(root, name, *(const hsize_t *)size);
    return 0;
}

static char read_file(const char *path)
{
    char verdict = GOOD;
    H5Eset_auto2(H5E_DEFAULT, note_errors, &verdict);
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hsize_t size = 0;
    if (file < 0 || H5Fget_filesize(file, &size) < 0) return verdict;
    H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_NATIVE, visit_object, &size, H5O_INFO_BASIC);
    H5Lvisit(file, H5_INDEX_NAME, H5_ITER_NATIVE, visit_link, &size);
    H5Fclose(file);
    return verdict;
}

// Pages of this process, in bytes; 0: not known.
static size_t own_size(void)
{
    unsigned long pages = 0;
    FILE *in = fopen("/proc/self/statm", "r");
    if (in == NULL) return 0;
    if (fscanf(in, "%lu", &pages) != 1) pages = 0;
    fclose(in);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void limit(int what, rlim_t most)
{
    struct rlimit l;
    if (getrlimit(what, &l) != 0) return;
    if (l.rlim_max != RLIM_INFINITY && l.rlim_max < most) most = l.rlim_max;
    l.rlim_cur = most;  // alone: at the hard limit of time comes SIGKILL, which says less
    setrlimit(what, &l);
}

// Crashes are silent and leave nothing behind; what is meant to stop the parent leaves
// the child alone, which ends with it.
static void become_a_probe(size_t file_size, size_t parent_size)
{
    const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU, SIGALRM};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        signal(deadly[i], SIG_DFL);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    const int nowhere = open("/dev/null", O_RDWR);
    if (nowhere >= 0) {
        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
    }
    limit(RLIMIT_CORE, 0);
    const unsigned seconds = SECONDS + (unsigned)(file_size / BYTES_PER_SECOND);
    limit(RLIMIT_CPU, seconds);
    alarm(10 * seconds);  // should it wait for what another thread held
    if (!OG_SANITIZED && parent_size > 0)
        limit(RLIMIT_AS, parent_size + own_memory + 4 * file_size);
}

// --- what was tried before -------------------------------------------------------------

enum { KEPT = 4 };
static struct {
    struct og_lock lock;
    size_t next;
    struct stat file[KEPT];
} good;

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           same_time(a->st_mtim, b->st_mtim) && same_time(a->st_ctim, b->st_ctim);
}

static bool is_known(const struct stat *file)
{
    bool known = false;
    og_lock(&good.lock);
    for (size_t i = 0; i < KEPT; i++) known = known || same_file(&good.file[i], file);
    og_unlock(&good.lock);
    return known;
}

// A file that could change without a change of its times, within one tick of their clock,
// is tried each time.
static bool is_settled(const struct stat *file)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0) return false;
    const struct timespec t = file->st_ctim;
    return now.tv_sec > t.tv_sec || (now.tv_sec == t.tv_sec && now.tv_nsec > t.tv_nsec);
}

static void remember(const struct stat *file)
{
    og_lock(&good.lock);
    good.file[good.next++ % KEPT] = *file;
    og_unlock(&good.lock);
}

// --- in the parent ---------------------------------------------------------------------

// A parent that ignores SIGCHLD gets no status from waitpid, but this. 0: nothing came.
static char verdict_of(int pipe_end)
{
    char verdict;
    ssize_t n;
    do n = read(pipe_end, &verdict, 1);
    while (n < 0 && errno == EINTR);
    return n == 1 ? verdict : 0;
}

static og_status judge(const char *path, pid_t child, char verdict, struct og_error *err)
{
    int status = 0;
    pid_t r;
    do r = waitpid(child, &status, 0);
    while (r < 0 && errno == EINTR);
    if (verdict == GOOD) return OG_OK;
    if (verdict == GREEDY)
        return og_fail(err, OG_INPUT,
                       "%s: damaged: HDF5 asks for more memory with it than a file of "
                       "its size can take",
                       path);
    if (r == child && WIFSIGNALED(status) &&
        (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGALRM))
        return og_fail(err, OG_INPUT, "%s: damaged: HDF5 does not come to an end with it",
                       path);
    if (r == child && WIFSIGNALED(status))
        return og_fail(err, OG_INPUT, "%s: damaged: HDF5 crashes on it (%s)", path,
                       strsignal(WTERMSIG(status)));
    return og_fail(err, OG_INPUT, "%s: damaged: HDF5 crashes on it", path);
}

static og_status try_file(const char *path, const struct stat *file, struct og_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return og_fail(err, OG_IO, "%s: cannot be tried: %s", path, strerror(errno));
    const size_t size = own_size();
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        become_a_probe((size_t)file->st_size, size);
        const char verdict = read_file(path);
        _exit(write(ends[1], &verdict, 1) == 1 ? 0 : 1);
    }
    const int why = errno;
    close(ends[1]);
    const char verdict = child > 0 ? verdict_of(ends[0]) : 0;
    close(ends[0]);
    if (child < 0)
        return og_fail(err, OG_IO, "%s: cannot be tried in a process of its own: %s",
                       path, strerror(why));
    return judge(path, child, verdict, err);
}

og_status og_hdf5_probe(const char *path, struct og_error *err)
{
    struct stat file;
    // Whoever opens it says why it cannot be.
    if (stat(path, &file) != 0 || !S_ISREG(file.st_mode)) return OG_OK;
    if (is_known(&file)) return OG_OK;
    const bool settled = is_settled(&file);
    OG_TRY(try_file(path, &file, err));
    if (settled) remember(&file);
    return OG_OK;
}
