// SPDX-License-Identifier: GPL-3.0-or-later
#include "crossbar/assign.h"

#include <assert.h>
#include <math.h>
#include <string.h>

// Lines and places count from 1; 0 is nobody.
struct state {
    const double *cost;
    size_t n, m;
    double *line, *place;  // potentials: line[i] + place[j] <= cost[i][j]
    double *least;         // of each place, along the path so far
    size_t *owner, *from;  // of each place: who has it; the place before it on the path
    unsigned char *seen;
};

static size_t doubles(size_t n, size_t m) { return (n + 1) + 2 * (m + 1); }

size_t og_assign_bytes(size_t n, size_t m)
{
    return doubles(n, m) * sizeof(double) + (m + 1) * (2 * sizeof(size_t) + 1);
}

static struct state lay_out(const double *cost, size_t n, size_t m, void *work)
{
    struct state s = {.cost = cost, .n = n, .m = m};
    memset(work, 0, og_assign_bytes(n, m));
    s.line = work;
    s.place = s.line + n + 1;
    s.least = s.place + m + 1;
    s.owner = (size_t *)(s.least + m + 1);
    s.from = s.owner + m + 1;
    s.seen = (unsigned char *)(s.from + m + 1);
    return s;
}

// One place further along the shortest path; the place that is nearest.
static size_t extend(struct state *s, size_t at)
{
    const size_t i = s->owner[at];
    const double *cost = s->cost + (i - 1) * s->m;
    double delta = INFINITY;
    size_t next = 0;
    s->seen[at] = 1;
    for (size_t j = 1; j <= s->m; j++) {
        if (s->seen[j]) continue;
        const double reduced = cost[j - 1] - s->line[i] - s->place[j];
        if (reduced < s->least[j]) {
            s->least[j] = reduced;
            s->from[j] = at;
        }
        if (s->least[j] < delta) {
            delta = s->least[j];
            next = j;
        }
    }
    for (size_t j = 0; j <= s->m; j++) {
        if (s->seen[j]) {
            s->line[s->owner[j]] += delta;
            s->place[j] -= delta;
        } else {
            s->least[j] -= delta;
        }
    }
    return next;
}

static void add_line(struct state *s, size_t i)
{
    size_t at = 0;
    s->owner[0] = i;
    for (size_t j = 0; j <= s->m; j++) {
        s->least[j] = INFINITY;
        s->seen[j] = 0;
    }
    do at = extend(s, at);
    while (s->owner[at] != 0);
    while (at != 0) {
        const size_t before = s->from[at];
        s->owner[at] = s->owner[before];
        at = before;
    }
}

void og_assign(const double *cost, size_t n, size_t m, uint32_t *to, void *work)
{
    assert(n <= m);
    struct state s = lay_out(cost, n, m, work);
    double best = 0, stay = 0;
    for (size_t i = 1; i <= n; i++) add_line(&s, i);
    for (size_t j = 1; j <= m; j++)
        if (s.owner[j] != 0) to[s.owner[j] - 1] = (uint32_t)(j - 1);
    for (size_t i = 0; i < n; i++) {
        best += cost[i * m + to[i]];
        stay += cost[i * m + i];
    }
    for (size_t i = 0; stay <= best * (1 + 1e-12) && i < n; i++) to[i] = (uint32_t)i;
}
