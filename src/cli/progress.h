// SPDX-License-Identifier: GPL-3.0-or-later
// How far a run is, on stderr: a bar that is redrawn on a terminal, else a line every ten
// seconds.
#ifndef OG_CLI_PROGRESS_H
#define OG_CLI_PROGRESS_H

#include "ohmgrid/run.h"

struct cli_progress {
    const char *command;  // "run"
    bool terminal, drawn;
    double printed;  // seconds into the run of the last print
};

struct cli_progress cli_progress_start(const char *command);
// For og_run_options.progress; `user` is the cli_progress.
void cli_progress_show(void *user, const struct og_progress *p);
// For og_run_options.announce.
void cli_progress_announce(void *user, const char *text);
// Takes the bar off the screen.
void cli_progress_end(struct cli_progress *p);

#endif
