// SPDX-License-Identifier: GPL-3.0-or-later
// Where one chip at a time is programmed and evaluated; of small networks there are
// several, and as many chips are worked on side by side.
#ifndef OG_EXPERIMENT_PLACE_H
#define OG_EXPERIMENT_PLACE_H

#include "experiment/job.h"

struct og_place {
    struct evaluation *of;
    og_exec *exec;
    og_probe *probe;    // of the layers, or NULL
    og_attack *attack;  // or NULL
    size_t trial;
    // The points that the passes of this chip answer, each by its ballot.
    size_t polls;
    size_t *point;                 // [most polls]
    struct og_ballot *ballot;      // [most polls]
    struct og_evaluation *result;  // [most polls]
    struct og_evaluation *clean;   // [most polls], before the attack
    uint8_t *hit;                  // [most polls][answers]
    void *layers;                  // what og_layers_measure has found, or NULL
    og_status status;              // of the last chip
    struct og_error err;
};

// Of the present point.
struct evaluation {
    struct og_job *job;
    og_model *source;  // whose gradient an attack follows, where that is another network
    size_t batch;      // of the first place; the others share as much
    size_t most_polls;
    size_t answers;
    size_t places, together;  // that there are; that have a chip of the present round
    struct og_place *place;   // [places]
    struct og_record *record;
    size_t record_size;
};

// place->of is set. The first place is opened before all others, which borrow its
// calibration; then these may be opened, and all may measure, side by side.
og_status og_place_open(struct og_place *place, struct og_error *err);
void og_place_close(struct og_place *place);
// Chip number `trial`, for the polls; to place->status.
void og_place_measure(struct og_place *place);

#endif
