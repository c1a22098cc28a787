// SPDX-License-Identifier: GPL-3.0-or-later
// The journal's bytes. A header (magic, schema, who writes it, experiment text), then
// records of 64 bytes and their payloads, in the byte order of the machine. All have
// checksums (CRC-32). Schema 1 did not say who writes.
#ifndef OG_RESULTS_JOURNAL_FILE_H
#define OG_RESULTS_JOURNAL_FILE_H

#include <time.h>

#include "ohmgrid/results.h"
#include "results/journal_index.h"

enum { OG_JOURNAL_SCHEMA = 2 };
// The size of a record that drops its key.
#define OG_RECORD_DROPPED UINT64_MAX

struct og_record {
    uint32_t magic, kind;
    char key[OG_JOURNAL_KEY];
    uint64_t size;
    uint32_t data_crc, crc;  // crc: of the 60 bytes before it
};
_Static_assert(sizeof(struct og_record) == 64, "a record is 64 bytes");

struct og_journal {
    int fd;
    bool fresh;  // made by this open: removed again when the open fails
    bool dirty;  // something was written after the last fsync
    bool read;   // only read: never locked, cut or written
    char *path, *text;
    uint64_t first, end, live;  // records begin, file ends, bytes in live entries
    struct og_slots slots;
    struct timespec synced;
};

uint32_t og_crc(const void *data, size_t n);
// Writes the header at the start of fd, with this process as its writer; *first: where
// the records begin.
bool og_journal_write_head(int fd, const char *text, uint64_t *first);
// Makes this process the writer of a journal that another one began.
bool og_journal_write_holder(const struct og_journal *j);
// Who writes the journal in fd: "process 7 on host since ..."; "": it does not say.
void og_journal_holder(int fd, char holder[OG_WRITER]);
// *text: the experiment text, or NULL when the header is torn (so nothing was finished).
og_status og_journal_read_head(struct og_journal *j, char **text, struct og_error *err);
// Fills the index from j->end on; cuts a torn tail off, unless the journal is only read;
// steps over damage that has whole records behind.
og_status og_journal_scan(struct og_journal *j, struct og_error *err);
// The header of fd with j->text, and the live entries behind it; *end: where they end.
og_status og_journal_copy(struct og_journal *j, int fd, uint64_t *first, uint64_t *end,
                          struct og_error *err);
struct og_record og_record_make(uint32_t kind, const char *key, const void *data,
                                uint64_t size);
// Notes in the index that the record at `at` is the newest of its key. False: no memory.
bool og_journal_note(struct og_journal *j, const struct og_record *r, uint64_t at);

#endif
