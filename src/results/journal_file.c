// SPDX-License-Identifier: GPL-3.0-or-later
#include "results/journal_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "results/file.h"

struct head {
    char magic[8];
    uint32_t schema, order;  // order: 0x01020304, to notice another byte order
    uint64_t text_size;
    uint32_t text_crc, crc;
};

// Behind the head, from schema 2 on.
struct holder {
    char text[OG_WRITER];
    uint32_t crc;
};

static const char head_magic[8] = "ohmgridJ";
enum { RECORD_MAGIC = 0x4352474f, BYTE_ORDER_MARK = 0x01020304, CHUNK = 1 << 16 };

uint32_t og_crc(const void *data, size_t n) { return (uint32_t)crc32_z(0, data, n); }

// The bytes before the experiment text.
static uint64_t text_offset(const struct head *h)
{
    return sizeof *h + (h->schema > 1 ? sizeof(struct holder) : 0);
}

static struct holder own_holder(void)
{
    struct holder h = {0};
    char host[64] = "", since[24];
    const time_t now = time(NULL);
    struct tm tm;
    if (gethostname(host, sizeof host - 1) != 0) strcpy(host, "unknown");
    gmtime_r(&now, &tm);
    strftime(since, sizeof since, "%Y-%m-%dT%H:%M:%SZ", &tm);
    snprintf(h.text, sizeof h.text, "process %ld on %s since %s", (long)getpid(), host,
             since);
    h.crc = og_crc(h.text, sizeof h.text);
    return h;
}

bool og_journal_write_holder(const struct og_journal *j)
{
    struct head h;
    if (!og_read_at(j->fd, &h, sizeof h, 0)) return false;
    const struct holder own = own_holder();
    return h.schema == 1 || og_write_at(j->fd, &own, sizeof own, sizeof h);
}

void og_journal_holder(int fd, char holder[OG_WRITER])
{
    struct head h;
    struct holder other;
    holder[0] = '\0';
    if (!og_read_at(fd, &h, sizeof h, 0) ||
        memcmp(h.magic, head_magic, sizeof h.magic) != 0 || h.schema == 1 ||
        !og_read_at(fd, &other, sizeof other, sizeof h) ||
        other.crc != og_crc(other.text, sizeof other.text))
        return;
    memcpy(holder, other.text, OG_WRITER);
    holder[OG_WRITER - 1] = '\0';
}

bool og_journal_write_head(int fd, const char *text, uint64_t *first)
{
    const struct holder own = own_holder();
    struct head h = {.schema = OG_JOURNAL_SCHEMA,
                     .order = BYTE_ORDER_MARK,
                     .text_size = strlen(text),
                     .text_crc = og_crc(text, strlen(text))};
    memcpy(h.magic, head_magic, sizeof h.magic);
    h.crc = og_crc(&h, offsetof(struct head, crc));
    *first = text_offset(&h) + h.text_size;
    return og_write_at(fd, &h, sizeof h, 0) &&
           og_write_at(fd, &own, sizeof own, sizeof h) &&
           og_write_at(fd, text, h.text_size, text_offset(&h));
}

static og_status file_size(struct og_journal *j, uint64_t *size, struct og_error *err)
{
    struct stat st;
    if (fstat(j->fd, &st) != 0) return og_fail_errno(err, j->path, "read");
    *size = (uint64_t)st.st_size;
    return OG_OK;
}

// A file that never was a journal must not be taken for a torn one and overwritten.
static og_status check_head(const struct og_journal *j, const struct head *h, size_t got,
                            bool *whole, struct og_error *err)
{
    *whole = false;
    size_t magic = got < sizeof h->magic ? got : sizeof h->magic;
    if (memcmp(h->magic, head_magic, magic) != 0)
        return og_fail(err, OG_USAGE, "%s: not a journal of ohmgrid; --force replaces it",
                       j->path);
    if (got < sizeof *h || h->crc != og_crc(h, offsetof(struct head, crc))) return OG_OK;
    if (h->schema < 1 || h->schema > OG_JOURNAL_SCHEMA || h->order != BYTE_ORDER_MARK)
        return og_fail(err, OG_USAGE,
                       "%s: journal of schema %u, this program reads %d; --force "
                       "replaces it",
                       j->path, h->schema, OG_JOURNAL_SCHEMA);
    *whole = true;
    return OG_OK;
}

static og_status find_record(const struct og_journal *j, uint64_t *at, uint64_t size,
                             struct og_error *err);

// A header that was torn while it was written has no records behind it. One that was
// damaged later has, and these are not to be thrown away unasked.
static og_status check_torn(const struct og_journal *j, uint64_t size,
                            struct og_error *err)
{
    uint64_t at = 0;
    OG_TRY(find_record(j, &at, size, err));
    if (at == size) return OG_OK;
    return og_fail(err, OG_USAGE,
                   "%s: its header is damaged, so that it cannot be continued; --force "
                   "replaces it",
                   j->path);
}

og_status og_journal_read_head(struct og_journal *j, char **text, struct og_error *err)
{
    *text = NULL;
    uint64_t size = 0;
    OG_TRY(file_size(j, &size, err));
    struct head h = {0};
    size_t got = size < sizeof h ? size : sizeof h;
    if (!og_read_at(j->fd, &h, got, 0)) return og_fail_errno(err, j->path, "read");
    bool whole;
    OG_TRY(check_head(j, &h, got, &whole, err));
    const uint64_t text_at = text_offset(&h);
    if (!whole || size < text_at || h.text_size > size - text_at)
        return check_torn(j, size, err);
    char *t = og_alloc(h.text_size + 1, 1);
    if (t == NULL) return og_fail_memory(err);
    bool ok = og_read_at(j->fd, t, h.text_size, text_at);
    og_status s = ok ? OG_OK : og_fail_errno(err, j->path, "read");
    if (ok && og_crc(t, h.text_size) == h.text_crc) {
        *text = t;
        j->first = j->end = text_at + h.text_size;
    } else {
        og_free(t);
        if (ok) s = check_torn(j, size, err);
    }
    return s;
}

struct og_record og_record_make(uint32_t kind, const char *key, const void *data,
                                uint64_t size)
{
    struct og_record r = {.magic = RECORD_MAGIC, .kind = kind, .size = size};
    memcpy(r.key, key, strnlen(key, sizeof r.key - 1));
    r.data_crc = size == OG_RECORD_DROPPED ? 0 : og_crc(data, size);
    r.crc = og_crc(&r, offsetof(struct og_record, crc));
    return r;
}

static uint64_t payload(const struct og_record *r)
{
    return r->size == OG_RECORD_DROPPED ? 0 : r->size;
}

bool og_journal_note(struct og_journal *j, const struct og_record *r, uint64_t at)
{
    struct og_slot *slot = og_slots_add(&j->slots, r->kind, r->key);
    if (slot == NULL) return false;
    if (slot->live) j->live -= sizeof *r + slot->size;
    slot->live = r->size != OG_RECORD_DROPPED;
    slot->offset = at + sizeof *r;
    slot->size = payload(r);
    slot->crc = r->data_crc;
    if (slot->live) j->live += sizeof *r + slot->size;
    return true;
}

static og_status payload_matches(const struct og_journal *j, const struct og_record *r,
                                 uint64_t at, bool *match, struct og_error *err)
{
    unsigned char chunk[CHUNK];
    uint32_t crc = 0;
    for (uint64_t done = 0, n = payload(r); done < n;) {
        size_t k = n - done < CHUNK ? (size_t)(n - done) : CHUNK;
        if (!og_read_at(j->fd, chunk, k, at + sizeof *r + done))
            return og_fail_errno(err, j->path, "read");
        crc = (uint32_t)crc32_z(crc, chunk, k);
        done += k;
    }
    *match = crc == r->data_crc;
    return OG_OK;
}

// Is there a whole record at `at`?
static og_status read_record(const struct og_journal *j, uint64_t at, uint64_t size,
                             struct og_record *r, bool *whole, struct og_error *err)
{
    *whole = false;
    if (size - at < sizeof *r) return OG_OK;
    if (!og_read_at(j->fd, r, sizeof *r, at)) return og_fail_errno(err, j->path, "read");
    if (r->magic != RECORD_MAGIC) return OG_OK;
    if (r->crc != og_crc(r, offsetof(struct og_record, crc))) return OG_OK;
    if (payload(r) > size - at - sizeof *r) return OG_OK;
    return payload_matches(j, r, at, whole, err);
}

// The next place after *at where a whole record stands; *at = size when there is none.
static og_status find_record(const struct og_journal *j, uint64_t *at, uint64_t size,
                             struct og_error *err)
{
    const uint32_t magic = RECORD_MAGIC;
    unsigned char chunk[CHUNK];
    uint64_t from = *at + 1;
    while (from + sizeof(struct og_record) <= size) {
        size_t k = size - from < CHUNK ? (size_t)(size - from) : CHUNK;
        if (!og_read_at(j->fd, chunk, k, from))
            return og_fail_errno(err, j->path, "read");
        const unsigned char *hit = memmem(chunk, k, &magic, sizeof magic);
        if (hit == NULL) {
            from += k - (sizeof magic - 1);
            continue;
        }
        from += (uint64_t)(hit - chunk);
        struct og_record r;
        bool whole;
        OG_TRY(read_record(j, from, size, &r, &whole, err));
        if (whole) {
            *at = from;
            return OG_OK;
        }
        from++;
    }
    *at = size;
    return OG_OK;
}

og_status og_journal_scan(struct og_journal *j, struct og_error *err)
{
    uint64_t size = 0;
    OG_TRY(file_size(j, &size, err));
    for (uint64_t at = j->end; at < size;) {
        struct og_record r;
        bool whole;
        OG_TRY(read_record(j, at, size, &r, &whole, err));
        if (!whole) {
            OG_TRY(find_record(j, &at, size, err));
            continue;
        }
        r.key[sizeof r.key - 1] = '\0';
        if (!og_journal_note(j, &r, at)) return og_fail_memory(err);
        j->end = at += sizeof r + payload(&r);
    }
    if (size > j->end && !j->read && ftruncate(j->fd, (off_t)j->end) != 0)
        return og_fail_errno(err, j->path, "cut the torn end");
    return OG_OK;
}

// Copies the live entries, in index order, behind the header of fd.
static og_status copy_live(struct og_journal *j, int fd, uint64_t *end,
                           struct og_error *err)
{
    for (size_t i = 0; i < j->slots.n; i++) {
        struct og_slot *slot = &j->slots.slot[i];
        if (!slot->live) continue;
        struct og_entry e;
        if (!og_journal_get(j, slot->kind, slot->key, &e))
            return og_fail(err, OG_IO, "%s: cannot read back entry '%s'", j->path,
                           slot->key);
        struct og_record r = og_record_make(slot->kind, slot->key, e.data, e.size);
        bool ok = og_write_at(fd, &r, sizeof r, *end) &&
                  og_write_at(fd, e.data, e.size, *end + sizeof r);
        *end += sizeof r + e.size;
        og_journal_release(&e);
        if (!ok) return og_fail_errno(err, j->path, "compact");
    }
    return OG_OK;
}

og_status og_journal_copy(struct og_journal *j, int fd, uint64_t *first, uint64_t *end,
                          struct og_error *err)
{
    if (!og_journal_write_head(fd, j->text, first))
        return og_fail_errno(err, j->path, "compact");
    *end = *first;
    return copy_live(j, fd, end, err);
}
