// SPDX-License-Identifier: GPL-3.0-or-later
// Counter-based random streams (Philox4x32-10; Salmon et al., SC'11). A stream is named
// by (seed, purpose, trial, layer, tile); a draw inside it by three indices and a
// position. A draw depends on nothing else: not on threads, batches, the order of calls
// or restarts.
#ifndef OHMGRID_RANDOM_H
#define OHMGRID_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "ohmgrid/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// Only ever grows, at the end: the numbers are part of what makes a result repeatable.
enum og_purpose {
    OG_INIT,
    OG_DATA_ORDER,
    OG_AUGMENT,
    OG_DROPOUT,
    OG_PROGRAMMING,
    OG_D2D,
    OG_FAULTS,
    OG_DRIFT,
    OG_READ,
    OG_RTN,
    OG_CONVERTER,
    OG_INJECTION,
    OG_CALIBRATION,
    OG_WRITE_PULSES,
    OG_ATTACK,
    OG_BOOTSTRAP,
    OG_FLICKER,
};

// Plain value, on the stack. Thread-safety: never changes after og_stream_named.
struct og_stream {
    uint32_t key[2];
};

// The three indices of a draw, e.g. (epoch or pass, sample in the data set, step).
struct og_index {
    uint32_t a, b, c;
};

// The stream of this name; the same on every machine. Cheap: on the stack, where it is
// used.
OG_API struct og_stream og_stream_named(uint64_t seed, enum og_purpose purpose,
                                        uint32_t trial, uint32_t layer, uint32_t tile);

// out[i] = the standard normal at position first + i (any first, any n: the numbers are
// the same however a range is split). Bit-identical on every instruction set.
OG_API void og_gauss_fill(const struct og_stream *s, struct og_index at, uint64_t first,
                          float *out, size_t n);

// out[i] = uniform in [0, 1), 24 bits, at position first + i.
OG_API void og_uniform_fill(const struct og_stream *s, struct og_index at, uint64_t first,
                            float *out, size_t n);

// One 32-bit word at `position`; equals word position % 4 of Philox block position / 4.
OG_API uint32_t og_random_word(const struct og_stream *s, struct og_index at,
                               uint64_t position);

// A random permutation of 0..n-1 (Fisher-Yates, unbiased).
OG_API void og_permutation(const struct og_stream *s, struct og_index at, uint32_t *out,
                           size_t n);

#ifdef __cplusplus
}
#endif
#endif
