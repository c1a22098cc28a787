// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of attacks, of evaluation and of training, and what no single row can check.
#include <string.h>

#include "config/tables.h"
#include "config/tree.h"

#define T OG_STAGE_TRAIN
#define E OG_STAGE_EVALUATE

static const char kind_help[] =
    "One step along the sign of the gradient, or several, each brought back into the "
    "distance allowed (projected gradient descent).";
static const char epsilon_help[] = "Largest change of a pixel in [0, 1].";
static const char step_help[] =
    "Kind pgd: change of a pixel in one step; 0: 2.5 epsilon / steps.";
static const char steps_help[] = "Kind pgd: number of steps.";
static const char start_help[] = "Kind pgd: whether it begins anywhere within epsilon.";
static const char draws_help[] =
    "Passes whose gradients are averaged in each step, on hardware with noise.";

#define HOW(member) offsetof(struct og_attack_config, member)

const struct og_field og_adversarial_fields[] = {
    {"kind", OG_FIELD_CHOICE, HOW(kind), 0, NULL, 0, 0, "none fgsm pgd", "none", T,
     kind_help, NULL, NULL},
    {"epsilon", OG_FIELD_REAL, HOW(epsilon), 0, NULL, 0, 1, NULL, "0.3", T, epsilon_help,
     NULL, NULL},
    {"step", OG_FIELD_REAL, HOW(step), 0, NULL, 0, 1, NULL, "0", T, step_help, NULL,
     NULL},
    {"steps", OG_FIELD_INT, HOW(steps), 0, NULL, 1, 10000, NULL, "40", T, steps_help,
     NULL, NULL},
    {"random_start", OG_FIELD_BOOL, HOW(random_start), 0, NULL, 0, 0, NULL, "true", T,
     start_help, NULL, NULL},
    {"draws", OG_FIELD_INT, HOW(draws), 0, NULL, 1, 1000, NULL, "1", T, draws_help, NULL,
     NULL},
    {.key = NULL},
};

#define AT(member) offsetof(struct og_raw_config, config.attack.member)

const struct og_field og_attack_fields[] = {
    {"kind", OG_FIELD_CHOICE, AT(how.kind), 0, NULL, 0, 0, "none fgsm pgd", "none", E,
     kind_help, NULL, NULL},
    {"epsilon", OG_FIELD_REAL, AT(how.epsilon), 0, NULL, 0, 1, NULL, "0.3", E,
     epsilon_help, NULL, NULL},
    {"step", OG_FIELD_REAL, AT(how.step), 0, NULL, 0, 1, NULL, "0", E, step_help, NULL,
     NULL},
    {"steps", OG_FIELD_INT, AT(how.steps), 0, NULL, 1, 10000, NULL, "40", E, steps_help,
     NULL, NULL},
    {"random_start", OG_FIELD_BOOL, AT(how.random_start), 0, NULL, 0, 0, NULL, "true", E,
     start_help, NULL, NULL},
    {"draws", OG_FIELD_INT, AT(how.draws), 0, NULL, 1, 1000, NULL, "1", E, draws_help,
     NULL, NULL},
    {"source", OG_FIELD_BOOL, AT(transfer), 0, NULL, 0, 0, "same transfer", "same", E,
     "Whose gradient it follows: the network's own, or that of one trained alike with "
     "another seed.",
     NULL, NULL},
    {"train_seed", OG_FIELD_U64, AT(train_seed), 0, NULL, 0, 0, NULL, "1000", E,
     "Source transfer: the seed of that training.", NULL, NULL},
    {"hardware", OG_FIELD_BOOL, AT(ideal), 0, NULL, 0, 0, "same ideal", "same", E,
     "What the gradient is computed on: hardware (source same: the very chip, transfer: "
     "another one), or without it.",
     NULL, NULL},
    {.key = NULL},
};

// A key of kind pgd alone that is not at its default; NULL: none.
static const char *given_of(const struct og_attack_config *a)
{
    if (a->step != 0) return "step";
    if (a->steps != 40) return "steps";
    if (!a->random_start) return "random_start";
    return NULL;
}

static og_status fail_in(const og_item *root, const char *block, const char *key,
                         struct og_error *err, const char *what)
{
    char path[96];
    snprintf(path, sizeof path, "%s.%s", block, key);
    return og_item_fail(og_item_find(root, path, true), err, "%s", what);
}

static bool names(const og_item *axis, const char *key)
{
    const og_item *own = axis->kind == OG_ITEM_MAP ? og_item_get(axis, "key") : NULL;
    return own != NULL && og_item_is_text(own, key);
}

bool og_is_swept(const og_item *root, const char *key)
{
    const og_item *sweep = og_item_get(root, "sweep");
    for (size_t i = 0; sweep != NULL && i < sweep->n; i++) {
        const og_item *axis = sweep->child[i];
        const og_item *zip = axis->kind == OG_ITEM_MAP ? og_item_get(axis, "zip") : NULL;
        if (names(axis, key)) return true;
        for (size_t k = 0; zip != NULL && k < zip->n; k++)
            if (names(zip->child[k], key)) return true;
    }
    return false;
}

static bool kind_is_swept(const og_item *root, const char *block)
{
    char key[96];
    snprintf(key, sizeof key, "%s.kind", block);
    return og_is_swept(root, key);
}

static og_status check_how(const struct og_attack_config *a, const char *block,
                           const og_item *root, struct og_error *err)
{
    const char *given = given_of(a);
    if (kind_is_swept(root, block)) return OG_OK;
    if (a->kind != OG_ATTACK_NONE) {
        if (a->kind == OG_ATTACK_PGD || !given) return OG_OK;
        return fail_in(root, block, given, err, "has no effect with kind fgsm");
    }
    if (!given && a->draws != 1) given = "draws";
    if (!given && a->epsilon != 0.3) given = "epsilon";
    if (!given) return OG_OK;
    return fail_in(root, block, given, err, "has no effect with kind none");
}

static og_status check_source(const struct og_config *c, const og_item *root,
                              struct og_error *err)
{
    const char *const block = "attack";
    if (!c->attack.transfer && c->attack.train_seed != 1000)
        return fail_in(root, block, "train_seed", err, "has no effect with source same");
    if (!kind_is_swept(root, block) && c->attack.how.kind == OG_ATTACK_NONE &&
        (c->attack.transfer || c->attack.ideal))
        return fail_in(root, block, c->attack.transfer ? "source" : "hardware", err,
                       "has no effect without an attack");
    if (!c->attack.transfer) return OG_OK;
    if (c->attack.train_seed == c->train.seed)
        return fail_in(root, block, "train_seed", err,
                       "is the seed of the network itself: another one is needed");
    if (c->train.epochs == 0)
        return fail_in(root, block, "source", err,
                       "transfer needs training: train.epochs is 0");
    return OG_OK;
}

og_status og_attack_check(const struct og_config *c, const og_item *root,
                          struct og_error *err)
{
    const struct og_attack_config *a = &c->attack.how, *t = &c->train.adversarial;
    const bool noisy = og_reads_differ(&c->hardware) && !c->attack.ideal;
    OG_TRY(check_how(a, "attack", root, err));
    OG_TRY(check_how(t, "train.adversarial", root, err));
    OG_TRY(check_source(c, root, err));
    if (a->draws > 1 && !noisy)
        return fail_in(root, "attack", "draws", err,
                       "would be the same gradient so many times: nothing that the "
                       "attack sees has noise per read");
    if (t->draws > 1 && !og_reads_differ(&c->train.hardware))
        return fail_in(root, "train.adversarial", "draws", err,
                       "would be the same gradient so many times: train.hardware has no "
                       "noise per read");
    return OG_OK;
}
