// SPDX-License-Identifier: GPL-3.0-or-later
// What every reader of HDF5 input needs, whatever the file holds.
#ifndef OG_NN_HDF5_READ_H
#define OG_NN_HDF5_READ_H

#include <stdbool.h>
#include <stddef.h>

#include <hdf5.h>

// HDF5 prints nothing between these two.
struct og_hdf5_guard {
    H5E_auto2_t function;
    void *data;
};
struct og_hdf5_guard og_hdf5_silence(void);
void og_hdf5_restore(struct og_hdf5_guard guard);

// Whether the `count` values of a dataset lie in the file as its header says. HDF5
// believes the header and, where a damaged one gives less room than the shape needs,
// reads beyond a buffer.
bool og_hdf5_is_whole(hid_t file, hid_t set, size_t count);

#endif
