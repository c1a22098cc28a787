# SPDX-License-Identifier: GPL-3.0-or-later
"""Every block of Python in the documents runs, in order, in one folder."""
import contextlib
import io
import os
import re
import tempfile
import unittest

import tap

SOURCE = os.environ["OHMGRID_SOURCE"]
FENCE = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
MODULES = {"torch": "torch", "xarray": "h5netcdf", "ohmgrid.open": "h5netcdf"}
FASHION = "/usr/share/datasets/fashion-mnist"  # Debian's dataset-fashion-mnist


def blocks(document):
    with open(os.path.join(SOURCE, document), encoding="utf-8") as file:
        return FENCE.findall(file.read())


def is_missing(block):
    """What a block needs and this machine has not."""
    for word, module in MODULES.items():
        if word in block:
            try:
                __import__(module)
            except ImportError:
                return module
    if "fashion_mnist" in block:  # the block that makes my.h5
        return None if os.path.exists(FASHION) else FASHION
    return "my.h5" if "my.h5" in block and not os.path.exists("my.h5") else None


class Documents(unittest.TestCase):
    def test_python_blocks_run(self):
        names, skipped = {}, []
        before = os.getcwd()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                for document in ("docs/python.md", "README.md"):
                    found = blocks(document)
                    self.assertGreater(len(found), 0, document)
                    for block in found:
                        missing = is_missing(block)
                        if missing:
                            skipped.append(missing)
                            continue
                        with contextlib.redirect_stdout(io.StringIO()):
                            exec(compile(block, document, "exec"), names)
            finally:
                os.chdir(before)
        self.assertLess(names["error"], 0.3)
        self.assertEqual(names["g"].shape, (64, 32))
        if "right" in names:
            self.assertGreater(float(names["right"]), 0.3)
        if skipped:
            self.skipTest(f"without {', '.join(sorted(set(skipped)))}")


if __name__ == "__main__":
    tap.main(__name__)
