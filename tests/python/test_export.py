# SPDX-License-Identifier: GPL-3.0-or-later
"""ohmgrid export: weights out of result and model files, and back."""
import json
import os
import subprocess
import tempfile
import unittest

import h5py
import numpy

import ohmgrid
import tap
from tools import EXPERIMENT, dice, matmul_onnx, write_digits

PROGRAM = os.environ["OHMGRID_PROGRAM"]


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    size = int.from_bytes(data[:8], "little")
    assert size % 8 == 0
    return {name: numpy.frombuffer(data[8 + size:][slice(*t["data_offsets"])], "<f4").reshape(
        t["shape"]) for name, t in json.loads(data[8:8 + size]).items()}


class Export(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def export(self, source, out, *options):
        done = subprocess.run([PROGRAM, "export", self.path(source), "-o", self.path(out),
                               *options], capture_output=True, text=True)
        self.assertEqual(done.stdout, "")
        return done.returncode, done.stderr

    def train(self, **settings):
        write_digits(self.folder.name)
        ohmgrid.run(EXPERIMENT, self.path("r.h5"), data=self.folder.name,
                    set={"output.model": True, "trials": 1, **settings})

    def test_a_result_and_back(self):
        self.train()
        with h5py.File(self.path("r.h5")) as file:
            wanted = {f"{layer}.{name}": value[()] for layer, tensors
                      in file["model/m0"].items() for name, value in tensors.items()}
        self.assertEqual(len(wanted), 4)
        self.assertEqual(self.export("r.h5", "w.npz"), (0, ""))
        self.assertEqual(self.export("r.h5", "w.safetensors", "--group", "m0"), (0, ""))
        ohmgrid.export(self.path("r.h5"), self.path("v.npz"))
        for found in (numpy.load(self.path("w.npz")), numpy.load(self.path("v.npz")),
                      read_safetensors(self.path("w.safetensors"))):
            self.assertEqual(sorted(found), sorted(wanted))
            for name in wanted:
                self.assertEqual(found[name].dtype, numpy.float32)
                numpy.testing.assert_array_equal(found[name], wanted[name])
        with h5py.File(self.path("r.h5")) as file:
            accuracy = file["results/accuracy"][()]
        for name in ("w.npz", "w.safetensors"):
            ohmgrid.run(EXPERIMENT, self.path("again.h5"), data=self.folder.name, force=True,
                        set={"model.weights": self.path(name), "train.epochs": 0, "trials": 1})
            with h5py.File(self.path("again.h5")) as file:
                numpy.testing.assert_array_equal(file["results/accuracy"][()], accuracy)

    def test_one_model_of_several(self):
        self.train(**{"sweep": [{"key": "train.lr", "name": "lr", "values": [0.01, 0.02]}]})
        code, said = self.export("r.h5", "w.npz")
        self.assertEqual(code, 2)
        self.assertIn("holds several models: choose one of m0, m1", said)
        self.assertEqual(self.export("r.h5", "w.npz", "--group", "m1"), (0, ""))
        with h5py.File(self.path("r.h5")) as file:
            numpy.testing.assert_array_equal(numpy.load(self.path("w.npz"))["dense1.bias"],
                                             file["model/m1/dense1/bias"][()])
        code, said = self.export("r.h5", "w.npz", "--group", "m7")
        self.assertEqual(code, 2)
        self.assertIn("has no model 'm7'; there are m0, m1", said)

    def test_a_model_from_onnx(self):
        w = dice().normal(size=(6, 3)).astype("f4")
        matmul_onnx(self.path("m.onnx"), w)
        ohmgrid.import_onnx(self.path("m.onnx"), self.path("m.h5"))
        self.assertEqual(self.export("m.h5", "w.npz"), (0, ""))
        found = numpy.load(self.path("w.npz"))
        self.assertEqual(list(found), ["w"])
        numpy.testing.assert_array_equal(found["w"], w)
        code, said = self.export("m.h5", "w.npz", "--group", "m0")
        self.assertEqual(code, 2)
        self.assertIn("only result files have groups", said)

    def test_what_is_wrong_is_said(self):
        with h5py.File(self.path("other.h5"), "w") as file:
            file["x"] = [1.0]
        numpy.savez(self.path("w.npz"), a=numpy.zeros(3, "f4"))
        write_digits(self.folder.name)
        ohmgrid.run(EXPERIMENT, self.path("r.h5"), data=self.folder.name,
                    set={"output.model": False, "trials": 1})
        for source, out, sentence in (
                ("none.h5", "o.npz", "cannot read"), ("other.h5", "o.npz", "not a model file"),
                ("w.npz", "o.npz", "no result file and no model file"),
                ("r.h5", "o.npz", "output.model: false")):
            code, said = self.export(source, out)
            self.assertEqual((code, os.path.exists(self.path("o.npz"))), (2, False))
            self.assertIn(sentence, said)


if __name__ == "__main__":
    tap.main(__name__)
