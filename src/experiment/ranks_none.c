// SPDX-License-Identifier: GPL-3.0-or-later
// A build without MPI: one process.
#include <assert.h>
#include <stdlib.h>

#include "experiment/ranks.h"

og_status og_ranks_start(int *number, struct og_error *err)
{
    const char *size = getenv("OMPI_COMM_WORLD_SIZE");
    *number = 0;
    if (!size) size = getenv("PMI_SIZE");
    if (!size || atoi(size) <= 1) return OG_OK;
    return og_fail(
        err, OG_USAGE,
        "started as one of %s processes, but built without MPI: configure with "
        "-Dmpi=enabled (needs libopenmpi-dev)",
        size);
}

void og_ranks_end(void) {}

int og_ranks(void) { return 1; }

int og_rank(void) { return 0; }

void og_rank_send(int to, const struct og_message *m, const void *payload)
{
    (void)to, (void)m, (void)payload;
    assert(!"one process sends nothing");
}

bool og_rank_receive(int *from, struct og_message *m, void **payload, og_status *status)
{
    (void)from, (void)m, (void)payload, (void)status;
    return false;
}

void og_rank_give_up(void) {}

void og_rank_wait(void) {}
