# SPDX-License-Identifier: GPL-3.0-or-later
"""libohmgrid by ctypes: where it is, its prototypes, its errors as exceptions.

Every call releases the GIL. No C struct is mirrored but the error (a status and a text),
whose size is compared at import; so is the version of the entry points.
"""
import ctypes
import os
from ctypes import POINTER, byref, c_bool, c_char, c_char_p, c_double, c_float, c_int
from ctypes import c_size_t, c_uint, c_uint32, c_uint64, c_void_p

VERSION = 3  # OG_BIND_VERSION
SONAME = "libohmgrid.so.0"


class OhmgridError(RuntimeError):
    """What the library could not do, in its own sentence. `status`: its name for it."""

    status = "failed"


class InputError(OhmgridError, ValueError):
    """Bad input: the sentence names file, line, key, value and what is allowed."""


class FileError(OhmgridError, OSError):
    """Reading or writing failed."""


class NoMemoryError(OhmgridError, MemoryError):
    """Out of memory."""


class Error(ctypes.Structure):
    _fields_ = [("status", c_int), ("text", c_char * 1024)]


def _places():
    """Where the library may be: $OHMGRID_LIBRARY alone if it is set; where meson has put it;
    where the loader looks."""
    chosen = os.environ.get("OHMGRID_LIBRARY")
    if chosen:
        return [chosen]
    try:
        from ._place import LIBDIR  # written by `meson install`
    except ImportError:
        return [SONAME]
    return [os.path.join(LIBDIR, SONAME), SONAME]


def _load():
    failures = []
    for place in _places():
        try:
            return ctypes.CDLL(place)
        except OSError as error:
            failures.append(str(error))
    raise ImportError("ohmgrid: its library is not found (" + "; ".join(failures)
                      + "); set OHMGRID_LIBRARY to the path of " + SONAME)


lib = _load()
floats = POINTER(c_float)
doubles = POINTER(c_double)
sizes = POINTER(c_size_t)
words = POINTER(c_uint32)
Progress = ctypes.CFUNCTYPE(None, c_char_p, c_char_p, c_double, c_double, c_double)

# name: result, arguments; "err" stands for the struct og_error of a call that returns a
# status and raises.
_ERR = POINTER(Error)
_FALLIBLE = {
    "og_bind_hardware_parse": [POINTER(c_void_p), c_char_p, c_char_p, c_char_p],
    "og_bind_wires": [POINTER(c_void_p), c_size_t, c_size_t, doubles, c_uint],
    "og_wires_load": [c_void_p, doubles],
    "og_bind_wires_read": [c_void_p, c_char_p, doubles, doubles, c_size_t, doubles, doubles,
                           POINTER(c_char_p)],
    "og_bind_wires_transfer": [c_void_p, c_char_p, doubles, doubles, POINTER(c_char_p)],
    "og_wires_voltages": [c_void_p, doubles, doubles, doubles],
    "og_wires_gradient": [c_void_p, doubles, doubles, doubles, doubles],
    "og_bind_experiment": [POINTER(c_void_p), c_char_p, POINTER(c_char_p), c_size_t,
                           c_char_p],
    "og_bind_run": [c_void_p, c_char_p, c_char_p, c_char_p, c_int, c_int, Progress,
                    POINTER(c_int)],
    "og_bind_import": [c_char_p, c_char_p, POINTER(c_void_p)],
    "og_bind_infer": [c_char_p, c_char_p, c_char_p, c_void_p, c_int, c_int, c_uint64],
    "og_weights_export": [c_char_p, c_char_p, c_char_p],
    "og_network_alloc": [POINTER(c_void_p), c_char_p, sizes, c_int],
    "og_network_load": [c_void_p, c_char_p, c_char_p],
    "og_network_use": [c_void_p, c_void_p, c_size_t, c_uint, c_uint32],
    "og_network_check": [POINTER(c_void_p), c_size_t, c_void_p],
    "og_network_program": [c_void_p, c_uint64, c_uint32, c_uint32],
    "og_network_lengths": [c_void_p, words, c_size_t],
    "og_network_programmed": [c_void_p, c_size_t, floats, floats],
    "og_network_calibrate": [c_void_p, floats, c_size_t, c_uint64],
}
_PLAIN = {
    "og_bind_version": (c_int, []),
    "og_bind_release": (c_char_p, []),
    "og_bind_error_bytes": (c_size_t, []),
    "og_bind_free": (None, [c_void_p]),
    "og_status_text": (c_char_p, [c_int]),
    "og_set_threads": (None, [c_int]),
    "og_threads": (c_int, []),
    "og_bind_hardware_free": (None, [c_void_p]),
    "og_bind_stream": (None, [c_uint64, c_int, words, words]),
    "og_bind_draw": (None, [words, words, c_bool, c_uint64, floats, c_size_t]),
    "og_bind_quantize": (None, [floats, c_size_t, c_int, c_float, c_bool, c_bool]),
    "og_wires_free": (None, [c_void_p]),
    "og_experiment_free": (None, [c_void_p]),
    "og_network_free": (None, [c_void_p]),
    "og_network_model": (c_void_p, [c_void_p]),
    "og_network_exec": (c_void_p, [c_void_p]),
    "og_network_output": (c_int, [c_void_p, sizes]),
    "og_network_tensor": (c_int, [c_void_p, c_size_t, POINTER(c_char_p), sizes,
                                  POINTER(floats), POINTER(c_int)]),
    "og_network_wants_calibration": (c_bool, [c_void_p]),
    "og_network_forward": (None, [c_void_p, floats, c_size_t, c_uint32, c_uint32, floats]),
    "og_network_backward": (floats, [c_void_p, floats, floats, floats]),
    "og_network_moves": (None, [c_void_p]),
    "og_network_matrix": (c_bool, [c_void_p, c_size_t, sizes, doubles]),
    "og_model_init": (None, [c_void_p, c_uint64]),
    "og_model_params": (floats, [c_void_p, sizes]),
    "og_model_tensors": (c_size_t, [c_void_p]),
    "og_exec_calibration": (floats, [c_void_p, sizes]),
    "og_exec_calibration_changed": (None, [c_void_p]),
    "og_exec_matrices": (c_size_t, [c_void_p]),
    "og_exec_matrix_name": (c_char_p, [c_void_p, c_size_t]),
}


def _declare():
    for name, arguments in _FALLIBLE.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = c_int, arguments + [_ERR]
    for name, (result, arguments) in _PLAIN.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments


def _check():
    """The library must be the one that this package was written for."""
    try:
        lib.og_bind_version.restype = c_int
        version = lib.og_bind_version()
    except AttributeError:
        version = None
    if version != VERSION:
        raise ImportError(f"ohmgrid: {lib._name} has entry points of version {version}, the "
                          f"package needs {VERSION}: install both from one build")
    _declare()
    if lib.og_bind_error_bytes() != ctypes.sizeof(Error):
        raise ImportError(f"ohmgrid: struct og_error of {lib._name} has another size")


_check()

_CLASSES = {"out of memory": NoMemoryError, "reading or writing failed": FileError,
            "wrong usage": InputError, "bad input": InputError}


def raise_for(status, text):
    """Raises what stands for a status that is not 0."""
    name = lib.og_status_text(status).decode()
    if name in ("interrupted", "terminated"):
        raise KeyboardInterrupt(name)
    error = _CLASSES.get(name, OhmgridError)(text or name)
    error.status = name
    raise error


def call(name, *arguments):
    """Calls an entry that may fail."""
    error = Error()
    status = getattr(lib, name)(*arguments, byref(error))
    if status != 0:
        raise_for(status, error.text.decode("utf-8", "replace"))


def path_bytes(path):
    """A path for C; None stays."""
    return None if path is None else os.fsencode(path)


class Handle:
    """Owns a C object and frees it once."""

    def __init__(self, free):
        self.pointer = c_void_p()
        self._free = getattr(lib, free)

    def __del__(self):
        if self.pointer:
            self._free(self.pointer)
            self.pointer = c_void_p()
