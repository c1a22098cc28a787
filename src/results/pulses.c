// SPDX-License-Identifier: GPL-3.0-or-later
// Trains of pulses as files.

#include <hdf5_hl.h>

#include "base/mem.h"
#include "ohmgrid/config.h"
#include "ohmgrid/pulsed.h"
#include "results/file.h"
#include "results/hdf.h"
#include "results/provenance.h"

static hid_t write_scale(struct og_hdf *h, hid_t group, const char *name, size_t n,
                         const char *text)
{
    const hsize_t rows = n;
    double *value = og_alloc(n, sizeof *value);
    if (value == NULL) h->status = og_fail_memory(h->err);
    for (size_t i = 0; value != NULL && i < n; i++) value[i] = (double)i;
    const struct og_hdf_array a = {name, 1, &rows, H5T_NATIVE_DOUBLE, value, "1", text};
    const hid_t set = value != NULL ? og_hdf_array(h, group, &a) : H5I_INVALID_HID;
    if (h->status == OG_OK) og_hdf_ok(h, H5DSset_scale(set, name), "make a scale");
    og_free(value);
    return set;
}

static void write_columns(struct og_hdf *h, hid_t group, const struct og_pulse_curves *c)
{
    const hsize_t rows = c->points, all[] = {c->devices, c->points};
    const struct og_hdf_array column[] = {
        {"mean", 1, &rows, H5T_NATIVE_DOUBLE, c->mean, "S", "mean conductance"},
        {"low", 1, &rows, H5T_NATIVE_DOUBLE, c->low, "S", "5 % quantile"},
        {"high", 1, &rows, H5T_NATIVE_DOUBLE, c->high, "S", "95 % quantile"},
        {"conductance", 2, all, H5T_NATIVE_FLOAT, c->g, "S", "conductance"},
    };
    const hid_t pulse = write_scale(h, group, "pulse", c->points, "pulses");
    const hid_t device = write_scale(h, group, "device", c->devices, "device");
    for (int i = 0; i < 4 && h->status == OG_OK; i++) {
        const unsigned last = (unsigned)column[i].rank - 1;
        const hid_t set = og_hdf_array(h, group, &column[i]);
        if (h->status == OG_OK)
            og_hdf_ok(h, H5DSattach_scale(set, pulse, last), "attach a scale");
        if (h->status == OG_OK && last > 0)
            og_hdf_ok(h, H5DSattach_scale(set, device, 0), "attach a scale");
        og_hdf_close(h, set);
    }
    og_hdf_close(h, pulse);
    og_hdf_close(h, device);
}

static void write_device(struct og_hdf *h, hid_t file, const struct og_device *d)
{
    struct og_hdf_print text;
    if (og_hdf_print(h, &text) != NULL) og_device_print(d, text.out);
    og_hdf_attr_printed(h, file, "device", &text);
}

og_status og_pulse_curves_write(const char *out, const struct og_device *device,
                                const struct og_pulse_train *train,
                                const struct og_pulse_curves *curves, const char *command,
                                struct og_error *err)
{
    const struct og_hdf_guard guard = og_hdf_silence();
    struct og_hdf h = {.path = out, .err = err};
    size_t size = 0;
    const hid_t file = og_hdf_create(&h);
    og_write_provenance(&h, file);
    og_hdf_attr_text(&h, file, "command", command != NULL ? command : "");
    og_hdf_attr_text(&h, file, "title", device->title);
    og_hdf_attr_u64(&h, file, "seed", train->seed);
    if (h.status == OG_OK) write_device(&h, file, device);
    const hid_t group = og_hdf_group(&h, file, "simulation");
    og_hdf_attr_text(&h, group, "model", "pulses");
    og_hdf_attr_u64(&h, group, "up", (uint64_t)train->up);
    og_hdf_attr_u64(&h, group, "down", (uint64_t)train->down);
    if (h.status == OG_OK) write_columns(&h, group, curves);
    og_hdf_close(&h, group);
    void *image = og_hdf_image(&h, file, &size);
    og_hdf_close(&h, file);
    if (h.status == OG_OK) h.status = og_file_replace(out, image, size, err);
    og_free(image);
    og_hdf_restore(guard);
    return h.status;
}
