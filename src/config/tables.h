// SPDX-License-Identifier: GPL-3.0-or-later
// The field tables of an experiment, and what no single row can check.
#ifndef OG_CONFIG_TABLES_H
#define OG_CONFIG_TABLES_H

#include "config/fields.h"
#include "config/iv.h"

extern const struct og_field og_device_fields[];        // of struct og_device
extern const struct og_field og_drift_fields[];         // of struct og_device
extern const struct og_field og_flicker_fields[];       // of struct og_device
extern const struct og_field og_pulse_fields[];         // of struct og_device
extern const struct og_field og_fault_fields[];         // of struct og_device
extern const struct og_field og_program_fields[];       // of struct og_hardware
extern const struct og_field og_fault_map_fields[];     // of struct og_hardware
extern const struct og_field og_compensation_fields[];  // of struct og_hardware
extern const struct og_field og_retention_fields[];     // of struct og_device
extern const struct og_field og_disturb_fields[];       // of struct og_device
extern const struct og_field og_iv_fields[];            // of struct og_iv
extern const struct og_field og_rtn_fields[];           // of struct og_device
extern const struct og_field og_thermal_fields[];       // of struct og_hardware
extern const struct og_field og_technology_fields[];    // of struct og_technology
extern const struct og_field og_wiring_fields[];        // of struct og_wiring
extern const struct og_field og_hardware_fields[];      // of struct og_hardware
extern const struct og_field og_adversarial_fields[];   // of struct og_attack_config
extern const struct og_field og_attack_fields[];        // of struct og_raw_config
extern const struct og_field og_root_fields[];          // of struct og_raw_config

// An experiment as its table sees it: og_config, and what still has to be resolved.
struct og_raw_config {
    struct og_config config;
    const og_item *train_hardware;     // ideal, same, nominal or a block
    const og_item *compress_hardware;  // the same
    const og_item *sweep;
    const og_item *weights_rename;
};

extern const struct og_field og_input_fields[], og_dac_fields[], og_integrator_fields[],
    og_adc_fields[];  // of struct og_hardware

// Fails about `path` below `map`, at the deepest key on it that was given.
__attribute__((format(printf, 4, 5))) og_status og_fail_at(const og_item *map,
                                                           const char *path,
                                                           struct og_error *err,
                                                           const char *format, ...);
// The same about a key of a point, whose configuration has been found good.
__attribute__((format(printf, 5, 6))) og_status og_experiment_fail(
    const og_experiment *e, size_t point, const char *path, struct og_error *err,
    const char *format, ...);
// Relations between keys. `map` is what errors point into; NULL: nothing was given.
og_status og_device_check(const struct og_device *d, const og_item *map,
                          struct og_error *err);
// What time does (checks_time.c). Whether a law gives anything but zero.
bool og_law_is_on(const struct og_law *l);
og_status og_time_check(const struct og_hardware *h, const og_item *map,
                        struct og_error *err);
// What cells that are not ohmic exclude.
og_status og_iv_use_check(const struct og_hardware *h, const og_item *map,
                          struct og_error *err);
og_status og_wiring_check(const struct og_hardware *h, const og_item *map,
                          struct og_error *err);
og_status og_pulse_check(const struct og_device *d, const og_item *map,
                         struct og_error *err);
og_status og_faults_check(const struct og_device *d, const og_item *map,
                          struct og_error *err);
og_status og_program_check(const struct og_hardware *h, const og_item *map,
                           struct og_error *err);
og_status og_variant_check(const struct og_hardware *h, const og_item *map,
                           struct og_error *err);
// Switches off what the variant leaves out, of a layer, or (NULL) of the whole.
void og_variant_apply(struct og_hardware *h, const char *layer);
bool og_variant_is_of_layer(const struct og_hardware *h);
og_status og_hardware_layers_check(const struct og_hardware *base, struct og_error *err);
og_status og_converters_check(const struct og_hardware *h, const og_item *map,
                              struct og_error *err);
og_status og_hardware_check(const struct og_hardware *h, const og_item *map,
                            struct og_error *err);
og_status og_speech_check(const struct og_speech *s, const og_item *data,
                          struct og_error *err);
// Whether two reads of the same chip may differ.
bool og_reads_differ(const struct og_hardware *h);
// Whether the key is an axis: then what goes with it needs an effect at one point only.
bool og_is_swept(const og_item *root, const char *key);
og_status og_attack_check(const struct og_config *c, const og_item *root,
                          struct og_error *err);
og_status og_config_check(const struct og_config *c, const og_item *root,
                          struct og_error *err);

#endif
