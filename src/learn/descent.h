// SPDX-License-Identifier: GPL-3.0-or-later
// SGD with momentum and Adam over the parameter block of a model.
#ifndef OG_LEARN_DESCENT_H
#define OG_LEARN_DESCENT_H

#include "ohmgrid/model.h"

// A range of parameters that one thread updates.
struct og_chunk {
    size_t offset, count;
    bool decay;
};

struct og_descent {
    const struct og_train_config *config;  // borrowed
    size_t count;                          // parameters
    size_t chunks;
    struct og_chunk *chunk;
    double *partial;  // [chunks], of the norm
    float *moments;  // SGD: velocity [count]; Adam: first, then second moments [2][count]
    size_t moment_count;
    const uint8_t
        *frozen;  // [count]: where not 0, a weight keeps its bits; NULL: nowhere
};

og_status og_descent_init(struct og_descent *o, og_model *model,
                          const struct og_train_config *config, struct og_error *err);
void og_descent_clear(struct og_descent *o);

// Euclidean norm of a whole gradient.
double og_gradient_norm(struct og_descent *o, const float *gradient);
// One step at rate lr; step counts from 0. Clips by config->clip_norm.
void og_descent_step(struct og_descent *o, float *w, const float *gradient, double lr,
                     size_t step);

#endif
