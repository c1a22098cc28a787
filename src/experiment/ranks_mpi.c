// SPDX-License-Identifier: GPL-3.0-or-later
// Messages by MPI. One thread sends and receives. An error in MPI ends all ranks, as is
// its default; the journal of rank 0 then holds what was finished.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mpi.h>

#include "base/mem.h"
#include "experiment/ranks.h"

enum { TAG_MESSAGE = 1, TAG_PAYLOAD = 2, CHUNK = 1 << 28 };

static int ranks = 1, rank;
static bool given_up;

// MPI_Init outside of a launcher would look for one, and slowly.
static bool launched(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK",
                                        "PMIX_RANK"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i])) return true;
    return false;
}

og_status og_ranks_start(int *number, struct og_error *err)
{
    int initialised = 0, provided;
    *number = 0;
    if (!launched()) return OG_OK;
    MPI_Initialized(&initialised);
    if (!initialised &&
        MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
        return og_fail(err, OG_FAILED, "MPI cannot be started");
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    *number = rank;
    return OG_OK;
}

void og_ranks_end(void)
{
    int initialised = 0, finalised = 0;
    MPI_Initialized(&initialised);
    MPI_Finalized(&finalised);
    if (initialised && !finalised && given_up) MPI_Abort(MPI_COMM_WORLD, 1);
    if (initialised && !finalised) MPI_Finalize();
    ranks = 1;
}

int og_ranks(void) { return ranks; }

int og_rank(void) { return rank; }

void og_rank_send(int to, const struct og_message *m, const void *payload)
{
    const char *at = payload;
    MPI_Send(m, sizeof *m, MPI_BYTE, to, TAG_MESSAGE, MPI_COMM_WORLD);
    for (uint64_t left = m->size; left > 0;) {
        const int n = left < CHUNK ? (int)left : CHUNK;
        MPI_Send(at, n, MPI_BYTE, to, TAG_PAYLOAD, MPI_COMM_WORLD);
        at += n;
        left -= (uint64_t)n;
    }
}

// What there is no memory for is received in pieces and thrown away, so that the next
// message is understood.
static void discard(int from, uint64_t left)
{
    static char piece[1 << 12];
    while (left > 0) {
        MPI_Message message;
        MPI_Status status;
        const int n = left < CHUNK ? (int)left : CHUNK;
        MPI_Mprobe(from, TAG_PAYLOAD, MPI_COMM_WORLD, &message, &status);
        // Cut off by MPI: of no interest.
        MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
        MPI_Mrecv(piece, sizeof piece, MPI_BYTE, &message, &status);
        MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_ARE_FATAL);
        left -= (uint64_t)n;
    }
}

bool og_rank_receive(int *from, struct og_message *m, void **payload, og_status *status)
{
    int there = 0;
    MPI_Status s;
    *payload = NULL;
    *status = OG_OK;
    MPI_Iprobe(MPI_ANY_SOURCE, TAG_MESSAGE, MPI_COMM_WORLD, &there, &s);
    if (!there) return false;
    *from = s.MPI_SOURCE;
    MPI_Recv(m, sizeof *m, MPI_BYTE, *from, TAG_MESSAGE, MPI_COMM_WORLD, &s);
    if (m->size == 0) return true;
    char *at = *payload = og_alloc(m->size, 1);
    if (!at) {
        *status = OG_NO_MEMORY;
        discard(*from, m->size);
        return true;
    }
    for (uint64_t left = m->size; left > 0;) {
        const int n = left < CHUNK ? (int)left : CHUNK;
        MPI_Recv(at, n, MPI_BYTE, *from, TAG_PAYLOAD, MPI_COMM_WORLD, &s);
        at += n;
        left -= (uint64_t)n;
    }
    return true;
}

void og_rank_give_up(void) { given_up = true; }

void og_rank_wait(void)
{
    // MPI would spin; this leaves the core to a worker.
    const struct timespec pause = {.tv_nsec = 200000};
    nanosleep(&pause, NULL);
}
