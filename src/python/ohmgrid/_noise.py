# SPDX-License-Identifier: GPL-3.0-or-later
from ctypes import c_float, c_uint32

import numpy

from ._arrays import LONG, pointer, take, whole
from ._library import InputError, lib

# enum og_purpose, which only grows at its end
PURPOSES = ("init", "data_order", "augment", "dropout", "programming", "d2d", "faults",
            "drift", "read", "rtn", "converter", "injection", "calibration",
            "write_pulses", "attack", "bootstrap", "flicker")


def _draw(gauss, shape, seed, purpose, trial, layer, tile, index, first):
    if purpose not in PURPOSES:
        raise InputError(f"purpose is {purpose!r}; expected one of {', '.join(PURPOSES)}")
    out = numpy.empty(shape, numpy.float32)
    key = (c_uint32 * 2)()
    name = [whole(v, n) for v, n in ((trial, "trial"), (layer, "layer"), (tile, "tile"))]
    at = [whole(v, "index") for v in index]
    lib.og_bind_stream(whole(seed, "seed", LONG), PURPOSES.index(purpose),
                       (c_uint32 * 3)(*name), key)
    lib.og_bind_draw(key, (c_uint32 * 3)(*at), gauss, whole(first, "first", LONG),
                     pointer(out, c_float), out.size)
    return out


def normal(shape, seed, purpose="read", *, trial=0, layer=0, tile=0, index=(0, 0, 0),
           first=0):
    """Standard normal numbers of ohmgrid's own stream (seed, purpose, trial, layer, tile),
    draw `index` (a, b, c), from position `first` on: float32. They depend on nothing else,
    so the same call gives the same numbers anywhere."""
    return _draw(True, shape, seed, purpose, trial, layer, tile, index, first)


def uniform(shape, seed, purpose="read", *, trial=0, layer=0, tile=0, index=(0, 0, 0),
            first=0):
    """The same, uniform in [0, 1)."""
    return _draw(False, shape, seed, purpose, trial, layer, tile, index, first)


def quantize(x, bits, full_scale, *, rounding="mid_tread", signed=True):
    """x through a converter of `bits` (0: ideal, at most 24) on [-full_scale, full_scale],
    or [0, full_scale] where not signed: float32, a copy.

    mid_tread has 2^bits - 1 levels, 0 among them (2^bits of what is not signed); mid_rise
    2^bits, the middles of as many equal steps. What is beyond the range saturates.
    """
    if rounding not in ("mid_tread", "mid_rise"):
        raise InputError(f"rounding is {rounding!r}; expected mid_tread or mid_rise")
    if not 0 < full_scale < float("inf"):
        raise InputError(f"full_scale is {full_scale}; it must be a positive number")
    out = numpy.array(take(x, numpy.float32, "x"), copy=True)
    lib.og_bind_quantize(pointer(out, c_float), out.size, whole(bits, "bits", 24), full_scale,
                         rounding == "mid_rise", bool(signed))
    return out
