// SPDX-License-Identifier: GPL-3.0-or-later
#include "experiment/bench_peer.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

extern char **environ;

// Their lines.
static const char *const scipy[] = {
#include "experiment/bench_scipy.inc"
    NULL};
static const char *const pytorch[] = {
#include "experiment/bench_pytorch.inc"
    NULL};
static const char *const *const scripts[] = {
    [OG_PEER_SCIPY] = scipy, [OG_PEER_PYTORCH] = pytorch};

// To be freed; NULL without memory.
static char *joined(const char *const *line)
{
    size_t n = 1;
    for (size_t i = 0; line[i] != NULL; i++) n += strlen(line[i]);
    char *text = og_alloc(n, 1), *at = text;
    if (text == NULL) return NULL;
    *at = '\0';
    for (size_t i = 0; line[i] != NULL; i++) at = stpcpy(at, line[i]);
    return text;
}

static const char *python(void)
{
    const char *name = getenv("OHMGRID_PYTHON");
    return name != NULL && name[0] != '\0' ? name : "/usr/bin/python3";
}

// The child has `end` as its stdin and stdout.
static int spawn(struct og_peer *p, const char *const *script, int end)
{
    posix_spawn_file_actions_t actions;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed != 0) return failed;
    char name[] = "python3", code[] = "-c";
    char *text = joined(script), *argv[] = {name, code, text, NULL};
    failed = text == NULL ? ENOMEM : 0;
    if (failed == 0) failed = posix_spawn_file_actions_adddup2(&actions, end, 0);
    if (failed == 0) failed = posix_spawn_file_actions_adddup2(&actions, end, 1);
    if (failed == 0)
        failed = posix_spawnp(&p->pid, python(), &actions, NULL, argv, environ);
    og_free(text);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

og_status og_peer_start(struct og_peer *p, enum og_peer_script which,
                        struct og_error *err)
{
    int ends[2];
    *p = (struct og_peer){0};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return og_fail(err, OG_FAILED, "bench: cannot make a socket: %s",
                       strerror(errno));
    const int failed = spawn(p, scripts[which], ends[1]);
    close(ends[1]);
    if (failed == 0) {
        p->socket = ends[0];
        return OG_OK;
    }
    close(ends[0]);
    *p = (struct og_peer){0};
    return og_fail(err, OG_USAGE, "bench: cannot start %s: %s; set OHMGRID_PYTHON",
                   python(), strerror(failed));
}

// The end of the socket ends the script.
void og_peer_stop(struct og_peer *p)
{
    if (p->pid == 0) return;
    close(p->socket);
    int status;
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR) continue;
    *p = (struct og_peer){0};
}

bool og_peer_send(const struct og_peer *p, const void *data, size_t n)
{
    const char *at = data;
    while (n > 0) {
        const ssize_t k = send(p->socket, at, n, MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        at += k;
        n -= (size_t)k;
    }
    return true;
}

bool og_peer_receive(const struct og_peer *p, void *data, size_t n)
{
    char *at = data;
    while (n > 0) {
        const ssize_t k = recv(p->socket, at, n, 0);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        at += k;
        n -= (size_t)k;
    }
    return true;
}

double og_peer_seconds(const struct og_peer *p)
{
    double seconds;
    return og_peer_send(p, "run\n", 4) && og_peer_receive(p, &seconds, sizeof seconds)
               ? seconds
               : NAN;
}
