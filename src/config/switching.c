// SPDX-License-Identifier: GPL-3.0-or-later
// Files of switching devices.
#include <math.h>
#include <string.h>

#include "base/elementary.h"
#include "base/mem.h"
#include "config/search.h"
#include "config/tables_switching.h"

static const struct og_field *const parameter_fields[OG_SWITCHING_KINDS] = {
    og_vteam_fields,        og_ion_drift_fields,   og_yakopcic_fields,
    og_stanford_pku_fields, og_data_driven_fields, og_jart_v1b_fields,
};

// --- relations between keys
// --------------------------------------------------------------

// `low` and `high` are keys: the value of one has to be below that of the other.
struct pair {
    const char *low, *high;
    double value[2];
};

static og_status check_order(const og_item *map, const struct pair *pairs, size_t n,
                             struct og_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!(pairs[i].value[0] < pairs[i].value[1]))
            return og_item_fail(og_item_get(map, pairs[i].low), err,
                                "%g is not below %s = %g", pairs[i].value[0],
                                pairs[i].high, pairs[i].value[1]);
    return OG_OK;
}

static og_status check_start(const og_item *map, const char *key, double low, double high,
                             double start, struct og_error *err)
{
    if (start >= low && start <= high) return OG_OK;
    return og_item_fail(og_item_get(map, key), err,
                        "%g is outside the device's limits (%g .. %g)", start, low, high);
}

// A key without effect.
static og_status check_idle(const og_item *map, const char *key, bool has_effect,
                            const char *needs, struct og_error *err)
{
    const og_item *item = og_item_get(map, key);
    if (has_effect || item == NULL) return OG_OK;
    return og_item_fail(item, err, "has no effect: it needs %s", needs);
}

static og_status check_vteam(const struct og_vteam *p, const og_item *map,
                             struct og_error *err)
{
    const struct pair order[] = {{"r_on", "r_off", {p->r_on, p->r_off}}};
    OG_TRY(check_order(map, order, 1, err));
    return check_start(map, "x_0", 0, p->d, p->x_0, err);
}

static og_status check_ion_drift(const struct og_ion_drift *p, const og_item *map,
                                 struct og_error *err)
{
    const struct pair order[] = {{"r_on", "r_off", {p->r_on, p->r_off}}};
    OG_TRY(check_order(map, order, 1, err));
    OG_TRY(check_idle(map, "p", p->window != OG_WINDOW_NONE, "a window", err));
    return check_idle(map, "j", p->window == OG_PRODROMAKIS, "window prodromakis", err);
}

static og_status check_yakopcic(const struct og_yakopcic *p, const og_item *map,
                                struct og_error *err)
{
    if (p->eta != 0) return OG_OK;
    return og_item_fail(og_item_get(map, "eta"), err, "is 0, expected 1 or -1");
}

double og_stanford_gap(const struct og_stanford_pku *p, double r)
{
    return p->g_0 * og_log(p->i_0 * og_sinh(p->v_read / p->v_0) * r / p->v_read);
}

static og_status check_stanford_pku(const struct og_stanford_pku *p, const og_item *map,
                                    struct og_error *err)
{
    const struct pair order[] = {{"r_on", "r_off", {p->r_on, p->r_off}}};
    OG_TRY(check_order(map, order, 1, err));
    const double low = og_stanford_gap(p, p->r_on), high = og_stanford_gap(p, p->r_off);
    if (!(low >= 0))
        return og_item_fail(og_item_get(map, "r_on"), err,
                            "%g ohm is less than the resistance without a gap", p->r_on);
    return check_start(map, "gap_0", low, high, p->gap_0, err);
}

static og_status check_data_driven(const struct og_data_driven *p, const og_item *map,
                                   struct og_error *err)
{
    const struct pair order[] = {{"r_on", "r_off", {p->r_on, p->r_off}}};
    const char *const scales[] = {"t_p", "t_n"};
    const double value[] = {p->t_p, p->t_n};
    OG_TRY(check_order(map, order, 1, err));
    for (int i = 0; i < 2; i++)
        if (value[i] == 0)
            return og_item_fail(og_item_get(map, scales[i]), err,
                                "is 0 V, but voltages are divided by it");
    return check_start(map, "r_0", p->r_on, p->r_off, p->r_0, err);
}

static og_status check_jart_v1b(const struct og_jart_v1b *p, const og_item *map,
                                struct og_error *err)
{
    const struct pair order[] = {{"n_min", "n_max", {p->n_min, p->n_max}},
                                 {"phi_n", "phi_bn0", {p->phi_n, p->phi_bn0}},
                                 {"l_det", "l_cell", {p->l_det, p->l_cell}}};
    OG_TRY(check_order(map, order, 3, err));
    return check_start(map, "n_0", p->n_min, p->n_max, p->n_0, err);
}

static og_status check_model(const struct og_switching *d, const og_item *map,
                             struct og_error *err)
{
    switch (d->model) {
    case OG_VTEAM:
        return check_vteam(&d->u.vteam, map, err);
    case OG_ION_DRIFT:
        return check_ion_drift(&d->u.ion_drift, map, err);
    case OG_YAKOPCIC:
        return check_yakopcic(&d->u.yakopcic, map, err);
    case OG_STANFORD_PKU:
        return check_stanford_pku(&d->u.stanford_pku, map, err);
    case OG_DATA_DRIVEN:
        return check_data_driven(&d->u.data_driven, map, err);
    default:
        return check_jart_v1b(&d->u.jart_v1b, map, err);
    }
}

// --- reading
// -----------------------------------------------------------------------------

static og_status bind(const og_item *tree, struct og_switching *device,
                      struct og_error *err)
{
    struct og_raw_switching raw = {0};
    OG_TRY(og_fields_bind(og_switching_fields, tree, &raw, err));
    OG_TRY(og_fields_bind(parameter_fields[raw.device.model], raw.parameters,
                          &raw.device.u, err));
    OG_TRY(check_model(&raw.device, raw.parameters, err));
    if (raw.device.name[0] == '\0')
        return og_item_fail(og_item_get(tree, "name"), err, "is empty");
    if (raw.device.drive.amplitude == 0 && raw.device.drive.amplitude_negative == 0)
        return og_item_fail(og_item_get(tree, "drive"), err,
                            "both amplitudes are 0 V: nothing would happen");
    *device = raw.device;
    return OG_OK;
}

static og_status check_file(og_item *tree, struct og_error *err)
{
    struct og_switching device;
    return bind(tree, &device, err);
}

static const struct og_file_kind file_kind = {"switching", "device_models/switching",
                                              "switching device", og_switching_fields,
                                              check_file};

// "r_on" is that of the parameters; "drive.cycles" and "title" stand where they are.
static void full_key(const char *set, size_t length, char path[OG_ITEM_PATH])
{
    const bool nested = memchr(set, '.', length) != NULL;
    const struct og_field *f = og_switching_fields;
    while (f->key != NULL &&
           (strlen(f->key) != length || memcmp(f->key, set, length) != 0))
        f++;
    snprintf(path, OG_ITEM_PATH, "%s%.*s", nested || f->key ? "" : "parameters.",
             (int)length, set);
}

static og_status apply(og_item *tree, const char *set, struct og_error *err)
{
    char name[OG_ITEM_PATH], path[OG_ITEM_PATH];
    const char *equals = strchr(set, '=');
    snprintf(name, sizeof name, "--set %s", set);
    if (equals == NULL || equals == set || equals - set > OG_ITEM_PATH / 2 ||
        equals[1] == '\0')
        return og_fail(err, OG_USAGE, "%s: want key=value, for instance r_on=100", name);
    full_key(set, (size_t)(equals - set), path);
    og_item *value;
    OG_TRY(og_item_parse(&value, name, equals + 1, err));
    value->line = 0;
    og_status status = og_item_set(tree, path, value, err);
    og_item_free(value);
    return status;
}

// Another window set over that of the file leaves the file's keys of the old one behind.
static void drop_idle(og_item *tree)
{
    og_item *map = (og_item *)og_item_get(tree, "parameters");
    const og_item *window = og_item_find(tree, "parameters.window", false);
    const char *const key[] = {"p", "j"};
    if (window == NULL || window->line > 0) return;
    const bool idle[] = {og_item_is_text(window, "none"),
                         !og_item_is_text(window, "prodromakis")};
    for (int i = 0; i < 2; i++) {
        const og_item *old = og_item_get(map, key[i]);
        if (idle[i] && old != NULL && old->line > 0) og_item_remove(map, key[i]);
    }
}

og_status og_switching_read(struct og_switching *device, const char *name,
                            const char *const *set, size_t sets, struct og_error *err)
{
    og_item *tree;
    memset(device, 0, sizeof *device);
    OG_TRY(og_file_find(&tree, &file_kind, name, NULL, NULL, err));
    og_status status = OG_OK;
    for (size_t i = 0; i < sets && status == OG_OK; i++)
        status = apply(tree, set[i], err);
    if (status == OG_OK) {
        drop_idle(tree);
        status = bind(tree, device, err);
    }
    og_item_free(tree);
    return status;
}

char **og_switching_names(size_t *n) { return og_file_names(&file_kind, n); }

static og_status has_model(og_item *tree, struct og_error *err)
{
    const bool has = tree->kind == OG_ITEM_MAP && og_item_get(tree, "model") != NULL;
    return has ? OG_OK : og_item_fail(tree, err, "names no model");
}

bool og_switching_is(const char *name)
{
    struct og_file_kind any = file_kind;
    og_item *tree;
    any.check = has_model;
    if (og_file_find(&tree, &any, name, NULL, NULL, NULL) != OG_OK) return false;
    og_item_free(tree);
    return true;
}

void og_switching_print_keys(FILE *out)
{
    og_fields_help(og_switching_fields, "", OG_STAGE_DATA, out);
    for (int k = 0; k < OG_SWITCHING_KINDS; k++) {
        fprintf(out, "\nmodel %s:\n", og_switching_model_name((enum og_switching_kind)k));
        og_fields_help(parameter_fields[k], "parameters", OG_STAGE_DATA, out);
    }
}

const char *og_switching_model_name(enum og_switching_kind model)
{
    static const char *const names[] = {"vteam",        "ion_drift",   "yakopcic",
                                        "stanford_pku", "data_driven", "jart_v1b"};
    return names[model];
}

// Keys without effect are refused where they are given, so they are not printed.
static bool is_idle(const struct og_switching *d, const char *key)
{
    if (d->model != OG_ION_DRIFT) return false;
    const enum og_window window = d->u.ion_drift.window;
    return (strcmp(key, "p") == 0 && window == OG_WINDOW_NONE) ||
           (strcmp(key, "j") == 0 && window != OG_PRODROMAKIS);
}

void og_switching_print(const struct og_switching *device, FILE *out)
{
    const struct og_raw_switching raw = {.device = *device};
    og_fields_print(og_switching_fields, &raw, out, 0);
    fputs("parameters:\n", out);
    for (const struct og_field *f = parameter_fields[device->model]; f->key != NULL;
         f++) {
        const struct og_field one[] = {*f, {.key = NULL}};
        if (!is_idle(device, f->key)) og_fields_print(one, &device->u, out, 1);
    }
}
