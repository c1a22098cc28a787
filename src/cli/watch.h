// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef OG_CLI_WATCH_H
#define OG_CLI_WATCH_H

// Prints how far the run that writes OUT.h5 is until it ends; then its result. The exit
// code: 1 where its process is gone before the end.
int cli_watch(const char *out, const char *data);

#endif
