// SPDX-License-Identifier: GPL-3.0-or-later
// Members of a ZIP archive (PKWARE's APPNOTE 6.3), stored or deflated, as streams of
// bytes; and plain files as the same. No ZIP64, no encryption: NumPy writes neither below
// 4 GiB.
#ifndef OG_NN_WEIGHTS_ZIP_H
#define OG_NN_WEIGHTS_ZIP_H

#include <zlib.h>

#include "nn/weights_file.h"

struct og_zip_member {
    char name[OG_WEIGHT_NAME];
    bool deflated, checked;  // checked: crc is known
    uint32_t crc;
    uint64_t packed, size, at;  // bytes in the file; unpacked; of the local header
};

// Thread-safety: one per thread. Zeroed before og_zip_stream_open.
struct og_zip_stream {
    const og_weight_file *file;
    const struct og_zip_member *member;
    FILE *f;
    z_stream z;
    bool started;
    uint64_t packed, left;  // bytes that are still to come
    uint32_t crc;
    uint8_t in[4096];
};

// The list of all members; og_free.
og_status og_zip_list(const og_weight_file *file, struct og_zip_member **member,
                      size_t *n, struct og_error *err);
// In both cases og_zip_stream_close follows, whatever happens. The member is borrowed.
og_status og_zip_stream_open(struct og_zip_stream *s, const og_weight_file *file,
                             const struct og_zip_member *member, struct og_error *err);
og_status og_zip_stream_plain(struct og_zip_stream *s, const og_weight_file *file,
                              const char *path, struct og_error *err);
void og_zip_stream_close(struct og_zip_stream *s);
// Exactly n bytes.
og_status og_zip_take(struct og_zip_stream *s, void *to, size_t n, struct og_error *err);
// Nothing follows, and the checksum is right.
og_status og_zip_end(struct og_zip_stream *s, struct og_error *err);

#endif
