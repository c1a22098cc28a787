// SPDX-License-Identifier: GPL-3.0-or-later
#include "nn/fault_map.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nn/hdf5_list.h"

static og_status take(const struct og_hdf5_source *s, const char *name, og_array *array,
                      struct og_error *err)
{
    const struct og_hdf5_want want = {.name = name, .memory = H5T_NATIVE_INT8, .rank = 3};
    void *code = NULL;
    size_t dim[3];
    struct og_error own = {0};
    og_status status = og_hdf5_take(s, &want, &code, dim, err);
    if (status == OG_OK) {
        status = og_array_set_faults(array, code, dim, &own);
        if (status != OG_OK)
            og_fail(err, status, "%s: dataset '%s': %s", s->path, name, own.text);
    }
    og_free(code);
    return status;
}

og_status og_fault_map_take(const struct og_hardware *hw, const char *name,
                            og_array *array, struct og_error *err)
{
    struct og_hdf5_source s;
    char path[160];
    if (hw->fault_map.file[0] == '\0') return OG_OK;
    const char *group = hw->fault_map.group;
    const int length =
        snprintf(path, sizeof path, "%s%s%s", group, group[0] ? "/" : "", name);
    if ((size_t)length >= sizeof path)
        return og_fail(err, OG_INPUT, "hardware.fault_map.group: '%s' is too long",
                       group);
    for (char *c = path + length - strlen(name); *c; c++)
        if (*c == '/') *c = '.';
    og_status status = og_hdf5_open(&s, hw->fault_map.path, err);
    if (status == OG_OK) status = take(&s, path, array, err);
    og_hdf5_close(&s);
    return status;
}
