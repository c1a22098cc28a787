// SPDX-License-Identifier: GPL-3.0-or-later
// Philox4x32-10: J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", SC'11. Counter = {block, a, b, c}. Words, uniforms and
// normals of one (stream, index) come from the same blocks, so one index serves one kind
// of draw.
#include "ohmgrid/random.h"

#include <assert.h>
#include <string.h>

#include <Random123/philox.h>

#include "base/kernels.h"

// The block number is one 32-bit word of the counter.
static const uint64_t position_end = (uint64_t)1 << 34;

// The name has 192 bits, the key 64: two different names share a key with probability
// 2^-64, as a random function's would.
struct og_stream og_stream_named(uint64_t seed, enum og_purpose purpose, uint32_t trial,
                                 uint32_t layer, uint32_t tile)
{
    philox4x32_ctr_t name = {{(uint32_t)seed, (uint32_t)(seed >> 32), trial, layer}};
    philox4x32_key_t rest = {{(uint32_t)purpose, tile}};
    philox4x32_ctr_t mixed = philox4x32(name, rest);
    return (struct og_stream){{mixed.v[0], mixed.v[1]}};
}

uint32_t og_random_word(const struct og_stream *s, struct og_index at, uint64_t position)
{
    assert(position < position_end);
    philox4x32_ctr_t counter = {{(uint32_t)(position / 4), at.a, at.b, at.c}};
    philox4x32_key_t key = {{s->key[0], s->key[1]}};
    return philox4x32(counter, key).v[position % 4];
}

// --- ranges --------------------------------------------------------------------------
// A range is cut into an incomplete group, whole groups, and an incomplete group.
struct part {
    uint32_t counter[4];
    size_t skip, n;
};

static struct part next_part(struct og_index at, uint64_t first, size_t n)
{
    size_t skip = first % OG_GROUP;
    size_t rest = OG_GROUP - skip;
    struct part p = {
        {(uint32_t)(first / OG_GROUP * OG_GROUP_BLOCKS), at.a, at.b, at.c}, skip, 0};
    if (skip == 0 && n >= OG_GROUP)
        p.n = n / OG_GROUP * OG_GROUP;
    else
        p.n = n < rest ? n : rest;
    return p;
}

void og_gauss_fill(const struct og_stream *s, struct og_index at, uint64_t first,
                   float *out, size_t n)
{
    assert(n <= position_end && first <= position_end - n);
    const struct og_random_kernels *kernels = og_kernels()->random;
    while (n > 0) {
        struct part p = next_part(at, first, n);
        if (p.skip == 0 && p.n >= OG_GROUP) {
            kernels->gauss(s->key, p.counter, out, p.n / OG_GROUP);
        } else {
            float group[OG_GROUP];
            kernels->gauss(s->key, p.counter, group, 1);
            memcpy(out, group + p.skip, p.n * sizeof *out);
        }
        first += p.n, out += p.n, n -= p.n;
    }
}

void og_uniform_fill(const struct og_stream *s, struct og_index at, uint64_t first,
                     float *out, size_t n)
{
    assert(n <= position_end && first <= position_end - n);
    const struct og_random_kernels *kernels = og_kernels()->random;
    while (n > 0) {
        uint32_t words[OG_GROUP];
        struct part p = next_part(at, first, n < OG_GROUP ? n : OG_GROUP);
        kernels->words(s->key, p.counter, words, 1);
        for (size_t i = 0; i < p.n; i++)
            out[i] = (float)(words[p.skip + i] >> 8) * 0x1p-24f;
        first += p.n, out += p.n, n -= p.n;
    }
}

// --- permutations --------------------------------------------------------------------
// A number below `range` by D. Lemire, "Fast random integer generation in an interval",
// ACM Trans. Model. Comput. Simul. 29 (2019): the high half of word * range, with the
// words that would favour some numbers thrown away.
static uint32_t below(const struct og_stream *s, struct og_index at, uint64_t *position,
                      uint32_t range)
{
    uint32_t unfair = (uint32_t)-range % range;
    uint64_t scaled;
    do {
        scaled = (uint64_t)og_random_word(s, at, (*position)++) * range;
    } while ((uint32_t)scaled < unfair);
    return (uint32_t)(scaled >> 32);
}

void og_permutation(const struct og_stream *s, struct og_index at, uint32_t *out,
                    size_t n)
{
    assert(n <= UINT32_MAX);
    for (size_t i = 0; i < n; i++) out[i] = (uint32_t)i;
    uint64_t position = 0;
    for (size_t left = n; left > 1; left--) {
        size_t pick = below(s, at, &position, (uint32_t)left);
        uint32_t kept = out[left - 1];
        out[left - 1] = out[pick];
        out[pick] = kept;
    }
}
