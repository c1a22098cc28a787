// SPDX-License-Identifier: GPL-3.0-or-later
// An append-only journal. A record counts once its bytes are in the file, so a killed
// program loses nothing that was put; fsync covers the machine's own failure.
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "results/file.h"
#include "results/journal_file.h"

// Replaced entries are worth a rewrite of the file only above this.
enum { COMPACT_FROM = 1 << 20 };

static og_status refuse_existing(const char *path, struct og_error *err)
{
    return og_fail(err, OG_USAGE, "%s exists: --resume continues it, --force replaces it",
                   path);
}

static og_status check_out(const char *out, enum og_journal_mode mode, bool *exists,
                           struct og_error *err)
{
    struct stat st;
    *exists = false;
    if (out[0] == '\0')
        return og_fail(err, OG_USAGE, "the name of the result file is empty");
    *exists = stat(out, &st) == 0;
    if (!*exists) return errno == ENOENT ? OG_OK : og_fail_errno(err, out, "write");
    if (!S_ISREG(st.st_mode))
        return og_fail(err, OG_USAGE, "%s: cannot write: not an ordinary file", out);
    return mode == OG_JOURNAL_NEW ? refuse_existing(out, err) : OG_OK;
}

static og_status lock(const struct og_journal *j, int fd, struct og_error *err)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return OG_OK;
    if (errno != EWOULDBLOCK) return og_fail_errno(err, j->path, "lock");
    char holder[OG_WRITER];
    og_journal_holder(fd, holder);
    return og_fail(err, OG_USAGE, "%s is in use by another running ohmgrid%s%s%s",
                   j->path, holder[0] != '\0' ? " (" : "", holder,
                   holder[0] != '\0' ? ")" : "");
}

// Is the locked file still the one that the path names? Its owner may have renamed a
// compacted journal over it, or removed it, between our open and our lock.
static bool still_named(const struct og_journal *j)
{
    struct stat a, b;
    return fstat(j->fd, &a) == 0 && stat(j->path, &b) == 0 && a.st_ino == b.st_ino &&
           a.st_dev == b.st_dev;
}

static og_status open_and_lock(struct og_journal *j, struct og_error *err)
{
    for (;;) {
        j->fresh = true;
        j->fd = open(j->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (j->fd < 0 && errno == EEXIST) {
            j->fresh = false;
            j->fd = open(j->path, O_RDWR | O_CLOEXEC);
            if (j->fd < 0 && errno == ENOENT) continue;
        }
        if (j->fd < 0) {
            j->fresh = false;
            return og_fail_errno(err, j->path, "write");
        }
        og_status s = lock(j, j->fd, err);
        if (s != OG_OK) {
            j->fresh = false;  // whoever holds the lock owns the file
            return s;
        }
        if (still_named(j)) return OG_OK;
        close(j->fd);
    }
}

static og_status begin(struct og_journal *j, const char *text, struct og_error *err)
{
    if (ftruncate(j->fd, 0) != 0 || !og_journal_write_head(j->fd, text, &j->first))
        return og_fail_errno(err, j->path, "write");
    j->end = j->first;
    j->dirty = true;
    OG_TRY(og_journal_sync(j, err));
    return og_sync_folder(j->path) ? OG_OK : og_fail_errno(err, j->path, "sync");
}

static og_status check_same(const char *path, const char *old, const char *text,
                            struct og_error *err)
{
    if (strcmp(old, text) == 0) return OG_OK;
    char keys[512] = "";
    og_experiment_differences(old, text, keys, sizeof keys);
    return og_fail(
        err, OG_USAGE,
        "%s belongs to another experiment (different: %s); --force replaces it", path,
        keys[0] != '\0' ? keys : "layout of the text");
}

static og_status resume_journal(struct og_journal *j, const char *text,
                                struct og_error *err)
{
    char *old;
    OG_TRY(og_journal_read_head(j, &old, err));
    if (old == NULL) return begin(j, text, err);
    og_status s = check_same(j->path, old, text, err);
    og_free(old);
    if (s == OG_OK) s = og_journal_scan(j, err);
    if (s == OG_OK && !og_journal_write_holder(j))
        s = og_fail_errno(err, j->path, "write");
    return s;
}

static og_status resume_out(const char *out, const char *text, struct og_error *err)
{
    char *old;
    OG_TRY(og_result_experiment(out, &old, err));
    og_status s = check_same(out, old, text, err);
    free(old);
    return s;
}

// What a program left that was killed while it compacted; it holds nothing of its own.
static og_status remove_half_compacted(const struct og_journal *j, struct og_error *err)
{
    char *path = og_path_with(j->path, ".new");
    if (path == NULL) return og_fail_memory(err);
    bool ok = unlink(path) == 0 || errno == ENOENT;
    og_free(path);
    return ok ? OG_OK : og_fail_errno(err, j->path, "write");
}

static og_status start(struct og_journal *j, const char *out, const char *text,
                       enum og_journal_mode mode, struct og_error *err)
{
    bool exists;
    OG_TRY(check_out(out, mode, &exists, err));
    j->path = og_path_with(out, ".journal");
    j->text = og_copy_text(text);
    if (j->path == NULL || j->text == NULL) return og_fail_memory(err);
    OG_TRY(open_and_lock(j, err));
    OG_TRY(remove_half_compacted(j, err));
    if (!j->fresh && mode == OG_JOURNAL_NEW) return refuse_existing(j->path, err);
    if (!j->fresh && mode == OG_JOURNAL_RESUME) return resume_journal(j, text, err);
    if (exists && mode == OG_JOURNAL_RESUME) OG_TRY(resume_out(out, text, err));
    return begin(j, text, err);
}

og_status og_journal_open(og_journal **journal, const char *out, const char *text,
                          enum og_journal_mode mode, struct og_error *err)
{
    *journal = NULL;
    struct og_journal *j = og_alloc(1, sizeof *j);
    if (j == NULL) return og_fail_memory(err);
    j->fd = -1;
    og_status s = start(j, out, text, mode, err);
    if (s == OG_OK) {
        *journal = j;
        return OG_OK;
    }
    og_journal_close(j, j->fresh);
    return s;
}

void og_journal_close(og_journal *j, bool remove)
{
    if (j == NULL) return;
    if (j->fd >= 0) {
        if (remove) {
            unlink(j->path);  // while still locked: nobody else's file
            og_sync_folder(j->path);
        } else if (j->dirty && !j->read) {
            og_journal_sync(j, NULL);
        }
        close(j->fd);
    }
    og_slots_free(&j->slots);
    og_free(j->path);
    og_free(j->text);
    og_free(j);
}

og_status og_journal_sync(og_journal *j, struct og_error *err)
{
    if (!j->dirty) return OG_OK;
    if (fdatasync(j->fd) != 0) return og_fail_errno(err, j->path, "write");
    j->dirty = false;
    clock_gettime(CLOCK_MONOTONIC, &j->synced);
    return OG_OK;
}

static og_status sync_if_due(struct og_journal *j, struct og_error *err)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double since = (double)(now.tv_sec - j->synced.tv_sec) +
                   1e-9 * (double)(now.tv_nsec - j->synced.tv_nsec);
    return since >= 1.0 ? og_journal_sync(j, err) : OG_OK;
}

static bool append(struct og_journal *j, const struct og_record *r, const void *data,
                   uint64_t size)
{
    j->dirty = true;
    if (og_write_at(j->fd, r, sizeof *r, j->end) &&
        og_write_at(j->fd, data, size, j->end + sizeof *r))
        return true;
    // Half a record would only be dropped at the next open; should this fail as well, the
    // next record is written over it.
    int e = errno;
    if (ftruncate(j->fd, (off_t)j->end) != 0) errno = e;
    errno = e;
    return false;
}

static void adopt(struct og_journal *j, int fd, uint64_t first, uint64_t end)
{
    close(j->fd);
    j->fd = fd;
    j->first = first;
    j->end = end;
    uint64_t at = j->first;
    for (size_t i = 0; i < j->slots.n; i++) {
        struct og_slot *slot = &j->slots.slot[i];
        if (!slot->live) continue;
        slot->offset = at + sizeof(struct og_record);
        at = slot->offset + slot->size;
    }
    assert(at == end);
}

static og_status compact_into(struct og_journal *j, int fd, const char *path,
                              struct og_error *err)
{
    uint64_t first, end;
    // Locked before it gets the journal's name: at no moment is the name unlocked.
    OG_TRY(lock(j, fd, err));
    OG_TRY(og_journal_copy(j, fd, &first, &end, err));
    if (fdatasync(fd) != 0 || rename(path, j->path) != 0)
        return og_fail_errno(err, j->path, "compact");
    adopt(j, fd, first, end);
    return og_sync_folder(j->path) ? OG_OK : og_fail_errno(err, j->path, "sync");
}

static og_status compact(struct og_journal *j, struct og_error *err)
{
    char *path = og_path_with(j->path, ".new");
    if (path == NULL) return og_fail_memory(err);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    og_status s =
        fd < 0 ? og_fail_errno(err, j->path, "compact") : compact_into(j, fd, path, err);
    if (fd >= 0 && j->fd != fd) {
        close(fd);
        unlink(path);
    }
    og_free(path);
    return s;
}

og_status og_journal_put(og_journal *j, uint32_t kind, const char *key, const void *data,
                         size_t size, struct og_error *err)
{
    assert(strlen(key) < OG_JOURNAL_KEY);
    struct og_record r = og_record_make(kind, key, data, size);
    // Room in the index first: what is in the file must be findable.
    if (og_slots_add(&j->slots, kind, key) == NULL) return og_fail_memory(err);
    if (!append(j, &r, data, size)) return og_fail_errno(err, j->path, "write");
    og_journal_note(j, &r, j->end);
    j->end += sizeof r + size;
    uint64_t dead = j->end - j->first - j->live;
    if (dead > COMPACT_FROM && dead > j->live) OG_TRY(compact(j, err));
    return sync_if_due(j, err);
}

bool og_journal_get(og_journal *j, uint32_t kind, const char *key, struct og_entry *entry)
{
    *entry = (struct og_entry){.kind = kind};
    const struct og_slot *slot = og_slots_find(&j->slots, kind, key);
    if (slot == NULL || !slot->live) return false;
    void *data = og_alloc(slot->size, 1);
    if (data == NULL) {
        entry->size = slot->size;
        return false;
    }
    if (!og_read_at(j->fd, data, slot->size, slot->offset) ||
        og_crc(data, slot->size) != slot->crc) {
        og_free(data);
        return false;
    }
    memcpy(entry->key, slot->key, sizeof entry->key);
    entry->data = data;
    entry->size = slot->size;
    return true;
}

void og_journal_release(struct og_entry *entry)
{
    og_free((void *)(uintptr_t)entry->data);
    *entry = (struct og_entry){0};
}

void og_journal_drop(og_journal *j, uint32_t kind, const char *key)
{
    struct og_slot *slot = og_slots_find(&j->slots, kind, key);
    if (slot == NULL || !slot->live) return;
    struct og_record r = og_record_make(kind, key, NULL, OG_RECORD_DROPPED);
    // Should this write fail, the entry comes back at the next open: harmless, and the
    // next put reports the disk's trouble.
    bool written = append(j, &r, NULL, 0);
    og_journal_note(j, &r, j->end);
    if (written) j->end += sizeof r;
}
