// SPDX-License-Identifier: GPL-3.0-or-later
#include "results/provenance.h"

#include <stdlib.h>
#include <time.h>

#include "og_build.h"
#include "results/layout.h"
#include "results/revision.h"

// ISO 8601, UTC. SOURCE_DATE_EPOCH (reproducible-builds.org) fixes it.
static void now_text(char text[32])
{
    const char *fixed = getenv("SOURCE_DATE_EPOCH");
    time_t now = fixed != NULL ? (time_t)strtoll(fixed, NULL, 10) : time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void og_write_provenance(struct og_hdf *h, hid_t file)
{
    char created[32];
    now_text(created);
    og_hdf_attr_text(h, file, "ohmgrid_version", OG_VERSION);
    og_hdf_attr_u64(h, file, "schema_version", OG_RESULT_SCHEMA);
    og_hdf_attr_text(h, file, "revision", og_revision);
    og_hdf_attr_text(h, file, "created", created);
}
