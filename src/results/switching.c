// SPDX-License-Identifier: GPL-3.0-or-later
// Simulated switching devices as files.
#include <string.h>

#include <hdf5_hl.h>

#include "base/mem.h"
#include "ohmgrid/switching.h"
#include "results/file.h"
#include "results/hdf.h"
#include "results/provenance.h"

// time [s] is the scale of all others.
static void write_columns(struct og_hdf *h, hid_t group, const struct og_switching *d,
                          const struct og_hysteresis *y)
{
    const char *units, *state = og_switching_state(d, &units);
    const hsize_t rows = y->n;
    const struct og_hdf_array column[] = {
        {"time", 1, &rows, H5T_NATIVE_DOUBLE, y->time, "s", "time"},
        {"voltage", 1, &rows, H5T_NATIVE_DOUBLE, y->voltage, "V", "voltage"},
        {"current", 1, &rows, H5T_NATIVE_DOUBLE, y->current, "A", "current"},
        {"state", 1, &rows, H5T_NATIVE_DOUBLE, y->state, units, state},
        {"temperature", 1, &rows, H5T_NATIVE_DOUBLE, y->temperature, "K", "temperature"},
    };
    hid_t time = H5I_INVALID_HID;
    for (int i = 0; i < 5 && h->status == OG_OK; i++) {
        if (column[i].data == NULL) continue;
        hid_t set = og_hdf_array(h, group, &column[i]);
        if (i == 0) {
            time = set;
            og_hdf_ok(h, H5DSset_scale(set, "time"), "make a scale");
            continue;
        }
        if (h->status == OG_OK)
            og_hdf_ok(h, H5DSattach_scale(set, time, 0), "attach a scale");
        og_hdf_close(h, set);
    }
    og_hdf_close(h, time);
}

// The device as YAML, with all that was set.
static void write_device(struct og_hdf *h, hid_t file, const struct og_switching *d)
{
    struct og_hdf_print text;
    if (og_hdf_print(h, &text) != NULL) og_switching_print(d, text.out);
    og_hdf_attr_printed(h, file, "device", &text);
}

static void *make_image(struct og_hdf *h, const struct og_switching *d,
                        const struct og_hysteresis *y, const char *source,
                        const char *command, size_t *size)
{
    hid_t file = og_hdf_create(h);
    og_write_provenance(h, file);
    og_hdf_attr_text(h, file, "command", command != NULL ? command : "");
    og_hdf_attr_text(h, file, "title", d->title);
    if (h->status == OG_OK) write_device(h, file, d);
    hid_t group = og_hdf_group(h, file, "simulation");
    og_hdf_attr_text(h, group, "model", og_switching_model_name(d->model));
    og_hdf_attr_real(h, group, "tolerance", d->drive.tolerance);
    og_hdf_attr_u64(h, group, "steps", y->steps);
    og_hdf_attr_u64(h, group, "evaluations", y->evaluations);
    if (source != NULL) og_hdf_attr_text(h, group, "waveform_file", source);
    if (h->status == OG_OK) write_columns(h, group, d, y);
    og_hdf_close(h, group);
    void *image = og_hdf_image(h, file, size);
    og_hdf_close(h, file);
    return image;
}

og_status og_hysteresis_write(const char *out, const struct og_switching *device,
                              const struct og_hysteresis *trace, const char *source,
                              const char *command, struct og_error *err)
{
    const struct og_hdf_guard guard = og_hdf_silence();
    struct og_hdf h = {.path = out, .err = err};
    size_t size = 0;
    void *image = make_image(&h, device, trace, source, command, &size);
    if (h.status == OG_OK) h.status = og_file_replace(out, image, size, err);
    og_free(image);
    og_hdf_restore(guard);
    return h.status;
}
