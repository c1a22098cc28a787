// SPDX-License-Identifier: GPL-3.0-or-later
// Journals that are only looked at: of a running sweep, or inside the file of a shard.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "results/file.h"
#include "results/hdf.h"
#include "results/journal_file.h"

static const char *const inside = "shard/journal";

og_status og_journal_image(og_journal *j, void **bytes, size_t *size,
                           struct og_error *err)
{
    uint64_t first, end = 0;
    *bytes = NULL;
    const int fd = memfd_create("ohmgrid-journal", MFD_CLOEXEC);
    if (fd < 0) return og_fail_errno(err, j->path, "copy");
    og_status s = og_journal_copy(j, fd, &first, &end, err);
    *size = (size_t)end;
    if (s == OG_OK && (*bytes = og_alloc(*size, 1)) == NULL) s = og_fail_memory(err);
    if (s == OG_OK && !og_read_at(fd, *bytes, *size, 0))
        s = og_fail_errno(err, j->path, "copy");
    if (s != OG_OK) {
        og_free(*bytes);
        *bytes = NULL;
    }
    close(fd);
    return s;
}

void og_journal_image_free(void *bytes) { og_free(bytes); }

// The bytes of the dataset as a file of their own.
static int unpack(struct og_hdf *h, hid_t set)
{
    const size_t n = og_hdf_count(h, set);
    unsigned char *bytes = h->status == OG_OK ? og_alloc(n, 1) : NULL;
    int fd = -1;
    if (h->status == OG_OK && bytes == NULL) h->status = og_fail_memory(h->err);
    if (bytes != NULL &&
        og_hdf_ok(h, H5Dread(set, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes),
                  "read a journal")) {
        fd = memfd_create("ohmgrid-journal", MFD_CLOEXEC);
        if (fd < 0 || !og_write_at(fd, bytes, n, 0))
            h->status = og_fail_errno(h->err, h->path, "copy");
    }
    og_free(bytes);
    return fd;
}

static int open_shard(const char *path, struct og_error *err)
{
    struct og_hdf h = {.path = path, .err = err};
    struct og_hdf_guard guard = og_hdf_silence();
    hid_t file = og_hdf_open(&h);
    int fd = -1;
    if (h.status == OG_OK && H5Lexists(file, "shard", H5P_DEFAULT) > 0 &&
        H5Lexists(file, inside, H5P_DEFAULT) > 0) {
        hid_t set = H5Dopen2(file, inside, H5P_DEFAULT);
        if (og_hdf_ok(&h, set, "open a journal")) fd = unpack(&h, set);
        og_hdf_close(&h, set);
    } else if (h.status == OG_OK) {
        h.status =
            og_fail(err, OG_INPUT, "%s: neither the file of a shard nor a journal", path);
    }
    og_hdf_close(&h, file);
    og_hdf_restore(guard);
    if (h.status == OG_OK || fd < 0) return fd;
    close(fd);
    return -1;
}

// A journal as it lies, or the one inside an HDF5 file.
static int open_either(const char *path, struct og_error *err)
{
    static const char magic[8] = "\211HDF\r\n\032\n";
    char start[8] = "";
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        og_fail_errno(err, path, "read");
        return -1;
    }
    if (!og_read_at(fd, start, sizeof start, 0) ||
        memcmp(start, magic, sizeof magic) != 0)
        return fd;
    close(fd);
    return open_shard(path, err);
}

static og_status read_all(struct og_journal *j, struct og_error *err)
{
    OG_TRY(og_journal_read_head(j, &j->text, err));
    if (j->text == NULL)
        return og_fail(err, OG_INPUT, "%s: a journal whose header is torn", j->path);
    return og_journal_scan(j, err);
}

og_status og_journal_read(og_journal **journal, const char *path, struct og_error *err)
{
    struct og_error own = {0};
    *journal = NULL;
    struct og_journal *j = og_alloc(1, sizeof *j);
    if (j == NULL) return og_fail_memory(err);
    j->read = true;
    j->path = og_copy_text(path);
    j->fd = j->path != NULL ? open_either(path, &own) : -1;
    og_status s = j->path == NULL ? og_fail_memory(&own)
                  : j->fd < 0     ? own.status
                                  : read_all(j, &own);
    if (s == OG_OK) {
        *journal = j;
        return OG_OK;
    }
    og_journal_close(j, false);
    return og_fail(err, s, "%s", own.text);
}

const char *og_journal_text(const og_journal *j) { return j->text; }

void og_journal_writer(const og_journal *j, char writer[OG_WRITER])
{
    og_journal_holder(j->fd, writer);
}

size_t og_journal_entries(const og_journal *j) { return j->slots.n; }

bool og_journal_entry(og_journal *j, size_t i, struct og_entry *entry)
{
    const struct og_slot *slot = &j->slots.slot[i];
    *entry = (struct og_entry){.kind = slot->kind};
    return slot->live && og_journal_get(j, slot->kind, slot->key, entry);
}

og_status og_journal_refresh(og_journal *j, bool *replaced, struct og_error *err)
{
    struct stat a, b;
    *replaced = fstat(j->fd, &a) != 0 || stat(j->path, &b) != 0 || a.st_ino != b.st_ino ||
                a.st_dev != b.st_dev || (uint64_t)a.st_size < j->end;
    return *replaced ? OG_OK : og_journal_scan(j, err);
}
