# SPDX-License-Identifier: GPL-3.0-or-later
from collections import namedtuple
from ctypes import byref, c_char_p, c_double

import numpy

from ._arrays import pointer, take
from ._library import Handle, InputError, call

Solution = namedtuple("Solution", "current transfer method iterations residual")
Solution.__doc__ = """What `solve` found.

current     [A], [batch][columns], or [columns] of one vector
transfer    [S], [rows][columns], or None: the currents of unit voltages
method      that was used
iterations  most of any vector; 0 where none are needed
residual    of Kirchhoff's laws (ohmgrid/wires.h says of which, for each method)
"""


class Wires:
    """A crossbar whose wires have resistance.

    conductance [rows][columns] in S; resistances in ohm, each may be 0: r_wire_row and
    r_wire_col of one segment. Word line i is driven from its left end behind r_source, bit
    line j sensed at virtual ground below its last row behind r_sense; drive_both and
    sense_both: also at the other end. The same bits for any number of threads.
    """

    def __init__(self, conductance, *, r_wire_row=0.0, r_wire_col=0.0, r_source=0.0,
                 r_sense=0.0, drive_both=False, sense_both=False):
        g = take(conductance, numpy.float64, "conductance")
        if g.ndim != 2:
            raise InputError(f"conductance has shape {g.shape}; it must be [rows][columns]")
        self.shape = g.shape
        self._handle = Handle("og_wires_free")
        r = (c_double * 4)(r_wire_row, r_wire_col, r_source, r_sense)
        call("og_bind_wires", byref(self._handle.pointer), *g.shape, r,
             bool(drive_both) + 2 * bool(sense_both))
        call("og_wires_load", self._handle.pointer, pointer(g, c_double))

    def solve(self, voltage, method="auto", sinh=None):
        """Solution of voltages [V] [batch][rows] or [rows]; method auto, pcg, merge or
        direct. sinh: (a [1/V], v_read [V]) of cells with I = g v_read sinh(a V) /
        sinh(a v_read), by Newton's method."""
        v = take(voltage, numpy.float64, "voltage")
        batch = v[None] if v.ndim == 1 else v
        if batch.ndim != 2 or batch.shape[1] != self.shape[0]:
            raise InputError(f"voltage has shape {v.shape}; {self.shape[0]} rows need "
                             f"[batch][{self.shape[0]}]")
        current = numpy.empty((len(batch), self.shape[1]))
        report, used = (c_double * 2)(), c_char_p()
        cell = None if sinh is None else (c_double * 2)(*sinh)
        call("og_bind_wires_read", self._handle.pointer, method.encode(), cell,
             pointer(batch, c_double), len(batch), pointer(current, c_double), report,
             byref(used))
        return Solution(current.reshape(v.shape[:-1] + (self.shape[1],)), None,
                        used.value.decode(), int(report[0]), report[1])

    def transfer(self, method="auto"):
        """The transfer matrix T [S], [rows][columns]: currents are v @ T."""
        t = numpy.empty(self.shape)
        report, used = (c_double * 2)(), c_char_p()
        call("og_bind_wires_transfer", self._handle.pointer, method.encode(),
             pointer(t, c_double), report, byref(used))
        return t

    def voltages(self, voltage):
        """Node voltages [V] of one vector [rows]: of word lines and of bit lines, both
        [rows][columns]."""
        v = self._vector(voltage, "voltage", self.shape[0])
        word, bit = numpy.empty(self.shape), numpy.empty(self.shape)
        call("og_wires_voltages", self._handle.pointer, pointer(v, c_double),
             pointer(word, c_double), pointer(bit, c_double))
        return word, bit

    def gradient(self, voltage, dcurrent):
        """Exact gradients of a loss through one read, given that by the currents
        [columns]: by the conductances [rows][columns] and by the voltages [rows]."""
        v = self._vector(voltage, "voltage", self.shape[0])
        di = self._vector(dcurrent, "dcurrent", self.shape[1])
        dg, dv = numpy.empty(self.shape), numpy.empty(self.shape[0])
        call("og_wires_gradient", self._handle.pointer, pointer(v, c_double),
             pointer(di, c_double), pointer(dg, c_double), pointer(dv, c_double))
        return dg, dv

    @staticmethod
    def _vector(value, name, n):
        value = take(value, numpy.float64, name)
        if value.shape != (n,):
            raise InputError(f"{name} has shape {value.shape}; it must be [{n}]")
        return value


def solve(conductance, voltage, *, method="auto", transfer=False, sinh=None, **wires):
    """Currents of one crossbar: Solution. Arguments as of Wires and Wires.solve.

    >>> ohmgrid.solve([[1e-5, 2e-5]], [0.2], r_wire_row=2.0).current
    """
    array = Wires(conductance, **wires)
    if transfer and sinh is not None:
        raise InputError("transfer: cells with I ~ sinh(aV) have no transfer matrix")
    found = array.solve(voltage, method, sinh)
    return found._replace(transfer=array.transfer(method)) if transfer else found
