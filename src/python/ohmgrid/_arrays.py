# SPDX-License-Identifier: GPL-3.0-or-later
"""NumPy arrays in and out, without a copy where type and order fit."""
import ctypes

import numpy

from ._library import InputError


def take(value, dtype, name):
    """`value` as a C-ordered array of finite numbers, itself where it is one."""
    array = numpy.ascontiguousarray(value, dtype=dtype)
    if not numpy.isfinite(array).all():
        raise InputError(f"{name} holds values that are not finite")
    return array


def pointer(array, kind):
    """To the first element; NULL for None."""
    return None if array is None else array.ctypes.data_as(ctypes.POINTER(kind))


def borrowed(address, shape, owner):
    """An array on memory of the library's, which lives as long as `owner`."""
    count = int(numpy.prod(shape, dtype=numpy.int64))
    block = (ctypes.c_float * count).from_address(ctypes.addressof(address.contents))
    block._owner = owner  # the array holds the block, the block the owner
    return numpy.frombuffer(block, numpy.float32).reshape(shape)
