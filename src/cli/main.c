// SPDX-License-Identifier: GPL-3.0-or-later
// The command table. Commands report their own errors and return the exit code.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gsl/gsl_errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cli.h"
#include "og_build.h"
#include "ohmgrid/cpu.h"

static const struct {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *help;
    bool guarded;  // reads files of others by HDF5, and writes none that could be half
} commands[] = {
    {"run", cli_run, "run an experiment file and write its results", false},
    {"attribute", cli_attribute, "tell what each effect and each layer costs", false},
    {"show", cli_show, "print the results as a table", true},
    {"plot", cli_plot, "draw the results as a figure", true},
    {"report", cli_report, "write the results as a page of HTML", true},
    {"diff", cli_diff, "compare two result files", true},
    {"compare", cli_compare, "tell what differs, with paired intervals", true},
    {"merge", cli_merge, "join the shards of an experiment", false},
    {"verify", cli_verify, "check files for damage", true},
    {"data", cli_data, "list the data sets and where they were found", false},
    {"device", cli_device, "list, show, simulate and fit devices", false},
    {"solve", cli_solve, "solve a crossbar whose wires have resistance", false},
    {"import", cli_import, "read a network from an ONNX file", false},
    {"infer", cli_infer, "compute an imported network, in float or on hardware", false},
    {"export", cli_export, "write the weights of a result or model for others", true},
    {"bench", cli_bench, "measure the kernels against other libraries", false},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *out)
{
    fprintf(out, "usage: ohmgrid COMMAND ...\n\nSimulates neural networks on memristor "
                 "crossbars.\n\ncommands:\n");
    for (int i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fprintf(out, "\n  --help     print this help; 'ohmgrid COMMAND --help' tells more\n"
                 "  --version  print version, instruction set and BLAS\n\n"
                 "exit codes: 0 done, 1 failed, 2 wrong usage or input, 130 and 143 "
                 "interrupted\n\n"
                 "examples:\n"
                 "  ohmgrid run sweep.yaml -o sweep.h5\n"
                 "  ohmgrid plot sweep.h5 -o sweep.png\n");
}

static void print_version(void)
{
    printf("ohmgrid %s\nkernels: %s\nBLAS core: %s%s\nthreads: %d\n", OG_VERSION,
           og_cpu_fixed() ? "fixed" : og_isa_name(og_cpu_isa()), og_blas_core(),
           og_blas_is_openblas() ? "" : " (not OpenBLAS: slow)", og_threads());
}

// --- what HDF5 crashes on --------------------------------------------------------------

static volatile pid_t guarded;

static void pass_on(int signal) { kill(guarded, signal); }

// HDF5 1.10 may crash on a damaged file that it came back from in a process before
// (base/hdf5_probe.h), as its memory has it: then there is a sentence, too. True: this is
// the process that does the work; else its exit code is in *code.
static bool guard(const char *name, int *code)
{
    static const int quiet[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT};
    enum { PASSED_ON = 3, QUIET = sizeof quiet / sizeof *quiet };
    int status = 0;
    signal(SIGCHLD, SIG_DFL);  // ignored, it would leave nothing to wait for
    fflush(NULL);
    guarded = fork();
    if (guarded == 0) prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (guarded <= 0) return true;
    for (int i = 0; i < PASSED_ON; i++) signal(quiet[i], pass_on);
    while (waitpid(guarded, &status, 0) < 0 && errno == EINTR)
        ;
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : CLI_FAILED;
    if (!WIFSIGNALED(status)) return false;
    const int number = WTERMSIG(status);
    for (int i = 0; i < QUIET; i++)
        if (number == quiet[i]) *code = 128 + number;
    if (*code == CLI_FAILED)
        fprintf(stderr, "ohmgrid %s: ended by a signal (%s)%s\n", name, strsignal(number),
                number == SIGSEGV || number == SIGBUS || number == SIGABRT
                    ? "; most likely HDF5 crashed on a damaged file"
                    : "");
    return false;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_help(stdout);
        return CLI_DONE;
    }
    if (strcmp(name, "--version") == 0) {
        print_version();
        return CLI_DONE;
    }
    for (int i = 0; i < COMMANDS; i++) {
        int code;
        if (strcmp(commands[i].name, name) != 0) continue;
        if (commands[i].guarded && !guard(name, &code)) return code;
        return commands[i].main(argc - 2, argv + 2);
    }
    fprintf(stderr, "ohmgrid: unknown command '%s'; see 'ohmgrid --help'\n", name);
    return CLI_USAGE;
}

// A file opened while stdin, stdout or stderr is closed would take its number, and every
// message would go into it. Writing to what stands here instead fails as before.
static bool hold_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd) return false;
    return true;
}

int main(int argc, char **argv)
{
    if (!hold_streams()) return CLI_FAILED;
    gsl_set_error_handler_off();
    int code = dispatch(argc, argv);
    // A table that did not fit on the disk is no success.
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("ohmgrid: cannot write the output");
        if (code == CLI_DONE) code = CLI_FAILED;
    }
    return code;
}
