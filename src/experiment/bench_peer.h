// SPDX-License-Identifier: GPL-3.0-or-later
// Another library in a process of its own, at the other end of a socket.
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

enum og_peer_script { OG_PEER_SCIPY, OG_PEER_PYTORCH };

// Starts $OHMGRID_PYTHON (default /usr/bin/python3) with an embedded script.
og_status og_peer_start(struct og_peer *p, enum og_peer_script which,
                        struct og_error *err);
// Accepts a peer of zeros.
void og_peer_stop(struct og_peer *p);
// All n bytes; false when the peer is gone.
bool og_peer_send(const struct og_peer *p, const void *data, size_t n);
bool og_peer_receive(const struct og_peer *p, void *data, size_t n);
// Asks for one more run: its seconds, NaN when the peer is gone.
double og_peer_seconds(const struct og_peer *p);

#endif
