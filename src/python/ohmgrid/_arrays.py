# SPDX-License-Identifier: GPL-3.0-or-later
"""NumPy arrays in and out, without a copy where type and order fit."""
import ctypes
import operator

import numpy

from ._library import InputError


def take(value, dtype, name):
    """`value` as a C-ordered array of finite numbers, itself where it is one."""
    array = numpy.ascontiguousarray(value, dtype=dtype)
    if not numpy.isfinite(array).all():
        raise InputError(f"{name} holds values that are not finite")
    return array


WORD, LONG = 2**32 - 1, 2**64 - 1


def whole(value, name, most=WORD, least=0):
    """`value` as a whole number that C can hold: ctypes would cut off what is too large."""
    try:
        number = operator.index(value)
    except TypeError:
        raise InputError(f"{name} is {value!r}; it must be a whole number") from None
    if not least <= number <= most:
        raise InputError(f"{name} is {number}, outside {least} to {most}")
    return number


def pointer(array, kind):
    """To the first element; NULL for None."""
    return None if array is None else array.ctypes.data_as(ctypes.POINTER(kind))


def borrowed(address, shape, owner):
    """An array on memory of the library's, which lives as long as `owner`."""
    count = int(numpy.prod(shape, dtype=numpy.int64))
    block = (ctypes.c_float * count).from_address(ctypes.addressof(address.contents))
    block._owner = owner  # the array holds the block, the block the owner
    return numpy.frombuffer(block, numpy.float32).reshape(shape)
