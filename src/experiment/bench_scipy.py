# SPDX-License-Identifier: GPL-3.0-or-later
# The peer of "ohmgrid bench --against scipy": solves a crossbar by spsolve. stdin: per
# circuit one line "N r_ohm transfer(0|1)", N * N conductances and N voltages as doubles;
# answered by N currents (transfer: N * N transfer conductances). Then "run" is answered
# by the CPU seconds of one spsolve, "end" ends. Filling the matrix is not measured.
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"
import sys
import time

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.linalg import spsolve


def fill(g, r):
    """Kirchhoff's laws of the word-line nodes, then of the bit-line nodes."""
    n = g.shape[0]
    unit = 1.0 / r
    line = np.full(n, 2.0 * unit)
    word = sparse.diags([line, -unit, -unit], [0, 1, -1], shape=(n, n)).tolil()
    bit = word.copy()
    word[n - 1, n - 1] = unit  # right end open; the source lies left
    bit[0, 0] = unit  # upper end open; the amplifier lies below
    eye = sparse.identity(n)
    cells = sparse.diags(g.ravel())
    return sparse.bmat(
        [[sparse.kron(eye, word) + cells, -cells], [-cells, sparse.kron(bit, eye) + cells]]
    ).tocsc()


def sources(v, n, r):
    """Currents of the sources for the columns of v."""
    b = np.zeros((2 * n * n, v.shape[1]))
    b[: n * n : n] = v / r
    return b


def read_doubles(stream, count):
    return np.frombuffer(stream.read(8 * count), dtype=np.float64)


def main():
    read, write = sys.stdin.buffer, sys.stdout.buffer
    matrix = right = None
    for line in iter(read.readline, b""):
        words = line.split()
        if words == [b"end"]:
            break
        if words != [b"run"]:
            n, r, transfer = int(words[0]), float(words[1]), words[2] == b"1"
            g = read_doubles(read, n * n).reshape(n, n)
            v = read_doubles(read, n)
            matrix = fill(g, r)
            right = sources(np.eye(n), n, r) if transfer else sources(v[:, None], n, r)[:, 0]
            x = spsolve(matrix, right)
            currents = x[-n:].T / r
            write.write(np.ascontiguousarray(currents, dtype=np.float64).tobytes())
        else:
            start = time.thread_time()
            spsolve(matrix, right)
            write.write(np.float64(time.thread_time() - start).tobytes())
        write.flush()


main()
