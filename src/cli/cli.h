// SPDX-License-Identifier: GPL-3.0-or-later
// What the commands share: options, errors, exit codes (0 done, 1 failed, 2 wrong usage
// or input, 130 and 143 interrupted).
#ifndef OG_CLI_H
#define OG_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ohmgrid/status.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_GO = -1 };
enum { CLI_LIST_MAX = 4096, CLI_POSITIONAL_MAX = 2 };

struct cli_list {
    const char *item[CLI_LIST_MAX];
    size_t n;
};

enum cli_kind {
    CLI_FLAG,  // bool
    CLI_TEXT,  // const char *
    CLI_INT,   // int in [min, max]
    CLI_SEED,  // struct cli_seed
    CLI_LIST,  // struct cli_list: may be given again and again
};
struct cli_seed {
    bool given;
    uint64_t value;
};

struct cli_option {
    const char *name;  // "--threads"
    char letter;       // 'o' for -o; 0: none
    enum cli_kind kind;
    void *target;
    const char *value, *help;  // "N", one sentence
    int min, max;
};

struct cli_command {
    const char *name, *usage, *purpose, *examples;
    const struct cli_option *option;             // ends with a NULL name
    const char *positional[CLI_POSITIONAL_MAX];  // names of the required ones
    int optional;                                // how many of them may be left out
    struct cli_list *rest;                       // takes all that follow, or NULL
    void (*keys)(void);                          // prints for --help=keys, or NULL
    const char *keys_help;                       // NULL: every key of an experiment file
};

// Fills the options' targets and argument[]. CLI_GO, or the exit code to leave with (help
// was printed, or the error has been reported).
int cli_parse(const struct cli_command *c, int argc, char **argv,
              const char *argument[CLI_POSITIONAL_MAX]);
// "ohmgrid run: sentence" on stderr and the exit code of the status.
int cli_fail(const char *command, const struct og_error *err);
// The same for wrong usage, with a hint at --help.
int cli_usage(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// "ohmgrid run: warning: sentence" on stderr, where a result has something to warn of
// (og_result_warning). Returns the exit code.
int cli_warn(const char *command, const char *result);

// The command line as it would be typed, for the record; free(). NULL: out of memory.
char *cli_command_text(const char *command, int argc, char **argv);

int cli_import(int argc, char **argv);
int cli_export(int argc, char **argv);
int cli_infer(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_attribute(int argc, char **argv);
int cli_show(int argc, char **argv);
int cli_plot(int argc, char **argv);
int cli_report(int argc, char **argv);
int cli_diff(int argc, char **argv);
int cli_compare(int argc, char **argv);
int cli_merge(int argc, char **argv);
int cli_verify(int argc, char **argv);
int cli_data(int argc, char **argv);
int cli_device(int argc, char **argv);
int cli_device_fit(int argc, char **argv);
int cli_device_simulate(int argc, char **argv);
int cli_solve(int argc, char **argv);
int cli_bench(int argc, char **argv);

#endif
