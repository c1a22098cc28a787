# SPDX-License-Identifier: GPL-3.0-or-later
"""ohmgrid.solve and Wires."""
import unittest

import numpy

import ohmgrid
import tap
from tools import dice


class Wires(unittest.TestCase):
    def test_one_cell_is_a_series_of_resistors(self):
        found = ohmgrid.solve([[1e-4]], [0.2], r_wire_row=2.0, r_wire_col=3.0, r_source=50.0,
                              r_sense=20.0)
        numpy.testing.assert_allclose(found.current, [0.2 / (1e4 + 75.0)], rtol=1e-12)

    def test_without_resistance_it_is_a_product(self):
        g, v = dice().uniform(1e-6, 1e-4, (7, 5)), dice(2).uniform(-0.2, 0.2, (3, 7))
        numpy.testing.assert_allclose(ohmgrid.solve(g, v).current, v @ g, rtol=1e-12)

    def test_methods_agree_and_transfer_gives_the_currents(self):
        g, v = dice().uniform(1e-6, 1e-4, (12, 9)), dice(2).uniform(-0.2, 0.2, (4, 12))
        wires = {"r_wire_row": 3.0, "r_wire_col": 2.0, "drive_both": True}
        one = ohmgrid.solve(g, v, method="pcg", transfer=True, **wires)
        two = ohmgrid.solve(g, v, method="direct", **wires)
        self.assertEqual((one.method, two.method), ("pcg", "direct"))
        self.assertIsNone(two.transfer)
        numpy.testing.assert_allclose(one.current, two.current, rtol=1e-9)
        numpy.testing.assert_allclose(v @ one.transfer, two.current, rtol=1e-9)
        single = ohmgrid.solve(g, v, **{**wires, "drive_both": False})
        self.assertGreater(abs(single.current - two.current).max(), 1e-9)

    def test_voltages_obey_kirchhoff(self):
        g, v = dice().uniform(1e-6, 1e-4, (6, 4)), dice(2).uniform(0.1, 0.2, 6)
        wires = ohmgrid.Wires(g, r_wire_row=5.0, r_wire_col=5.0)
        word, bit = wires.voltages(v)
        cell = g * (word - bit)
        numpy.testing.assert_allclose(cell.sum(0), wires.solve(v).current, rtol=1e-9)
        numpy.testing.assert_allclose(cell.sum(1), (v - word[:, 0]) / 5.0, rtol=1e-6)

    def test_gradients_are_slopes(self):
        g, v = dice().uniform(1e-6, 1e-4, (5, 4)), dice(2).uniform(0.1, 0.2, 5)
        di = dice(3).normal(size=4)
        wires = {"r_wire_row": 20.0, "r_wire_col": 10.0}
        dg, dv = ohmgrid.Wires(g, **wires).gradient(v, di)

        def loss(g, v):
            return ohmgrid.solve(g, v, method="direct", **wires).current @ di

        h = 1e-8
        up, down = g.copy(), g.copy()
        up[2, 1] += h
        down[2, 1] -= h
        self.assertAlmostEqual((loss(up, v) - loss(down, v)) / (2 * h) / dg[2, 1], 1, 4)
        up = v.copy()
        up[3] += 0.01
        self.assertAlmostEqual((loss(g, up) - loss(g, v)) / 0.01 / dv[3], 1, 6)

    def test_sinh_cells_without_wires(self):
        g, v = dice().uniform(1e-6, 1e-4, (5, 4)), dice(2).uniform(0.1, 0.2, 5)
        found = ohmgrid.solve(g, v, sinh=(4.0, 0.2))
        wanted = (0.2 * numpy.sinh(4 * v) / numpy.sinh(0.8)) @ g
        self.assertEqual(found.method, "newton")
        numpy.testing.assert_allclose(found.current, wanted, rtol=1e-9)

    def test_what_is_wrong_is_said(self):
        def wrong(sentence, *arguments, **keys):
            with self.assertRaisesRegex(ohmgrid.InputError, sentence):
                ohmgrid.solve(*arguments, **keys)

        wrong("conductance has shape", [1e-5], [1.0])
        wrong("voltage has shape", [[1e-5]], [1.0, 2.0])
        wrong("not finite", [[float("nan")]], [1.0])
        wrong("expected auto, pcg, merge or direct", [[1e-5]], [1.0], method="fast")
        wrong("r_", [[1e-5]], [1.0], r_wire_row=-1.0)
        wrong("no transfer matrix", [[1e-5]], [1.0], sinh=(1, 1), transfer=True)
        wrong("Newton's method alone", [[1e-5]], [1.0], sinh=(1, 1), method="pcg")
        wrong("conductance.0..1. is 7", [[1e-5, 7.0]], [1.0])


if __name__ == "__main__":
    tap.main(__name__)
