# SPDX-License-Identifier: GPL-3.0-or-later
"""Hardware, Array, Network, random numbers and quantisers."""
import copy
import os
import pickle
import subprocess
import sys
import tempfile
import unittest

import numpy

import ohmgrid
import tap
from ohmgrid import _yaml
from tools import NOISY, dice

LAYERS = [{"conv2d": {"filters": 4, "kernel": 3}}, "tanh", {"dense": {"units": 5}}]


class HardwareCase(unittest.TestCase):
    def test_dict_text_and_file_are_the_same(self):
        text = ("device: {name: generic, program: {kind: constant, sigma: 1 uS},"
                " read: {kind: constant, sigma: 0.3 uS}}\ntile: {rows: 64, cols: 32}\n"
                "dac: {bits: 7}\nadc: {bits: 8}\n")
        w, x = dice().normal(size=(9, 20)), dice(2).normal(size=(6, 20))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "hw.yaml")
            with open(path, "w") as file:
                file.write(text)
            given = [NOISY, text, path, ohmgrid.Hardware(path)]
            found = [ohmgrid.Array(w, hw, x).read(x) for hw in given]
            found.append(ohmgrid.Array(w, pickle.loads(pickle.dumps(given[3])), x).read(x))
        for y in found[1:]:
            numpy.testing.assert_array_equal(y, found[0])

    def test_errors_name_key_and_range(self):
        with self.assertRaises(ohmgrid.InputError) as caught:
            ohmgrid.Hardware({"adc": {"bits": 99}})
        self.assertEqual(str(caught.exception), "hardware:1: key 'hardware.adc.bits': 99 is "
                         "outside the allowed range (0 .. 16)")
        self.assertEqual(caught.exception.status, "bad input")
        self.assertIsInstance(caught.exception, ValueError)
        with self.assertRaisesRegex(ohmgrid.InputError, "unknown key"):
            ohmgrid.Hardware("adc: {bitz: 4}")
        with self.assertRaises(TypeError):
            ohmgrid.Hardware({"adc": {"bits": None}})

    def test_yaml_of_values(self):
        self.assertEqual(_yaml.dump({"a": [1, 2.5e-6, True], "b": "2 uS", "c": {}}),
                         "{a: [1, 2.5e-06, true], b: 2 uS, c: {}}")
        self.assertEqual(_yaml.dump(["a: b", "", "- x", "#", "µ S", "a,b"]),
                         '["a: b", "", "- x", "#", "µ S", "a,b"]')
        self.assertEqual(_yaml.dump(numpy.float64(0.5)), "0.5")

    def test_a_wrong_library_is_refused(self):
        for library, words in (("libm.so.6", "entry points"), ("/no/lib.so", "not found")):
            env = dict(os.environ, OHMGRID_LIBRARY=library)
            said = subprocess.run([sys.executable, "-c", "import ohmgrid"], env=env,
                                  capture_output=True, text=True).stderr
            self.assertIn("ImportError: ohmgrid: ", said)
            self.assertIn(words, said)

    def test_every_file_is_installed(self):
        package = os.path.dirname(ohmgrid.__file__)
        with open(os.path.join(package, os.pardir, "meson.build")) as file:
            listed = file.read()
        for name in os.listdir(package):
            if name.endswith(".py"):
                self.assertIn(f"'ohmgrid/{name}'", listed)


class ArrayCase(unittest.TestCase):
    def test_an_ideal_crossbar_is_a_product(self):
        w, x = dice().normal(size=(9, 20)), dice(2).normal(size=(6, 20))
        array = ohmgrid.Array(w, {}, x)
        numpy.testing.assert_allclose(array.read(x), x @ w.T, rtol=1e-5, atol=1e-5)
        numpy.testing.assert_allclose(array.weights(), w, rtol=1e-5)
        numpy.testing.assert_array_equal(array.read(x[2]), array.read(x)[2])

    def test_reads_differ_chips_repeat(self):
        w, x = dice().normal(size=(9, 20)), dice(2).normal(size=(300, 20))
        array = ohmgrid.Array(w, NOISY, x, trial=4)
        one, two = array.read(x), array.read(x)
        programmed = array.weights()
        self.assertGreater(abs(one - two).max(), 0)
        array.program(1, 5)
        self.assertGreater(abs(array.weights() - programmed).max(), 0)
        array.program(1, 4)
        numpy.testing.assert_array_equal(array.read(x), one)
        numpy.testing.assert_array_equal(array.read(x), two)
        numpy.testing.assert_array_equal(array.weights(), programmed)

    def test_noise_is_as_large_as_the_devices_say(self):
        # var y = 2 sum x^2 sigma^2 (w_max / (g_max - g_min))^2, of a differential pair
        hw = {"device": {"name": "generic", "g_min": "1 uS", "g_max": "21 uS",
                         "read": {"kind": "constant", "sigma": "0.5 uS"}}}
        w, x = dice().uniform(-1, 1, (4, 30)), dice(2).normal(size=(1, 30))
        x = numpy.repeat(x, 3000, 0)
        array = ohmgrid.Array(w, hw, x)
        sigma = (2 * (x[0]**2).sum())**0.5 * 0.5 / 20 * abs(w).max()
        error = array.read(x) - x @ w.T
        self.assertAlmostEqual(error.std() / sigma, 1, delta=0.03)  # 12000 values: 5 sigma
        self.assertAlmostEqual(error.mean() / sigma, 0, delta=0.05)

    def test_conductances_hold_the_weights(self):
        w = dice().uniform(-1, 1, (4, 30))
        array = ohmgrid.Array(w, {"device": {"name": "generic", "g_min": "1 uS",
                                             "g_max": "21 uS"}}, numpy.ones((1, 30)))
        g = array.conductance()
        self.assertEqual(g.shape, (1, 1, 2, 30, 4))
        held = (g[0, 0, 0] - g[0, 0, 1]).T / 20e-6 * array.matrix.w_max
        numpy.testing.assert_allclose(held, w, atol=1e-5)
        self.assertEqual((array.matrix.rows, array.matrix.cols, array.matrix.devices),
                         (30, 4, 240))

    def test_what_is_wrong_is_said(self):
        def wrong(sentence, *arguments):
            with self.assertRaisesRegex(ohmgrid.InputError, sentence):
                ohmgrid.Array(*arguments)

        wrong("weights have shape", [1.0, 2.0], {})
        wrong("needs a hardware", [[1.0]], None)
        wrong("call calibrate", [[1.0]], {})
        wrong("x has shape", [[1.0]], {}, [[1.0, 2.0]])
        for keys, sentence in (({"seed": -1}, "seed is -1, outside 0 to 18446744073709551615"),
                               ({"trial": 2**32}, "trial is 4294967296, outside"),
                               ({"trial": 1.5}, "trial is 1.5; it must be a whole number")):
            with self.assertRaisesRegex(ohmgrid.InputError, sentence):
                ohmgrid.Array([[1.0]], {"ideal": True}, **keys)
        ideal = ohmgrid.Array([[2.0]], {"ideal": True})
        self.assertEqual(ideal.read([3.0])[0], 6)
        with self.assertRaisesRegex(ohmgrid.InputError, "no devices"):
            ideal.conductance()


class NetworkCase(unittest.TestCase):
    def network(self, hardware, **keys):
        network = ohmgrid.Network(LAYERS, (2, 6, 6), hardware, train=True, batch=16, **keys)
        network.init(3)
        return network

    def test_gradients_are_slopes(self):
        network = self.network(None)
        x, dy = dice().normal(size=(9, 2, 6, 6)), dice(2).normal(size=(9, 5))
        network.program()
        network(x)
        dx, gradients = network.backward(dy)

        def loss(x):
            network.program()
            return (network(x).astype(float) * dy).sum()

        h = 0.01
        for name, at in (("conv2d1/weight", (2, 1, 0, 2)), ("dense1/weight", (3, 40)),
                         ("dense1/bias", (1,)), ("conv2d1/bias", (2,))):
            w = network.weights[name]
            before = w[at]
            w[at] = before + h
            up = loss(x)
            w[at] = before - h
            slope = (up - loss(x)) / (2 * h)
            w[at] = before
            self.assertAlmostEqual(slope, gradients[name][at], delta=1e-3)
        self.assertGreater(abs(dx[4, 1, 3, 2]), 1e-4)
        up, down = x.copy(), x.copy()
        up[4, 1, 3, 2] += h
        down[4, 1, 3, 2] -= h
        self.assertAlmostEqual((loss(up) - loss(down)) / (2 * h), dx[4, 1, 3, 2], delta=1e-3)

    def test_calibration_moves_to_another(self):
        x = dice().normal(size=(9, 2, 6, 6))
        one, two = self.network(NOISY), self.network(NOISY)
        one.calibrate(x)
        two.calibration = one.calibration
        for network in (one, two):
            network.program(5, 1)
        numpy.testing.assert_array_equal(one(x), two(x))
        self.assertEqual(list(one.matrices()), ["conv2d1", "dense1"])

    def test_evaluation_is_cut_into_batches(self):
        x = dice().normal(size=(40, 2, 6, 6))
        found = []
        for batch, threads in ((64, 1), (7, 2)):
            ohmgrid.set_threads(threads)
            network = ohmgrid.Network(LAYERS, (2, 6, 6), NOISY, batch=batch)
            network.init(3)
            network.calibrate(x)
            network.program(2, 3)
            found.append(network(x, first=10, read=6))
        ohmgrid.set_threads(0)
        numpy.testing.assert_array_equal(*found)

    def test_weights_are_the_librarys_memory(self):
        network = ohmgrid.Network([{"dense": {"units": 2}}], (3,))
        weights = network.weights
        weights["dense1/weight"][:] = [[1, 2, 3], [4, 5, 6]]
        weights["dense1/bias"][:] = [10, 20]
        network.program()
        numpy.testing.assert_array_equal(network(numpy.eye(3)), [[11, 24], [12, 25], [13, 26]])
        del network
        self.assertEqual(weights["dense1/weight"][1, 2], 6)  # still alive

    def test_weights_from_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "w.npz")
            numpy.savez(path, **{"dense1.weight": numpy.float32([[1, 2]]),
                                 "dense1.bias": numpy.float32([3])})
            network = ohmgrid.Network("- dense: {units: 1}\n", 2)
            network.load(path)
            network.program()
            self.assertEqual(network([[1, 1]])[0, 0], 6)
            with self.assertRaisesRegex(ohmgrid.InputError, "has no tensors in group"):
                network.load(path, "a")
            with self.assertRaises(OSError):
                network.load(os.path.join(folder, "none.npz"))

    def test_hardware_of_single_layers(self):
        x = dice().normal(size=(9, 2, 6, 6))
        hw = dict(NOISY, layers=[{"layer": "dense1", "ideal": True}])
        network = self.network(hw)
        network.calibrate(x)
        network.program()
        self.assertEqual(list(network.matrices()), ["conv2d1"])
        with self.assertRaisesRegex(ohmgrid.InputError, "no layer of that name"):
            network.use(dict(NOISY, layers=[{"layer": "dense7", "ideal": True}]))

    def test_what_is_wrong_is_said(self):
        def wrong(sentence, what):
            with self.assertRaisesRegex(ohmgrid.InputError, sentence):
                what()

        network, x = self.network(NOISY), dice().normal(size=(9, 2, 6, 6))
        wrong("'fly' is not a layer", lambda: ohmgrid.Network(["fly"], 3))
        wrong("expected straight_through", lambda: ohmgrid.Network(LAYERS, 3, gradient="x"))
        wrong("at least one sample", lambda: network.calibrate(x[:0]))
        wrong("call calibrate", network.program)
        wrong("call program", lambda: network(x))
        network.calibrate(x)
        network.program()
        wrong("backward needs", lambda: network.backward(x))
        wrong("more than the batch of 16", lambda: network(numpy.repeat(x, 2, 0)))
        wrong("x has shape", lambda: network(x[0]))
        network(x)
        wrong("dy has shape", lambda: network.backward(x))
        wrong("needs \\(", lambda: setattr(network, "calibration", numpy.zeros(3)))


class Numbers(unittest.TestCase):
    def test_streams_are_named(self):
        one = ohmgrid.normal(1000, 7, "d2d", trial=2, layer=3, index=(1, 2, 3))
        numpy.testing.assert_array_equal(
            ohmgrid.normal(400, 7, "d2d", trial=2, layer=3, index=(1, 2, 3), first=600),
            one[600:])
        for other in (ohmgrid.normal(1000, 8, "d2d", trial=2, layer=3, index=(1, 2, 3)),
                      ohmgrid.normal(1000, 7, "read", trial=2, layer=3, index=(1, 2, 3))):
            self.assertLess(abs(numpy.corrcoef(one, other)[0, 1]), 0.15)
        self.assertAlmostEqual(one.std(), 1, delta=0.1)
        flat = ohmgrid.uniform((50, 20), 7)
        self.assertTrue((flat >= 0).all() and (flat < 1).all())
        self.assertAlmostEqual(flat.mean(), 0.5, delta=0.05)
        with self.assertRaises(ohmgrid.InputError):
            ohmgrid.normal(3, 1, "nothing")

    def test_purposes_are_those_of_the_library(self):
        header = os.path.join(os.environ["OHMGRID_SOURCE"], "include", "ohmgrid", "random.h")
        with open(header) as file:
            body = file.read().split("enum og_purpose {")[1].split("}")[0]
        names = [line.strip(" ,\n")[3:].lower() for line in body.splitlines() if "OG_" in line]
        self.assertEqual(names, list(ohmgrid.PURPOSES))

    def test_levels_of_quantisers(self):
        x = numpy.linspace(-2, 2, 4001)
        numpy.testing.assert_allclose(numpy.unique(ohmgrid.quantize(x, 2, 1.5)),
                                      [-1.5, 0, 1.5])
        rise = ohmgrid.quantize(x, 2, 1.0, rounding="mid_rise")
        numpy.testing.assert_allclose(numpy.unique(rise), [-0.75, -0.25, 0.25, 0.75])
        positive = ohmgrid.quantize(x, 2, 1.5, signed=False)
        numpy.testing.assert_allclose(numpy.unique(positive), [0, 0.5, 1, 1.5])
        numpy.testing.assert_array_equal(ohmgrid.quantize(x, 0, 1.0), x.astype("f4"))
        for bits, scale, rounding in ((25, 1, "mid_tread"), (4, 0, "mid_tread"), (4, 1, "up")):
            with self.assertRaises(ohmgrid.InputError):
                ohmgrid.quantize(x, bits, scale, rounding=rounding)


if __name__ == "__main__":
    tap.main(__name__)
