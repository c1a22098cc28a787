// SPDX-License-Identifier: GPL-3.0-or-later
#include "nn/weights_zip.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

enum { END_BYTES = 22, ENTRY_BYTES = 46, LOCAL_BYTES = 30, COMMENT_MOST = 65535 };

static uint32_t u16(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8; }
static uint32_t u32(const uint8_t *p) { return u16(p) | u16(p + 2) << 16; }

static og_status io_error(const og_weight_file *file, struct og_error *err)
{
    return og_fail(err, OG_IO, "%s cannot be read: %s", file->path, strerror(errno));
}

static og_status no_memory(const og_weight_file *file, struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "out of memory for %s", file->path);
}

// --- the list of members ------------------------------------------------------------

struct directory {
    uint64_t at, size;
    size_t n;
};

// Looks for the end record backwards: a comment may follow it.
static const uint8_t *find_end(const uint8_t *tail, size_t n)
{
    for (size_t i = n - END_BYTES + 1; i-- > 0;)
        if (memcmp(tail + i, "PK\5\6", 4) == 0) return tail + i;
    return NULL;
}

static og_status read_end(const og_weight_file *file, FILE *f, struct directory *d,
                          struct og_error *err)
{
    if (fseeko(f, 0, SEEK_END) != 0) return io_error(file, err);
    const uint64_t whole = (uint64_t)ftello(f);
    const size_t most = END_BYTES + COMMENT_MOST;
    const size_t n = whole < most ? (size_t)whole : most;
    uint8_t *tail = og_alloc(n, 1);
    if (!tail) return no_memory(file, err);
    const bool got =
        fseeko(f, (off_t)(whole - n), SEEK_SET) == 0 && fread(tail, 1, n, f) == n;
    const uint8_t *end = got && n >= END_BYTES ? find_end(tail, n) : NULL;
    if (end) *d = (struct directory){u32(end + 16), u32(end + 12), u16(end + 10)};
    og_free(tail);
    if (!got) return io_error(file, err);
    if (!end)
        return og_weight_damaged(file, err, "it is cut short, or no whole ZIP archive");
    if (d->at == UINT32_MAX || d->n == UINT16_MAX)
        return og_fail(err, OG_INPUT, "%s: ZIP64 archives are not read", file->path);
    if (d->at > whole || d->size > whole - d->at)
        return og_weight_damaged(file, err, "its list of members lies outside");
    return OG_OK;
}

// One record of the list; *bytes: its length.
static og_status read_record(const og_weight_file *file, const uint8_t *p, size_t room,
                             struct og_zip_member *m, size_t *bytes, struct og_error *err)
{
    if (room < ENTRY_BYTES || memcmp(p, "PK\1\2", 4) != 0)
        return og_weight_damaged(file, err, "its list of members cannot be read");
    const size_t name = u16(p + 28);
    *bytes = ENTRY_BYTES + name + u16(p + 30) + u16(p + 32);
    if (*bytes > room || name >= sizeof m->name)
        return og_weight_damaged(file, err, "its list of members cannot be read");
    memcpy(m->name, p + ENTRY_BYTES, name);
    const uint32_t flags = u16(p + 8), method = u16(p + 10);
    m->crc = u32(p + 16);
    m->packed = u32(p + 20);
    m->size = u32(p + 24);
    m->at = u32(p + 42);
    m->deflated = method == 8;
    m->checked = true;
    if (flags & 1 || (method != 0 && method != 8))
        return og_fail(err, OG_INPUT,
                       "%s: member '%.100s' is encrypted or packed by method %u; only "
                       "stored and deflated ones are read",
                       file->path, m->name, method);
    if (m->packed == UINT32_MAX || m->size == UINT32_MAX || m->at == UINT32_MAX)
        return og_fail(err, OG_INPUT, "%s: ZIP64 archives are not read", file->path);
    if (method == 0 && m->packed != m->size)
        return og_weight_damaged(file, err, "member '%.100s' has two sizes", m->name);
    return OG_OK;
}

static og_status read_list(const og_weight_file *file, FILE *f, const struct directory *d,
                           struct og_zip_member *member, struct og_error *err)
{
    uint8_t *list = og_alloc((size_t)d->size, 1);
    if (!list) return no_memory(file, err);
    og_status status = OG_OK;
    if (fseeko(f, (off_t)d->at, SEEK_SET) != 0 ||
        fread(list, 1, (size_t)d->size, f) != d->size)
        status = io_error(file, err);
    size_t at = 0, bytes = 0;
    for (size_t i = 0; status == OG_OK && i < d->n; i++, at += bytes)
        status =
            read_record(file, list + at, (size_t)d->size - at, &member[i], &bytes, err);
    og_free(list);
    return status;
}

og_status og_zip_list(const og_weight_file *file, struct og_zip_member **member,
                      size_t *n, struct og_error *err)
{
    *member = NULL;
    FILE *f = fopen(file->path, "rb");
    if (!f) return io_error(file, err);
    struct directory d = {0};
    og_status status = read_end(file, f, &d, err);
    if (status == OG_OK && !(*member = og_alloc(d.n, sizeof **member)))
        status = no_memory(file, err);
    if (status == OG_OK) status = read_list(file, f, &d, *member, err);
    fclose(f);
    *n = d.n;
    return status;
}

// --- streams ------------------------------------------------------------------------

og_status og_zip_stream_open(struct og_zip_stream *s, const og_weight_file *file,
                             const struct og_zip_member *member, struct og_error *err)
{
    uint8_t head[LOCAL_BYTES];
    s->file = file;
    s->member = member;
    s->packed = member->packed;
    s->left = member->size;
    s->f = fopen(file->path, "rb");
    if (!s->f) return io_error(file, err);
    if (fseeko(s->f, (off_t)member->at, SEEK_SET) != 0 ||
        fread(head, 1, sizeof head, s->f) != sizeof head ||
        memcmp(head, "PK\3\4", 4) != 0 ||
        fseeko(s->f, (off_t)(u16(head + 26) + u16(head + 28)), SEEK_CUR) != 0)
        return og_weight_damaged(file, err, "member '%.100s' is not where it should be",
                                 member->name);
    // Negative: deflated data without a header of zlib's own.
    if (member->deflated && inflateInit2(&s->z, -MAX_WBITS) != Z_OK)
        return no_memory(file, err);
    s->started = member->deflated;
    return OG_OK;
}

og_status og_zip_stream_plain(struct og_zip_stream *s, const og_weight_file *file,
                              const char *path, struct og_error *err)
{
    static const struct og_zip_member plain = {.name = ""};
    s->file = file;
    s->member = &plain;
    s->f = fopen(path, "rb");
    if (!s->f || fseeko(s->f, 0, SEEK_END) != 0)
        return og_fail(err, OG_IO, "%s cannot be read: %s", path, strerror(errno));
    s->packed = s->left = (uint64_t)ftello(s->f);
    rewind(s->f);
    return OG_OK;
}

void og_zip_stream_close(struct og_zip_stream *s)
{
    if (s->started) inflateEnd(&s->z);
    if (s->f) fclose(s->f);
}

static og_status cut_short(const struct og_zip_stream *s, struct og_error *err)
{
    return og_weight_damaged(s->file, err, "%s%s ends early", s->member->name,
                             *s->member->name ? "" : "it");
}

static og_status fill(struct og_zip_stream *s, struct og_error *err)
{
    const size_t most = s->packed < sizeof s->in ? (size_t)s->packed : sizeof s->in;
    const size_t n = fread(s->in, 1, most, s->f);
    if (n == 0) return cut_short(s, err);
    s->packed -= n;
    s->z.next_in = s->in;
    s->z.avail_in = (unsigned)n;
    return OG_OK;
}

static og_status take_deflated(struct og_zip_stream *s, uint8_t *to, size_t n,
                               struct og_error *err)
{
    while (n > 0) {
        const unsigned part = n < 1u << 20 ? (unsigned)n : 1u << 20;
        s->z.next_out = to;
        s->z.avail_out = part;
        if (s->z.avail_in == 0) OG_TRY(fill(s, err));
        const int r = inflate(&s->z, Z_NO_FLUSH);
        const unsigned got = part - s->z.avail_out;
        to += got;
        n -= got;
        if (r == Z_MEM_ERROR) return no_memory(s->file, err);
        if ((r != Z_OK && r != Z_STREAM_END) || (r == Z_STREAM_END && n > 0))
            return og_weight_damaged(s->file, err, "member '%.100s' does not unpack",
                                     s->member->name);
    }
    return OG_OK;
}

og_status og_zip_take(struct og_zip_stream *s, void *to, size_t n, struct og_error *err)
{
    if (n > s->left) return cut_short(s, err);
    if (s->started)
        OG_TRY(take_deflated(s, to, n, err));
    else if (fread(to, 1, n, s->f) != n)
        return cut_short(s, err);
    s->left -= n;
    for (size_t i = 0; s->member->checked && i < n; i += 1u << 20) {
        const size_t part = n - i < 1u << 20 ? n - i : 1u << 20;
        s->crc = (uint32_t)crc32(s->crc, (const uint8_t *)to + i, (unsigned)part);
    }
    return OG_OK;
}

og_status og_zip_end(struct og_zip_stream *s, struct og_error *err)
{
    if (s->left > 0)
        return og_weight_damaged(s->file, err, "%s%llu bytes follow the last value",
                                 *s->member->name ? "in a member, " : "",
                                 (unsigned long long)s->left);
    if (s->member->checked && s->crc != s->member->crc)
        return og_weight_damaged(s->file, err, "the checksum of member '%.100s' is wrong",
                                 s->member->name);
    return OG_OK;
}
