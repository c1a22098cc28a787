// SPDX-License-Identifier: GPL-3.0-or-later
// SciPy in a process of its own, at the other end of a socket.
#ifndef OG_EXPERIMENT_BENCH_PEER_H
#define OG_EXPERIMENT_BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ohmgrid/status.h"

struct og_peer {
    pid_t pid;
    int socket;
};

// Starts $OHMGRID_PYTHON (default /usr/bin/python3) with the embedded script.
og_status og_peer_start(struct og_peer *p, struct og_error *err);
// Accepts a peer of zeros.
void og_peer_stop(struct og_peer *p);
// All n bytes; false when the peer is gone.
bool og_peer_send(const struct og_peer *p, const void *data, size_t n);
bool og_peer_receive(const struct og_peer *p, void *data, size_t n);

#endif
