# SPDX-License-Identifier: GPL-3.0-or-later
import ctypes
import os

from . import _yaml
from ._library import Handle, call


class Hardware:
    """An imagined hardware: device, mapping, tiles, converters, noise.

    Hardware({"device": "rram_wan2022", "mapping": {"weight_bits": 4}, "adc": {"bits": 8}})
    Hardware("adc: {bits: 8}")     # YAML
    Hardware("rram.yaml")          # a file: a text that ends in .yaml or .yml, or a Path

    The keys are those below `hardware` of an experiment (`ohmgrid run --help=keys` prints
    them), with their units ("2 uS"). Device and technology files are looked for beside the
    file, in the current folder, in $OHMGRID_PATH and in ohmgrid's own folders. Keys that do
    not exist and values out of range raise InputError. Never changes afterwards.
    """

    def __init__(self, keys=None):
        self._text, self._name, self._beside = _source({} if keys is None else keys)
        self._handle = Handle("og_bind_hardware_free")
        call("og_bind_hardware_parse", ctypes.byref(self._handle.pointer),
             self._text.encode(), os.fsencode(self._name), os.fsencode(self._beside))

    @property
    def pointer(self):
        return self._handle.pointer

    def __repr__(self):
        return f"Hardware({self._text!r})"

    def __reduce__(self):
        return _again, (self._text, self._name, self._beside)


def _source(keys):
    """Text, name and folder."""
    if isinstance(keys, Hardware):
        return keys._text, keys._name, keys._beside
    if isinstance(keys, dict):
        return _yaml.dump(keys), "hardware", "."
    is_path = isinstance(keys, os.PathLike)
    if is_path or keys.endswith((".yaml", ".yml")):
        path = os.fspath(keys)
        with open(path, encoding="utf-8") as file:
            return file.read(), path, os.path.dirname(path) or "."
    return keys, "hardware", "."


def _again(text, name, beside):
    """A copied or unpickled hardware."""
    hardware = Hardware.__new__(Hardware)
    hardware._text, hardware._name, hardware._beside = text, name, beside
    hardware._handle = Handle("og_bind_hardware_free")
    call("og_bind_hardware_parse", ctypes.byref(hardware._handle.pointer), text.encode(),
         os.fsencode(name), os.fsencode(beside))
    return hardware


def pointer_of(hardware):
    """For C: NULL for None, the float network."""
    return None if hardware is None else hardware.pointer


def hardware_of(hardware):
    """A Hardware of whatever its constructor takes; None stays None."""
    if hardware is None or isinstance(hardware, Hardware):
        return hardware
    return Hardware(hardware)
