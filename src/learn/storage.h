// SPDX-License-Identifier: GPL-3.0-or-later
// How many bits a pruned weight tensor takes in a memory. Each coding says where the
// weights are in so many bits and stores some zeros with them, its fillers, which take as
// many bits as a weight:
//
//   gaps    of b = 1 .. 16 bits from one weight to the next along the rows of the matrix,
//           each from 1 to 2^b, with a filler wherever that is not enough (Han et al.,
//           Deep Compression, ICLR 2016; that b is the best one is ohmgrid's choice)
//   blocks  of 2^i x 2^j weights or kernels, cut off at the edges, which are stored whole
//           where any weight of theirs is kept; the list of their numbers or one bit for
//           each block of the tensor. Up to whole rows, columns and channels; single
//           weights are blocks, and so is the whole tensor.
//   lines   the crossings of some rows with some columns or channels, each as a list or
//           one bit for each line
//
// The law needs only the weights, not what sets made them. Shapes, codings, lengths of
// lists and a scale common to the tensor are not counted.
#ifndef OG_LEARN_STORAGE_H
#define OG_LEARN_STORAGE_H

#include "ohmgrid/model.h"

enum { OG_STORAGE_FLOAT = 32, OG_STORAGE_NAME = 48 };  // bits of a weight that is no code

struct og_storage_index {
    uint64_t bits, fillers;
    char name[OG_STORAGE_NAME];  // "gaps of 5 bits", "list of rows", "bitmap of weights"
};
struct og_storage {
    uint64_t all, kept;
    // For tables of values, one for the tensor or one for each row: codes, of the row
    // that has the most, and entries of all tables. Zero is no entry; it is a code among
    // `codes`, and none among `values`, which serve where no filler is stored.
    uint64_t codes, entries, row_codes, row_values, row_entries;
    struct og_storage_index best[OG_STORAGE_FLOAT + 1];  // by bits of a weight, from 1
    struct og_storage_index exact;                       // the best without fillers
};
// Of a weight tensor with kept weights; OG_NO_MEMORY only. w: [rows][columns], a column
// being one of `kernel` places of a channel.
og_status og_storage_measure(struct og_storage *s, const float *w, size_t rows,
                             size_t columns, size_t kernel, struct og_error *err);

struct og_storage_bits {
    double values;    // of the weights kept, with the table of values where there is one
    double indices;   // where they are, and fillers
    double codes;     // the least that the weights kept take where nothing says where
    const char *way;  // name of the coding; borrowed
};
// The least of: weights of 32 bits; of weight_bits, where these are not 0; numbers into a
// table of 32-bit values for the tensor or for each row. `codes` is the least of these by
// itself, as papers count that leave out indices: `values` may be more, where it is
// another coding that is the least with them.
struct og_storage_bits og_storage_bits(const struct og_storage *s, int weight_bits);

#endif
