// SPDX-License-Identifier: GPL-3.0-or-later
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const double redraw_every = 0.1, line_every = 10;  // [s]

struct cli_progress cli_progress_start(const char *command)
{
    return (struct cli_progress){
        .command = command, .terminal = isatty(STDERR_FILENO) == 1, .printed = -1};
}

void cli_progress_announce(void *user, const char *text)
{
    const struct cli_progress *c = user;
    fprintf(stderr, "ohmgrid %s: %s\n", c->command, text);
}

static void clock_text(double seconds, char *text, size_t size)
{
    long s = (long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(text, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, size, "%ld:%02ld", s / 60, s % 60);
}

static int screen_width(void)
{
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col : 80;
}

static void bar(double fraction, char text[32])
{
    enum { CELLS = 20 };
    int full = (int)(fraction * CELLS);
    text[0] = '[';
    for (int i = 0; i < CELLS; i++) text[i + 1] = i < full ? '#' : ' ';
    strcpy(text + CELLS + 1, "] ");
}

void cli_progress_show(void *user, const struct og_progress *p)
{
    struct cli_progress *c = user;
    double every = c->terminal ? redraw_every : line_every;
    if (c->printed >= 0 && p->seconds - c->printed < every) return;
    // A short run needs no line in a log.
    if (!c->terminal && p->seconds < line_every) return;
    c->printed = p->seconds;
    char left[32] = "?", spent[32], cells[32] = "", line[512];
    double fraction = p->fraction < 0 ? 0 : p->fraction > 1 ? 1 : p->fraction;
    clock_text(p->seconds, spent, sizeof spent);
    if (p->seconds_left >= 0) clock_text(p->seconds_left, left, sizeof left);
    if (c->terminal) bar(fraction, cells);
    snprintf(line, sizeof line, "%s%3.0f %%  %s, %s left  %s  %s", cells, 100 * fraction,
             spent, left, p->stage, p->detail);
    if (c->terminal)
        fprintf(stderr, "\r\033[K%.*s", screen_width() - 1, line);
    else
        fprintf(stderr, "%s\n", line);
    fflush(stderr);
    c->drawn = true;
}

void cli_progress_end(struct cli_progress *p)
{
    if (p->terminal && p->drawn) fputs("\r\033[K", stderr);
}
