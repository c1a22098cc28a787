// SPDX-License-Identifier: GPL-3.0-or-later
#include "results/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

char *og_path_with(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);
    char *both = og_alloc(n + m + 1, 1);
    if (both == NULL) return NULL;
    memcpy(both, path, n);
    memcpy(both + n, ending, m);
    return both;
}

bool og_write_at(int fd, const void *data, size_t n, uint64_t offset)
{
    const char *p = data;
    while (n > 0) {
        // Linux transfers at most 2^31 - 4096 bytes in one call.
        ssize_t k = pwrite(fd, p, n < 1u << 30 ? n : 1u << 30, (off_t)offset);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        p += k;
        n -= (size_t)k;
        offset += (uint64_t)k;
    }
    return true;
}

bool og_read_at(int fd, void *data, size_t n, uint64_t offset)
{
    char *p = data;
    while (n > 0) {
        ssize_t k = pread(fd, p, n < 1u << 30 ? n : 1u << 30, (off_t)offset);
        if (k < 0 && errno == EINTR) continue;
        if (k == 0) errno = 0;
        if (k <= 0) return false;
        p += k;
        n -= (size_t)k;
        offset += (uint64_t)k;
    }
    return true;
}

bool og_sync_folder(const char *path)
{
    char folder[PATH_MAX];
    if (strlen(path) >= sizeof folder) {
        errno = ENAMETOOLONG;
        return false;
    }
    strcpy(folder, path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) slash[slash == folder ? 1 : 0] = '\0';
    int fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    // Some file systems have no fsync of folders; there is nothing more to be done there.
    bool ok = fsync(fd) == 0 || errno == EINVAL;
    close(fd);
    return ok;
}

og_status og_fail_errno(struct og_error *err, const char *path, const char *what)
{
    int e = errno;
    bool wrong_path = e == ENOENT || e == ENOTDIR || e == EISDIR || e == EACCES ||
                      e == EPERM || e == EROFS || e == ENAMETOOLONG || e == ELOOP;
    return og_fail(err, wrong_path ? OG_USAGE : OG_IO, "%s: cannot %s: %s", path, what,
                   strerror(e));
}

og_status og_fail_memory(struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "out of memory");
}

static og_status write_and_rename(const char *temporary, const char *path,
                                  const void *data, size_t n, struct og_error *err)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return og_fail_errno(err, path, "write");
    bool ok = og_write_at(fd, data, n, 0) && fsync(fd) == 0;
    og_status s = ok ? OG_OK : og_fail_errno(err, path, "write");
    if (close(fd) != 0 && ok) s = og_fail_errno(err, path, "write");
    if (s == OG_OK && rename(temporary, path) != 0)
        s = og_fail_errno(err, path, "replace");
    if (s != OG_OK) unlink(temporary);
    if (s == OG_OK && !og_sync_folder(path)) s = og_fail_errno(err, path, "sync");
    return s;
}

og_status og_file_replace(const char *path, const void *data, size_t n,
                          struct og_error *err)
{
    // One fixed name: what a killed run leaves behind is overwritten by the next.
    char *temporary = og_path_with(path, ".part");
    if (temporary == NULL) return og_fail_memory(err);
    og_status s = write_and_rename(temporary, path, data, n, err);
    og_free(temporary);
    return s;
}
