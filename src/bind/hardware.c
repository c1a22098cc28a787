// SPDX-License-Identifier: GPL-3.0-or-later
#include "bind/hardware.h"

#include "base/mem.h"
#include "config/hardware_file.h"

og_status og_bind_hardware_parse(og_bind_hardware **hardware, const char *text,
                                 const char *name, const char *beside,
                                 struct og_error *err)
{
    const struct og_hardware_text what = {text, name, beside};
    og_bind_hardware *h = og_alloc(1, sizeof *h);
    *hardware = NULL;
    if (h == NULL) return og_fail(err, OG_NO_MEMORY, "out of memory");
    const og_status status = og_hardware_parse(&h->hardware, &h->tree, &what, err);
    if (status == OG_OK)
        *hardware = h;
    else
        og_bind_hardware_free(h);
    return status;
}

void og_bind_hardware_free(og_bind_hardware *hardware)
{
    if (hardware == NULL) return;
    og_item_free(hardware->tree);
    og_free(hardware);
}

const struct og_hardware *og_bind_hardware_get(const og_bind_hardware *hardware)
{
    return &hardware->hardware;
}

og_status og_bind_hardware_copy(struct og_bind_hardware *to, const og_bind_hardware *from,
                                struct og_error *err)
{
    to->hardware = from->hardware;
    to->hardware.layers = to->tree = og_item_copy(from->hardware.layers);
    if (from->hardware.layers != NULL && to->tree == NULL)
        return og_fail(err, OG_NO_MEMORY, "out of memory");
    return OG_OK;
}
