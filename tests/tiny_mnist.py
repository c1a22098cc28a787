# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a small learnable set of digits into FOLDER/mnist: python3 tiny_mnist.py FOLDER"""
import pathlib
import random
import struct
import sys

folder = pathlib.Path(sys.argv[1]) / "mnist"
folder.mkdir(parents=True, exist_ok=True)
dice = random.Random(1)
for name, n in (("train", 150), ("t10k", 60)):
    pixels = bytearray()
    for i in range(n):
        for p in range(28 * 28):
            pixels.append(dice.randrange(128) + (120 if p // 56 == i % 10 + 2 else 0))
    (folder / f"{name}-images-idx3-ubyte").write_bytes(
        struct.pack(">IIII", 0x803, n, 28, 28) + bytes(pixels))
    (folder / f"{name}-labels-idx1-ubyte").write_bytes(
        struct.pack(">II", 0x801, n) + bytes(i % 10 for i in range(n)))
