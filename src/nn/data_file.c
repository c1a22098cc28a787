// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lzma.h>
#include <zlib.h>

#include "base/mem.h"
#include "nn/data_file.h"

enum { OG_XZ_CHUNK = 1 << 16 };

struct og_data_file {
    char path[OG_DATA_PATH];
    gzFile gz;  // zlib reads plain files too
    FILE *xz;
    lzma_stream lzma;
    bool xz_done;    // the stream's last byte has been decoded
    uint64_t taken;  // decoded bytes so far
    uint8_t chunk[OG_XZ_CHUNK];
};

static const char *const suffixes[] = {"", ".gz", ".xz"};

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

// Writes the path of the first variant that can be opened, and says which one it is.
static int find_variant(const char *folder, const char *name, char *path)
{
    for (int i = 0; i < 3; i++) {
        int length = snprintf(path, OG_DATA_PATH, "%s/%s%s", folder, name, suffixes[i]);
        if (length >= OG_DATA_PATH) return -1;
        FILE *f = fopen(path, "rb");
        if (!f) continue;
        fclose(f);
        return i;
    }
    return -1;
}

bool og_data_file_exists(const char *folder, const char *name)
{
    char path[OG_DATA_PATH];
    return find_variant(folder, name, path) >= 0;
}

static og_status open_xz(og_data_file *f, struct og_error *err)
{
    f->xz = fopen(f->path, "rb");
    if (!f->xz)
        return og_fail(err, OG_IO, "%s cannot be opened: %s", f->path, strerror(errno));
    if (lzma_stream_decoder(&f->lzma, UINT64_MAX, LZMA_CONCATENATED) != LZMA_OK)
        return og_fail(err, OG_NO_MEMORY, "out of memory reading %s", f->path);
    return OG_OK;
}

og_status og_data_file_open(og_data_file **file, const char *folder, const char *name,
                            struct og_error *err)
{
    *file = NULL;
    og_data_file *f = og_alloc(1, sizeof *f);
    if (!f) return og_fail(err, OG_NO_MEMORY, "out of memory reading %s", name);
    f->lzma = (lzma_stream)LZMA_STREAM_INIT;
    og_status status = OG_OK;
    int variant = find_variant(folder, name, f->path);
    if (variant < 0) {
        status = og_fail(err, OG_IO, "%s/%s cannot be opened, nor with .gz or .xz",
                         folder, name);
    } else if (variant == 2 || ends_with(f->path, ".xz")) {
        status = open_xz(f, err);
    } else if (!(f->gz = gzopen(f->path, "rb"))) {
        status = og_fail(err, OG_IO, "%s cannot be opened: %s", f->path, strerror(errno));
    } else {
        gzbuffer(f->gz, 1 << 17);
    }
    if (status != OG_OK) {
        og_data_file_free(f);
        return status;
    }
    *file = f;
    return OG_OK;
}

void og_data_file_free(og_data_file *f)
{
    if (!f) return;
    if (f->gz) gzclose(f->gz);
    if (f->xz) fclose(f->xz);
    lzma_end(&f->lzma);
    og_free(f);
}

const char *og_data_file_path(const og_data_file *f) { return f->path; }

// Decodes up to n bytes; *got < n only at the end of the data.
static og_status read_gz(og_data_file *f, uint8_t *to, size_t n, size_t *got,
                         struct og_error *err)
{
    for (*got = 0; *got < n;) {
        unsigned part = n - *got > 1 << 30 ? 1 << 30 : (unsigned)(n - *got);
        int k = gzread(f->gz, to + *got, part);
        int code = 0;
        const char *why = gzerror(f->gz, &code);
        if (code == Z_ERRNO)
            return og_fail(err, OG_IO, "%s cannot be read: %s", f->path, strerror(errno));
        if (code == Z_BUF_ERROR)
            return og_fail(err, OG_INPUT, "%s is truncated: its gzip data end early",
                           f->path);
        if (k < 0)
            return og_fail(err, OG_INPUT, "%s is corrupt: %s", f->path,
                           code == Z_DATA_ERROR ? "its gzip data do not decode" : why);
        if (k == 0) break;
        *got += (size_t)k;
    }
    return OG_OK;
}

static og_status fill_chunk(og_data_file *f, struct og_error *err)
{
    f->lzma.next_in = f->chunk;
    f->lzma.avail_in = fread(f->chunk, 1, OG_XZ_CHUNK, f->xz);
    if (ferror(f->xz))
        return og_fail(err, OG_IO, "%s cannot be read: %s", f->path, strerror(errno));
    return OG_OK;
}

static og_status read_xz(og_data_file *f, uint8_t *to, size_t n, size_t *got,
                         struct og_error *err)
{
    f->lzma.next_out = to;
    f->lzma.avail_out = n;
    while (f->lzma.avail_out > 0 && !f->xz_done) {
        if (f->lzma.avail_in == 0) OG_TRY(fill_chunk(f, err));
        lzma_ret ret = lzma_code(&f->lzma, feof(f->xz) ? LZMA_FINISH : LZMA_RUN);
        if (ret == LZMA_STREAM_END)
            f->xz_done = true;
        else if (ret == LZMA_BUF_ERROR)
            return og_fail(err, OG_INPUT, "%s is truncated: its xz data end early",
                           f->path);
        else if (ret == LZMA_MEM_ERROR)
            return og_fail(err, OG_NO_MEMORY, "out of memory reading %s", f->path);
        else if (ret != LZMA_OK)
            return og_fail(err, OG_INPUT, "%s is corrupt: its xz data do not decode",
                           f->path);
    }
    *got = n - f->lzma.avail_out;
    return OG_OK;
}

static og_status read_any(og_data_file *f, void *to, size_t n, size_t *got,
                          struct og_error *err)
{
    return f->gz ? read_gz(f, to, n, got, err) : read_xz(f, to, n, got, err);
}

og_status og_data_file_take(og_data_file *f, void *to, size_t n, struct og_error *err)
{
    size_t got;
    OG_TRY(read_any(f, to, n, &got, err));
    if (got < n)
        return og_fail(err, OG_INPUT,
                       "%s is truncated: %llu bytes where at least %llu "
                       "are needed",
                       f->path, (unsigned long long)(f->taken + got),
                       (unsigned long long)(f->taken + n));
    f->taken += n;
    return OG_OK;
}

og_status og_data_file_some(og_data_file *f, void *to, size_t n, size_t *got,
                            struct og_error *err)
{
    OG_TRY(read_any(f, to, n, got, err));
    f->taken += *got;
    return OG_OK;
}

og_status og_data_file_end(og_data_file *f, struct og_error *err)
{
    uint8_t byte;
    size_t got;
    OG_TRY(read_any(f, &byte, 1, &got, err));
    if (got > 0)
        return og_fail(err, OG_INPUT, "%s has bytes after the last sample (at byte %llu)",
                       f->path, (unsigned long long)f->taken);
    return OG_OK;
}
