// SPDX-License-Identifier: GPL-3.0-or-later
#include "learn/round.h"

#include <assert.h>
#include <string.h>

#include "config/tables.h"
#include "config/tree.h"

static const struct og_field round_fields[] = {
    {.key = "sets",
     .type = OG_FIELD_ITEM,
     .offset = offsetof(struct og_round, sets),
     .def = "",
     .stage = OG_STAGE_COMPRESS,
     .help = "List of {layer, kind, ...}: a layer's name, a list of names or 'all', and "
             "one constraint set with its keys."},
    {.key = "method",
     .type = OG_FIELD_CHOICE,
     .offset = offsetof(struct og_round, method),
     .choices = "admm magnitude reweighted proximal",
     .def = "admm",
     .stage = OG_STAGE_COMPRESS,
     .help =
         "What comes before the projection, for the epochs of admm. admm: rho/2 "
         "|W - Z + U|^2; magnitude: nothing, its epochs are added to those of retrain "
         "(the baseline of the same budget); reweighted: penalty sum |w_G|^2 / "
         "(|v_G|^2 + epsilon), v the weights at the last update (after BLK-REW, 2020); "
         "proximal: penalty sum |w_G|, by w_G <- max(0, 1 - lr penalty / |w_G|) w_G "
         "after each step. G: the groups that the set keeps or drops."},
    {.key = "admm",
     .type = OG_FIELD_ITEM,
     .offset = offsetof(struct og_round, admm_keys),
     .def = "",
     .stage = OG_STAGE_COMPRESS,
     .help = "Keys of the phase of ADMM."},
    {.key = "retrain",
     .type = OG_FIELD_ITEM,
     .offset = offsetof(struct og_round, retrain_keys),
     .def = "",
     .stage = OG_STAGE_COMPRESS,
     .help = "Keys of the masked retraining."},
    {.key = "purify",
     .type = OG_FIELD_BOOL,
     .offset = offsetof(struct og_round, purify),
     .def = "false",
     .stage = OG_STAGE_COMPRESS,
     .help = "After the projection, also removes filters that nothing uses and weights "
             "whose input is always zero (after 'Tiny but Accurate', 2020)."},
    {.key = "shares",
     .type = OG_FIELD_LIST,
     .offset = offsetof(struct og_round, shares),
     .min = 0,
     .max = 1,
     .def = "[]",
     .stage = OG_STAGE_COMPRESS,
     .help = "Rising shares of the weights that sets of values put on their values and "
             "freeze, those nearest to one first, in equal parts of the retraining while "
             "the others learn on; all of them before its last part. Empty: all at once "
             "(progressive quantisation, after Zhou et al., INQ, 2017, and Ye et al., "
             "2019)."},
    {.key = "straight_through",
     .type = OG_FIELD_BOOL,
     .offset = offsetof(struct og_round, straight_through),
     .def = "false",
     .stage = OG_STAGE_COMPRESS,
     .help =
         "Instead of freezing weights on the values of such sets, retraining computes "
         "with them and gives its steps to weights behind them, which are projected "
         "again after each one (straight-through estimator, Bengio et al., 2013)."},
    {.key = "activation_limits",
     .type = OG_FIELD_ITEM,
     .offset = offsetof(struct og_round, limits_keys),
     .def = "",
     .stage = OG_STAGE_COMPRESS,
     .help = "Instead of all other keys: finds the limits of the relus with 'search: "
             "true', so that accuracy under faults is best (after FT-ClipAct, 2019)."},
    {.key = NULL},
};

static const struct og_field admm_fields[] = {
    {.key = "update_every",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct og_phase, update_every),
     .min = 1,
     .max = 100000,
     .def = "1",
     .stage = OG_STAGE_COMPRESS,
     .help =
         "Epochs between two updates of Z and U; those after the last one end without."},
    {.key = "rho",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct og_phase, rho),
     .min = 1e-12,
     .max = 1e6,
     .def = "0.001",
     .stage = OG_STAGE_COMPRESS,
     .help = "Strength of the pull towards each set, before its rho_scale."},
    {.key = "rho_factor",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct og_phase, rho_factor),
     .min = 1,
     .max = 1e6,
     .def = "1",
     .stage = OG_STAGE_COMPRESS,
     .help = "rho grows by this at every update; U shrinks by the same."},
    {.key = "rho_max",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct og_phase, rho_max),
     .min = 1e-12,
     .max = 1e6,
     .def = "1e6",
     .stage = OG_STAGE_COMPRESS,
     .help = "rho, before any rho_scale, grows no further."},
    {.key = "penalty",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct og_phase, penalty),
     .min = 0,
     .max = 1e6,
     .def = "0.0001",
     .stage = OG_STAGE_COMPRESS,
     .help = "Methods reweighted and proximal: strength."},
    {.key = "epsilon",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct og_phase, epsilon),
     .min = 1e-12,
     .max = 1e6,
     .def = "0.001",
     .stage = OG_STAGE_COMPRESS,
     .help = "Method reweighted: keeps the penalty of empty groups finite."},
    {.key = NULL},
};

enum { PHASE_FIELDS = 64 };

// Keys of train that are of the whole experiment, or of its beginning.
static bool is_of_training_alone(const char *key)
{
    static const char *const keys[] = {"seed", "hardware", "ideal_epochs"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i]) == 0) return true;
    return false;
}

// The rows of train, with offsets in a phase, and of ADMM.
static void phase_fields(bool admm, struct og_field rows[PHASE_FIELDS])
{
    const struct og_field *train = og_fields_find(og_root_fields, "train")->block;
    size_t n = 0;
    for (const struct og_field *f = train; f->key != NULL; f++) {
        assert(n + sizeof admm_fields / sizeof *admm_fields < PHASE_FIELDS);
        if (is_of_training_alone(f->key)) continue;
        rows[n] = *f;
        rows[n].stage = OG_STAGE_COMPRESS;
        rows[n++].offset = f->offset - offsetof(struct og_raw_config, config.train) +
                           offsetof(struct og_phase, train);
    }
    for (const struct og_field *f = admm_fields; admm && f->key != NULL; f++)
        rows[n++] = *f;
    rows[n] = (struct og_field){.key = NULL};
}

static og_status check_phase(const struct og_phase *p, const og_item *keys,
                             const og_item *round, const char *name, struct og_error *err)
{
    const struct og_train_config *t = &p->train;
    const og_item *at = keys != NULL ? keys : round;
    if (t->epochs == 0 && (keys == NULL || og_item_get(keys, "epochs") == NULL))
        return og_item_fail(at, err, "%s.epochs is missing, and train.epochs is 0", name);
    if (t->warmup > t->epochs)
        return og_item_fail(at, err, "warmup is %.6g epochs, more than epochs = %d",
                            t->warmup, t->epochs);
    if (t->epochs > 0 && p->update_every > t->epochs)
        return og_item_fail(at, err,
                            "update_every is %d epochs, more than epochs = %d: Z and U "
                            "would never be updated",
                            p->update_every, t->epochs);
    if (p->rho_max < p->rho)
        return og_item_fail(at, err, "rho_max is %.6g, less than rho = %.6g", p->rho_max,
                            p->rho);
    return OG_OK;
}

static og_status read_phase(struct og_phase *p, const og_item *round, const char *name,
                            const struct og_train_config *base, struct og_error *err)
{
    struct og_field rows[PHASE_FIELDS];
    const og_item *keys = og_item_get(round, name);
    OG_TRY(og_fields_bind(admm_fields, NULL, p, err));
    p->train = *base;
    p->train.ideal_epochs = 0;
    p->train.warmup = 0;
    phase_fields(strcmp(name, "admm") == 0, rows);
    OG_TRY(og_fields_bind_given(rows, keys, p, err));
    return check_phase(p, keys, round, name, err);
}

static og_status read_limits(struct og_round *round, const og_item *item,
                             const struct og_train_config *base, struct og_error *err)
{
    if (item->n > 1)
        return og_item_fail(
            item, err, "activation_limits is a round of its own, without other keys");
    return og_limits_read(&round->limits, round->limits_keys, base, err);
}

static og_status check_shares(const struct og_round *round, const og_item *item,
                              struct og_error *err)
{
    const struct og_list *s = &round->shares;
    if (round->straight_through && round->retrain.train.epochs == 0)
        return og_item_fail(og_item_get(item, "straight_through"), err,
                            "is a retraining, and retrain.epochs is 0");
    if (s->n == 0) return OG_OK;
    const og_item *at = og_item_get(item, "shares");
    if (round->straight_through)
        return og_item_fail(at, err,
                            "shares freeze weights, straight_through does not: give one");
    for (int i = 0; i < s->n; i++)
        if (!(s->v[i] > (i > 0 ? s->v[i - 1] : 0.0) && s->v[i] < 1.0))
            return og_item_fail(at, err, "must rise, from above 0 to below 1");
    if (round->retrain.train.epochs > s->n) return OG_OK;
    return og_item_fail(at, err,
                        "%d shares need a retraining of at least %d epochs, not %d", s->n,
                        s->n + 1, round->retrain.train.epochs);
}

og_status og_round_read(struct og_round *round, const og_item *item,
                        const struct og_train_config *base, struct og_error *err)
{
    memset(round, 0, sizeof *round);
    OG_TRY(og_fields_bind(round_fields, item, round, err));
    if (round->limits_keys != NULL) return read_limits(round, item, base, err);
    if (round->sets == NULL)
        return og_item_fail(item, err,
                            "key 'sets' is missing, or activation_limits in its place");
    if (round->sets->kind != OG_ITEM_LIST || round->sets->n == 0)
        return og_item_fail(round->sets, err,
                            "must be a list of at least one constraint set, for instance "
                            "{layer: all, kind: irregular, keep: 0.1}");
    OG_TRY(read_phase(&round->admm, item, "admm", base, err));
    OG_TRY(read_phase(&round->retrain, item, "retrain", base, err));
    if (round->method == OG_METHOD_MAGNITUDE) {
        round->retrain.train.epochs += round->admm.train.epochs;
        round->admm.train.epochs = 0;
    }
    return check_shares(round, item, err);
}

og_status og_compress_epochs(const og_item *round, const struct og_train_config *base,
                             size_t *epochs, struct og_error *err)
{
    struct og_round r;
    OG_TRY(og_round_read(&r, round, base, err));
    *epochs = (size_t)r.admm.train.epochs + (size_t)r.retrain.train.epochs;
    return OG_OK;
}

void og_compress_print_keys(FILE *out)
{
    static const char *const names[] = {"retrain", "admm"};
    og_fields_help(round_fields, "compress.rounds[]", OG_STAGE_COMPRESS, out);
    for (int admm = 0; admm < 2; admm++) {
        fprintf(out,
                "compress.rounds[].%s.*\n    Those of train but seed, hardware and "
                "ideal_epochs; default what train says (warmup: 0)%s\n",
                names[admm], admm ? "; and:" : ".");
    }
    og_fields_help(admm_fields, "compress.rounds[].admm", OG_STAGE_COMPRESS, out);
    og_limits_print_keys(out);
    fputs("\ncompress.rounds[].sets[].*, by kind:\n", out);
    og_set_print_keys(out);
}
