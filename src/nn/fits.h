// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a network has what a hardware asks for, told apart by key, so that who knows the
// file can name the line.
#ifndef OG_NN_FITS_H
#define OG_NN_FITS_H

#include "ohmgrid/model.h"

struct og_lack {
    const char *key;  // of hardware, that asks in vain; NULL: none does
    char text[128];   // what the network does not have
};
// As og_model_check_hardware, but what the network lacks is no error yet. What a layer with
// hardware of its own lacks is, with file and line.
og_status og_model_fits(const og_model *model, const struct og_hardware *hw,
                        struct og_lack *lack, struct og_error *err);

#endif
