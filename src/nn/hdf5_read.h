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

// Whether the `count` values of an open dataset lie in this file, as its header says:
// not in another one (behind an external link, as external or as virtual storage), since
// whoever sends a file must not choose what else is read; and no more of them than can be
// unpacked from the bytes there are. HDF5 believes the header and, where a damaged one
// gives less room than the shape needs, reads beyond a buffer.
bool og_hdf5_is_whole(hid_t file, hid_t set, size_t count);

#endif
