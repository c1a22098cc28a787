# SPDX-License-Identifier: GPL-3.0-or-later
"""ohmgrid: neural networks on memristor crossbars, simulated.

    Hardware     an imagined hardware, from a dict, YAML or a file
    Array        one matrix on crossbar tiles: program, read
    Network      a network of ohmgrid's layers, on hardware, forward and backward
    solve, Wires crossbars whose wires have resistance
    normal, uniform, quantize   ohmgrid's random streams and converters
    run          an experiment: YAML -> HDF5;  open: its results as xarray
    import_onnx, infer          networks from ONNX files;  export: their weights
    ohmgrid.torch               PyTorch models whose layers are on hardware (import it)

Arrays are NumPy's, units SI. All calls release the GIL; results do not depend on the number
of threads. What fails raises OhmgridError, bad input InputError (a ValueError), with one
sentence that says what and where. docs/python.md has examples.
"""
from ._arrays import whole as _whole
from ._hardware import Hardware
from ._library import (FileError, InputError, NoMemoryError, OhmgridError, lib as _lib)
from ._network import Array, Matrix, Network
from ._noise import PURPOSES, normal, quantize, uniform
from ._run import State, export, import_onnx, infer, open_result as open, run
from ._wires import Solution, Wires, solve

__version__ = _lib.og_bind_release().decode()
__all__ = ["Array", "FileError", "Hardware", "InputError", "Matrix", "Network",
           "NoMemoryError", "OhmgridError", "PURPOSES", "Solution", "State", "Wires",
           "export", "import_onnx", "infer", "normal", "open", "quantize", "run", "set_threads",
           "solve", "threads", "uniform"]


def set_threads(n):
    """Threads of what is computed from now on; 0: all processors."""
    _lib.og_set_threads(_whole(n, "threads", 4096))


def threads():
    """Threads that are used now."""
    return _lib.og_threads()
