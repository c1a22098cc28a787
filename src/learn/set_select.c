// SPDX-License-Identifier: GPL-3.0-or-later
#include <string.h>

#include "learn/set.h"

enum { FEW = 32 };  // so many keys are ranked by comparing all pairs

// Keys >= 0 are ordered like their bits.
static uint64_t bits_of(double key)
{
    uint64_t bits;
    memcpy(&bits, &key, sizeof bits);
    return bits;
}

// The keep-th largest key's bits, digit by digit from the top; *equal: how many of the
// keys that are equal to it belong to the `keep` largest.
static uint64_t cut(const double *key, size_t n, size_t keep, size_t *equal)
{
    uint64_t found = 0;
    for (int shift = 56; shift >= 0; shift -= 8) {
        size_t count[256] = {0};
        uint64_t above = shift == 56 ? 0 : ~(uint64_t)0 << (shift + 8);
        for (size_t i = 0; i < n; i++) {
            uint64_t bits = bits_of(key[i]);
            count[bits >> shift & 255] += (bits & above) == found;
        }
        unsigned digit = 255;
        while (count[digit] < keep) keep -= count[digit--];
        found |= (uint64_t)digit << shift;
    }
    *equal = keep;
    return found;
}

static void select_few(double *key, size_t n, size_t keep)
{
    bool chosen[FEW];
    for (size_t i = 0; i < n; i++) {
        size_t better = 0;
        for (size_t j = 0; j < n; j++)
            better += key[j] > key[i] || (key[j] == key[i] && j < i);
        chosen[i] = better < keep;
    }
    for (size_t i = 0; i < n; i++) key[i] = chosen[i];
}

void og_select_largest(double *key, size_t n, size_t keep)
{
    if (keep == 0 || keep >= n) {
        for (size_t i = 0; i < n; i++) key[i] = keep != 0;
        return;
    }
    if (n <= FEW) {
        select_few(key, n, keep);
        return;
    }
    size_t equal;
    uint64_t least = cut(key, n, keep, &equal);
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = bits_of(key[i]);
        bool tie = bits == least && equal > 0;
        equal -= tie;
        key[i] = bits > least || tie;
    }
}

// Negative floats are ordered against their bits, positive ones along with them.
uint64_t og_sort_key(float value, size_t index)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits ^= bits >> 31 ? 0xffffffffu : 0x80000000u;
    return (uint64_t)bits << 32 | (uint32_t)index;
}

float og_sort_value(uint64_t key)
{
    uint32_t bits = (uint32_t)(key >> 32);
    float value;
    bits ^= bits >> 31 ? 0x80000000u : 0xffffffffu;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// One pass for each byte of the upper half, from the lowest (four: the result ends in
// `key` again).
void og_sort_keys(uint64_t *key, uint64_t *spare, size_t n)
{
    uint64_t *from = key, *to = spare;
    for (int shift = 32; shift < 64; shift += 8) {
        size_t place[257] = {0};
        for (size_t i = 0; i < n; i++) place[(from[i] >> shift & 255) + 1]++;
        for (int digit = 0; digit < 256; digit++) place[digit + 1] += place[digit];
        for (size_t i = 0; i < n; i++) to[place[from[i] >> shift & 255]++] = from[i];
        uint64_t *last = from;
        from = to;
        to = last;
    }
}

size_t og_sorted_up_to(const uint64_t *key, size_t n, double x)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((double)og_sort_value(key[middle]) <= x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
