// SPDX-License-Identifier: GPL-3.0-or-later
// What can go wrong, and how it is said: one status per kind of failure and one sentence
// for the person who has to mend it. A programmer's mistake is an assert, never a status.
#ifndef OHMGRID_STATUS_H
#define OHMGRID_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#define OG_API __attribute__((visibility("default")))

// name, exit code of the program, meaning
#define OG_STATUS_LIST(X)                                                                \
    X(OK, 0, "done")                                                                     \
    X(FAILED, 1, "failed")                                                               \
    X(NO_MEMORY, 1, "out of memory")                                                     \
    X(IO, 1, "reading or writing failed")                                                \
    X(USAGE, 2, "wrong usage")                                                           \
    X(INPUT, 2, "bad input")                                                             \
    X(INTERRUPTED, 130, "interrupted")                                                   \
    X(TERMINATED, 143, "terminated")

typedef enum og_status {
#define OG_STATUS_ENUM(name, code, text) OG_##name,
    OG_STATUS_LIST(OG_STATUS_ENUM)
#undef OG_STATUS_ENUM
} og_status;

enum { OG_ERROR_TEXT = 1024 };

// Thread-safety: one per thread. The first failure is kept; later ones do not replace it.
struct og_error {
    og_status status;
    char text[OG_ERROR_TEXT];  // one sentence: file, line, key, value, allowed range
};

// Records an error, `status` and the sentence, in `err` (which may be NULL) and returns
// `status`.
OG_API og_status og_fail(struct og_error *err, og_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// A few words for it, static.
OG_API const char *og_status_text(og_status status);
// What the program leaves with: 0, 1 (failed), 2 (usage or input), 130, 143.
OG_API int og_status_exit_code(og_status status);

#define OG_TRY(call)                                                                     \
    do {                                                                                 \
        og_status og_try_status = (call);                                                \
        if (og_try_status != OG_OK) return og_try_status;                                \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
