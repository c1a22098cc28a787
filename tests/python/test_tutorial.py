# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/tutorial.md as its reader would follow it: files are saved, commands are run."""
import contextlib
import io
import os
import re
import subprocess
import tempfile
import unittest

import tap

SOURCE = os.environ["OHMGRID_SOURCE"]
PROGRAM = os.environ["OHMGRID_PROGRAM"]
BLOCK = re.compile(r"^```(python|sh|yaml)\n(.*?)^```$", re.M | re.S)
FILE = re.compile(r"`(\w+\.yaml)`")  # the last one named before a block of YAML
FASHION = "/usr/share/datasets/fashion-mnist"


def missing():
    for module in ("torch", "h5py", "h5netcdf", "xarray"):
        try:
            __import__(module)
        except ImportError:
            return module
    return None if os.path.exists(FASHION) else FASHION


@unittest.skipIf(missing(), f"without {missing()}")
class Tutorial(unittest.TestCase):
    def follow(self, text, names):
        """Runs the blocks in the current folder."""
        at = 0
        for block in BLOCK.finditer(text):
            kind, body = block.groups()
            if kind == "yaml":
                with open(FILE.findall(text[at:block.start()])[-1], "w") as file:
                    file.write(body)
            elif kind == "python":
                exec(compile(body, "tutorial.md", "exec"), names)
            else:
                path = os.path.dirname(PROGRAM) + ":" + os.environ["PATH"]
                done = subprocess.run(["sh", "-e", "-c", body], capture_output=True,
                                      text=True, env=dict(os.environ, PATH=path))
                self.assertEqual(done.returncode, 0, body + done.stderr)
            at = block.end()

    def test_it_can_be_followed(self):
        with open(os.path.join(SOURCE, "docs/tutorial.md"), encoding="utf-8") as file:
            text = file.read()
        names, said, before = {}, io.StringIO(), os.getcwd()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                with contextlib.redirect_stdout(said):
                    self.follow(text, names)
                for name, start in (("sweep.png", b"\x89PNG"), ("aware.pdf", b"%PDF"),
                                    ("sweep.html", b"<!DOCTYPE")):
                    with open(name, "rb") as file:
                        self.assertEqual(file.read(len(start)), start)
            finally:
                os.chdir(before)
        self.check(names)

    def check(self, names):
        """Section by section, what the reader is told to see."""
        logits, wanted = names["logits"], names["net"](names["test"]).detach().numpy()
        self.assertLess(abs(logits - wanted).max(), 1e-5)
        self.assertEqual(names["on_chips"].shape, (10, 200, 10))
        self.assertGreater(names["right"].min(), 0.5)
        accuracy = names["results"].accuracy.mean("trial")
        self.assertEqual(dict(accuracy.sizes), {"adc_bits": 3, "read_noise": 4})
        self.assertGreater(float(accuracy[2, 0]), float(accuracy[0, 3]))
        self.assertGreater(float(accuracy[2, 0]), 0.7)
        self.assertGreater(names["accuracy"](names["aware"]), names["accuracy"](names["plain"]))


if __name__ == "__main__":
    tap.main(__name__)
