# SPDX-License-Identifier: GPL-3.0-or-later
"""ohmgrid.run, open, import_onnx and infer."""
import os
import signal
import tempfile
import unittest

import h5py
import numpy

import ohmgrid
import tap
from tools import EXPERIMENT, NOISY, dice, matmul_onnx, write_digits

try:
    import h5netcdf  # noqa: F401  (what xarray opens results with)
    import xarray
except ImportError:
    xarray = None


def same(one, two):
    """Whether two result files hold the same numbers."""
    with h5py.File(one) as a, h5py.File(two) as b:
        for group in ("results", "layers/dense1"):
            for name, value in a[group].items():
                if value.dtype.kind == "f":
                    numpy.testing.assert_array_equal(value[()], b[group][name][()], name)


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)


class Run(Folder):
    def run_it(self, out, **keys):
        if not os.path.exists(self.path("mnist")):
            write_digits(self.folder.name)
        return ohmgrid.run(EXPERIMENT, self.path(out), data=self.folder.name, **keys)

    def test_dict_text_and_file_give_the_same(self):
        said = []
        self.assertEqual(self.run_it("a.h5", progress=said.append), self.path("a.h5"))
        self.assertGreater(len(said), 0)
        self.assertAlmostEqual(said[-1].fraction, 1, delta=0.01)
        self.assertTrue(all(0 <= s.fraction <= 1 and s.stage for s in said))
        text = "".join(f"{key}: {ohmgrid._yaml.dump(value)}\n"
                       for key, value in EXPERIMENT.items())
        ohmgrid.run(text, self.path("b.h5"), data=self.folder.name, threads=1)
        with open(self.path("e.yaml"), "w") as file:
            file.write(text)
        ohmgrid.run(self.path("e.yaml"), self.path("c.h5"), data=self.folder.name)
        same(self.path("a.h5"), self.path("b.h5"))
        same(self.path("a.h5"), self.path("c.h5"))
        with h5py.File(self.path("c.h5")) as file:
            command = file.attrs["command"]
        command = command.decode() if isinstance(command, bytes) else command
        self.assertEqual(command, f"ohmgrid.run {self.path('e.yaml')} {self.path('c.h5')}")
        with self.assertRaisesRegex(ohmgrid.InputError, "exists"):
            self.run_it("a.h5")
        self.run_it("a.h5", force=True, set={"trials": 1, "hardware.adc.bits": 4})
        with h5py.File(self.path("a.h5")) as file:
            self.assertEqual(file["results/accuracy"].shape, (2, 1))
            experiment = file.attrs["experiment"]
        self.assertIn("bits: 4", experiment if isinstance(experiment, str)
                      else experiment.decode())

    @unittest.skipIf(xarray is None, "no xarray or h5netcdf")
    def test_results_are_data_sets_with_names(self):
        self.run_it("a.h5")
        with ohmgrid.open(self.path("a.h5")) as results:
            self.assertEqual(dict(results.accuracy.sizes), {"read_noise": 2, "trial": 2})
            self.assertEqual(results.read_noise.attrs["units"], "S")
            numpy.testing.assert_allclose(results.read_noise, [0, 4e-6])
            self.assertGreater(float(results.accuracy[0].mean()), 0.3)
        with ohmgrid.open(self.path("a.h5"), "layers/dense1") as layer:
            self.assertTrue(numpy.isfinite(layer.snr_local).all())

    def test_what_is_stopped_goes_on(self):
        # Long enough to be seen, some twenty times a second, on any machine.
        epochs = {"train.epochs": 3000}

        def stop(state):
            if state.stage.startswith("train"):
                os.kill(os.getpid(), signal.SIGINT)  # as Ctrl-C does

        self.run_it("whole.h5", set=epochs)
        with self.assertRaises(KeyboardInterrupt):
            self.run_it("part.h5", set=epochs, progress=stop)
        self.assertTrue(os.path.exists(self.path("part.h5.journal")))
        self.run_it("part.h5", set=epochs, resume=True)
        self.assertFalse(os.path.exists(self.path("part.h5.journal")))
        same(self.path("whole.h5"), self.path("part.h5"))

    def test_what_is_wrong_is_said(self):
        def wrong(sentence, **keys):
            with self.assertRaisesRegex(ohmgrid.InputError, sentence):
                self.run_it("a.h5", **keys)

        wrong("hardware.adc.bits", set={"hardware.adc.bits": 99})
        wrong("exclude each other", resume=True, force=True)
        with self.assertRaises(ohmgrid.OhmgridError):
            ohmgrid.run(self.path("none.yaml"), self.path("a.h5"))


class Onnx(Folder):
    def test_a_network_in_float_and_on_chips(self):
        w, x = dice().normal(size=(6, 3)).astype("f4"), dice(2).normal(size=(4, 6)).astype("f4")
        matmul_onnx(self.path("m.onnx"), w)
        model = ohmgrid.import_onnx(self.path("m.onnx"), self.path("m.h5"))
        self.assertEqual(model, self.path("m.h5"))
        for given in (x, {"x": x}):
            numpy.testing.assert_allclose(ohmgrid.infer(model, given), x @ w, rtol=1e-5)
        chips = ohmgrid.infer(model, x, NOISY, chips=5, seed=3)
        self.assertEqual(chips.shape, (5, 4, 3))
        self.assertGreater(chips.std(0).max(), 0)
        numpy.testing.assert_array_equal(ohmgrid.infer(model, x, NOISY, chips=5, seed=3), chips)
        self.assertEqual(ohmgrid.infer(model, x, NOISY).shape, (1, 4, 3))
        for hardware, keys, sentence in ((None, {"chips": 3}, "chips has no effect"),
                                         (dict(NOISY, layers=[{"layer": "n", "ideal": True}]),
                                          {}, "layers are those of an experiment")):
            with self.assertRaisesRegex(ohmgrid.InputError, sentence):
                ohmgrid.infer(model, x, hardware, **keys)

    def test_what_is_refused_is_listed(self):
        matmul_onnx(self.path("m.onnx"), numpy.ones((6, 3), "f4"), "Fly")
        with self.assertRaisesRegex(ohmgrid.InputError, "(?s)\n#0 Fly n: "):
            ohmgrid.import_onnx(self.path("m.onnx"), self.path("m.h5"))
        with self.assertRaisesRegex(ohmgrid.InputError, "none.onnx: cannot read"):
            ohmgrid.import_onnx(self.path("none.onnx"), self.path("m.h5"))


if __name__ == "__main__":
    tap.main(__name__)
