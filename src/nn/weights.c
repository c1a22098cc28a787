// SPDX-License-Identifier: GPL-3.0-or-later
#include "nn/weights.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "nn/ops.h"

float *og_weights_at(const struct og_weight_match *m, const struct og_node *node, int p)
{
    float *block = node->param[p].state ? m->model->state : m->model->params;
    return block + node->param[p].offset;
}

void og_weights_miss(struct og_weight_match *m, const struct og_node *node,
                     const char *leaf)
{
    char name[sizeof node->name + 64];
    snprintf(name, sizeof name, "%s.%.60s", node->name, leaf);
    og_name_list_add(&m->missing, name);
}

og_status og_weights_take_any(struct og_weight_match *m, struct og_weight_entry *entry,
                              float **value, struct og_error *err)
{
    *value = og_alloc(entry->count, sizeof **value);
    if (!*value)
        return og_fail(err, OG_NO_MEMORY, "no memory for tensor '%.200s' of %s",
                       entry->name, m->file->path);
    entry->used = true;
    const og_status status = og_weight_file_read(m->file, entry, *value, err);
    if (status == OG_OK) return OG_OK;
    og_free(*value);
    *value = NULL;
    return status;
}

og_status og_weights_take(struct og_weight_match *m, const struct og_node *node,
                          struct og_weight_entry *entry, int rank, const size_t *dim,
                          float **value, struct og_error *err)
{
    char has[96], needs[96];
    if (entry->rank == rank && memcmp(entry->dim, dim, (size_t)rank * sizeof *dim) == 0)
        return og_weights_take_any(m, entry, value, err);
    og_weight_shape_text(entry->rank, entry->dim, has, sizeof has);
    og_weight_shape_text(rank, dim, needs, sizeof needs);
    return og_fail(err, OG_INPUT, "%s: tensor '%.200s' is %s, but layer '%s' needs %s",
                   m->file->path, entry->name, has, node->name, needs);
}

// The limit of a relu that is searched: only a result file of ohmgrid has one.
static og_status fill_limit(struct og_weight_match *m, const struct og_node *node,
                            struct og_error *err)
{
    static const char *const names[] = {"max", NULL};
    struct og_weight_entry *e;
    float *value;
    OG_TRY(og_weights_find(m, node, names, &e, err));
    if (!e) return OG_OK;
    OG_TRY(og_weights_take(m, node, e, 1, node->param[0].dim, &value, err));
    const float max = *value;
    og_free(value);
    if (!(max >= 0.0f))
        return og_fail(err, OG_INPUT, "%s: tensor '%.200s' is %g; a limit is at least 0",
                       m->file->path, e->name, (double)max);
    *og_weights_at(m, node, 0) = max;
    return OG_OK;
}

// A row for each symbol, in PyTorch and Keras alike.
static og_status fill_table(struct og_weight_match *m, const struct og_node *node,
                            struct og_error *err)
{
    static const char *const names[] = {"weight", "embeddings", NULL};
    const struct og_param *param = &node->param[0];
    struct og_weight_entry *e;
    float *value;
    OG_TRY(og_weights_find(m, node, names, &e, err));
    if (!e) {
        og_weights_miss(m, node, names[0]);
        return OG_OK;
    }
    OG_TRY(og_weights_take(m, node, e, param->rank, param->dim, &value, err));
    memcpy(og_weights_at(m, node, 0), value, param->count * sizeof *value);
    og_free(value);
    return OG_OK;
}

static og_status fill_node(struct og_weight_match *m, const struct og_node *node,
                           struct og_error *err)
{
    if (node->params == 0) return OG_OK;
    if (node->op == &og_op_batch_norm) return og_weights_fill_norm(m, node, err);
    if (node->op == &og_op_relu) return fill_limit(m, node, err);
    if (node->op == &og_op_embedding) return fill_table(m, node, err);
    if (node->op == &og_op_dense || node->op == &og_op_conv2d)
        return og_weights_fill_linear(m, node, err);
    return og_weights_fill_rnn(m, node, err);
}

// Counters that PyTorch keeps beside its statistics; nothing depends on them.
static bool is_counter(const struct og_weight_entry *e)
{
    static const char end[] = "num_batches_tracked";
    const size_t n = strlen(e->key), k = sizeof end - 1;
    return n >= k && strcmp(e->key + n - k, end) == 0;
}

// Nothing may be left over on either side: a misspelt layer would run untrained.
static og_status check_complete(struct og_weight_match *m, struct og_error *err)
{
    struct og_name_list unused = {0};
    for (size_t i = 0; i < m->file->n; i++)
        if (!m->file->entry[i].used && !is_counter(&m->file->entry[i]))
            og_name_list_add(&unused, m->file->entry[i].name);
    if (m->missing.n == 0 && unused.n == 0) return OG_OK;
    og_name_list_end(&m->missing);
    og_name_list_end(&unused);
    return og_fail(err, OG_INPUT, "%s does not fit the network: %s%s%s%s%s",
                   m->file->path, m->missing.n ? "it lacks " : "", m->missing.text,
                   m->missing.n && unused.n ? "; " : "",
                   unused.n ? "no layer takes " : "", unused.text);
}

static og_status fill(struct og_weight_match *m, struct og_error *err)
{
    OG_TRY(og_weights_name(m, err));
    OG_TRY(og_weights_layout(m, err));
    for (size_t i = 0; i < m->model->nodes; i++)
        OG_TRY(fill_node(m, &m->model->node[i], err));
    return check_complete(m, err);
}

og_status og_model_load(og_model *model, const struct og_weights_config *config,
                        struct og_error *err)
{
    struct og_weight_match m = {.model = model, .config = config};
    OG_TRY(og_weight_file_open(&m.file, config->path, err));
    const og_status status = fill(&m, err);
    og_weight_file_free(m.file);
    return status;
}
