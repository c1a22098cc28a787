#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cases of scripts/claims, on folders of experiments made for them.

  scripts/check_claims.py --list            the names of the cases
  scripts/check_claims.py NAME RESULT       one case; RESULT is a file of ohmgrid
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

import h5py
import numpy

CLAIMS = pathlib.Path(__file__).resolve().parent / "claims"
HEADER = "paper,claim,unit,paper_value,ours,low,high,seeds,met\n"
README = "above\n<!-- claims: begin -->\n<!-- claims: end -->\nbelow\n"
TABLE = ("| experiment | paper | claim | paper's value | ours [95 % interval] | seeds | met |"
         "\n|---|---|---|---|---|---|---|\n")

# accuracy[train_seed][rounds][trial]; means over chips: 0.98 0.96, 0.97 0.96, 0.99 0.96.
ACCURACY = [[[0.97, 0.99], [0.95, 0.97]], [[0.96, 0.98], [0.96, 0.96]],
            [[0.99, 0.99], [0.94, 0.98]]]
RATIO = [[1, 20], [1, 22], [1, 24]]


def put(group, name, values, axes):
    data = group.create_dataset(name, data=values)
    for i, axis in enumerate(axes):
        data.dims[i].attach_scale(group[axis])
    return data


def write_result(path, seeds=(1, 2, 3)):
    with h5py.File(path, "w") as file:
        file.attrs["experiment"] = "seed: 1\n"
        group = file.create_group("results")
        scales = {"train_seed": seeds, "rounds": [0.0, 2e-6], "trial": [0, 1]}
        for name, labels in scales.items():
            group.create_dataset(name, data=labels).make_scale(name)
        put(group, "label", numpy.array(["dense", "sparse"], object), ["rounds"])
        data = put(group, "accuracy", ACCURACY, scales)
        data.attrs["coordinates"] = "label"
        put(group, "compression", RATIO, ["train_seed", "rounds"])
        put(group, "unfinished", [float("nan"), 1.0], ["rounds"])


def claim(ours, met="{at_most: 3}", value="null", unit='"%"'):
    return (f"- paper: Someone, 2020\n  claim: a, b\n  unit: {unit}\n"
            f"  paper_value: {value}\n  ours: {ours}\n  met: {met}\n")


class Folder:
    """A folder `root` of experiments with one experiment, `one`."""

    def __init__(self, root):
        self.root = root
        (root / "one").mkdir()
        (root / "README.md").write_text(README, encoding="utf-8")
        write_result(root / "one" / "r.h5")

    def write(self, text):
        (self.root / "one" / "claims.yaml").write_text(text, encoding="utf-8")

    def run(self, *options):
        done = subprocess.run([CLAIMS, *options, self.root], capture_output=True, text=True,
                              check=False)
        return done.returncode, done.stdout + done.stderr

    def rows(self, text):
        """What claims.csv says after its header."""
        self.write(text)
        assert self.run() == (0, ""), self.run()
        found = (self.root / "one" / "claims.csv").read_text(encoding="utf-8")
        assert found.startswith(HEADER), found
        return found[len(HEADER):]

    def fails(self, text, words):
        self.write(text)
        code, said = self.run()
        assert code == 2 and said.count("\n") == 1, (code, said)
        assert "claims.yaml: " in said and words in said, (words, said)
        assert not (self.root / "one" / "claims.csv").exists()


def pairs_over_seeds(folder, _):
    # Differences 2, 1, 3: mean 2, deviation 1; t(0.975, 2) = 4.302653.
    ours = ("{file: r.h5, data: results/accuracy, at: {rounds: 0}, "
            "minus: {at: {rounds: 2e-6}}, seeds: train_seed, times: 100}")
    expected = '"a, b",%,{},2,-0.484138,4.48414,3,{}\n'
    for rule, value, met in (("at_most: 2.0001", "null", "yes"), ("at_most: 1.9", "1.9", "no"),
                             ("at_least: 1.9999", "null", "yes"), ("at_least: 2.1", "0", "no"),
                             ("within: 0.1001", "2.1", "yes"), ("within: 0.09", "2.1", "no"),
                             ("at_most: 4, by: interval", "null", "no"),
                             ("at_most: 4.5, by: interval", "null", "yes"),
                             ("at_least: -0.49, by: interval", "null", "yes"),
                             ("at_least: 1, by: interval", "null", "no"),
                             ("within: 2.4, by: interval", "2", "no"),
                             ("within: 2.5, by: interval", "2", "yes")):
        row = '"Someone, 2020",' + expected.format("" if value == "null" else value, met)
        found = folder.rows(claim(ours, "{" + rule + "}", value))
        assert found == row, (rule, found, row)


def selects_by_labels(folder, _):
    one = "{file: r.h5, data: results/compression, at: {train_seed: 2, rounds: 2.0e-6}}"
    assert folder.rows(claim(one, unit=1)) == '"Someone, 2020","a, b",1,,22,,,1,no\n'
    zipped = ("{file: r.h5, data: results/accuracy, at: {label: sparse}, seeds: train_seed}")
    row = '"Someone, 2020","a, b",%,,0.96,0.96,0.96,3,yes\n'
    assert folder.rows(claim(zipped)) == row
    chips = ("{file: r.h5, data: results/accuracy, at: {rounds: 0, train_seed: 1}, "
             "seeds: trial}")
    # 0.97 and 0.99: 0.98 +- 12.7062 * 0.01
    row = '"Someone, 2020","a, b",%,,0.98,0.852938,1.10706,2,yes\n'
    assert folder.rows(claim(chips)) == row
    ratio = ("{file: r.h5, data: results/compression, at: {rounds: 2e-6}, "
             "ratio_to: {at: {rounds: 0}}, seeds: train_seed}")
    assert ",22,17.0317,26.9683,3,no" in folder.rows(claim(ratio))


def adds_data(folder, _):
    both = ("{file: r.h5, data: [results/accuracy, results/compression], "
            "at: {rounds: 2e-6}, seeds: train_seed}")
    # 20.96 22.96 24.96
    assert ",22.96,17.9917,27.9283,3,no" in folder.rows(claim(both))
    (folder.root / "one" / "claims.csv").unlink()
    folder.fails(claim(both.replace("results/accuracy, ", "results/acc, ")),
                 "no dataset 'results/acc'")
    folder.fails(claim(both.replace("[results/accuracy, results/compression]", "[]")),
                 "data: the list is empty")


def joins_files(folder, _):
    write_result(folder.root / "one" / "s.h5", (4, 5, 6))
    ours = "{file: [r.h5, s.h5], data: results/compression, at: {rounds: 2e-6}, seeds: train_seed}"
    # 20 22 24 20 22 24; t(0.975, 5) = 2.570582.
    assert ",22,20.1227,23.8773,6,no" in folder.rows(claim(ours))
    (folder.root / "one" / "claims.csv").unlink()
    write_result(folder.root / "one" / "s.h5", (3, 4, 5))
    folder.fails(claim(ours), "the same seed twice")
    unpaired = ("{file: r.h5, data: results/compression, at: {rounds: 0}, "
                "minus: {file: s.h5}, seeds: train_seed}")
    folder.fails(claim(unpaired), "not of the same seeds")


def says_what_is_wrong(folder, _):
    good = "{file: r.h5, data: results/accuracy, at: {rounds: 0}, seeds: train_seed}"
    for text, words in (
            (claim(good.replace("rounds", "round")), "no axis 'round', but train_seed, rounds"),
            (claim(good.replace(": 0", ": 1")), "axis 'rounds' has no '1' here, but 0.0, 2e-06"),
            (claim(good.replace("at: {rounds: 0}, ", "")), "at must say which 'rounds'"),
            (claim(good.replace("train_seed", "seed")), "no axis 'seed' of seeds"),
            (claim(good.replace("r.h5", "q.h5")), "there is no result file"),
            (claim(good.replace("r.h5", "../one/r.h5")), "there is no result file"),
            (claim(good.replace("accuracy", "acc")), "no dataset 'results/acc'"),
            (claim("{file: r.h5, data: results/unfinished, at: {rounds: 0}}"),
             "was all of it evaluated?"),
            (claim(good[:-1] + ", scale: 100}"), "ours has no key 'scale', but file, data"),
            (claim(good[:-1] + ", times: x}"), "times: 'x' is no number"),
            (claim(good.replace("accuracy", "label")), "/results/label holds no numbers"),
            (claim("{data: results/accuracy}"), "ours needs the key 'file'"),
            (claim(good, "{}"), "met needs one of at_least, at_most, within"),
            (claim(good, "{at_least: 1, at_most: 2}"), "met needs one of"),
            (claim(good, "{within: 1}"), "within needs a paper_value"),
            (claim(good, "{at_least: .nan}"), "at_least: 'nan' is no number"),
            (claim(good, "{at_least: 1, by: luck}"), "'luck' is neither mean nor interval"),
            (claim(good.replace("rounds: 0", "rounds: 0, train_seed: 1"),
                   "{at_least: 1, by: interval}"), "needs more than one seed"),
            (claim(good, value="many"), "'many' is neither a number nor null"),
            (claim(good) + "  unit: s\n", "line 7: key 'unit' stands twice"),
            (claim(good[:-1]), "line 6: expected ',' or '}'"),
            ("- \x01", "yaml: unacceptable character"),
            ("claims: no list\n", "not a list of claims")):
        folder.fails(text, words)
    (folder.root / "one" / "r.h5").write_bytes(b"no HDF5")
    folder.fails(claim(good), "line 5: ")


def refuses_large_files(folder, _):
    with h5py.File(folder.root / "one" / "r.h5", "a") as file:
        file.create_dataset("model", data=numpy.zeros(1 << 18))
    folder.fails(claim("{file: r.h5, data: results/accuracy}"), "output.model: false")


def keeps_the_table(folder, _):
    readme = folder.root / "README.md"
    assert folder.run("--check")[0] == 1
    assert folder.run() == (0, "")
    assert folder.run("--check") == (0, "")
    ours = "{file: r.h5, data: results/compression, at: {rounds: 2e-6}, seeds: train_seed}"
    folder.rows(claim(ours, "{at_least: 20}", 71.2, 1).replace("a, b", "a | b"))
    row = ("| [one](one/claims.csv) | Someone, 2020 | a \\| b | 71.2 | 22 [17.03, 26.97] "
           "| 3 | yes |\n")
    text = README.replace("end", "END").replace("begin -->\n", "begin -->\n" + TABLE + row)
    assert readme.read_text(encoding="utf-8") == text.replace("END", "end")
    assert folder.run("--check") == (0, "")


def sees_what_is_stale(folder, _):
    ours = "{file: r.h5, data: results/compression, at: {rounds: 2e-6}, seeds: train_seed}"
    table, readme = folder.root / "one" / "claims.csv", folder.root / "README.md"
    folder.write(claim(ours))
    assert folder.run("--check")[0] == 1 and not table.exists()
    folder.rows(claim(ours))
    for path in (table, readme):
        before = path.read_text(encoding="utf-8")
        path.write_text(before.replace("22", "23"), encoding="utf-8")
        code, said = folder.run("--check")
        assert code == 1 and str(path) in said, said
        path.write_text(before, encoding="utf-8")
    with h5py.File(folder.root / "one" / "r.h5", "a") as file:
        file["results/compression"][0, 1] = 30
    assert folder.run("--check")[1].count("run scripts/claims") == 2
    assert folder.run() == (0, "") and folder.run("--check") == (0, "")
    (folder.root / "one" / "claims.yaml").unlink()
    code, said = folder.run("--check")
    assert code == 2 and "no claims.yaml beside it" in said, said
    table.unlink()
    readme.write_text("no table\n", encoding="utf-8")
    code, said = folder.run()
    assert code == 2 and "must stand once each" in said, said


def reads_a_file_of_ohmgrid(folder, result):
    shutil.copy(result, folder.root / "one" / "r.h5")
    with h5py.File(result) as file:
        means = file["results/accuracy_mean"][1, :, 2]
        noise = file["results/read_noise"][()]
    for value, label in zip(means, noise):
        ours = ("{file: r.h5, data: results/accuracy, at: {training: hardware_aware, "
                f"adc_bits: 8, read_noise: {label!r}}}}}")
        found = folder.rows(claim(ours)).split(",")[-5]
        assert found == f"{value:.6g}", (found, value)


CASES = {case.__name__.replace("_", " "): case for case in (
    pairs_over_seeds, selects_by_labels, adds_data, joins_files, says_what_is_wrong,
    refuses_large_files, keeps_the_table, sees_what_is_stale, reads_a_file_of_ohmgrid)}

if sys.argv[1:] == ["--list"]:
    print("\n".join(CASES))
else:
    with tempfile.TemporaryDirectory() as made:
        CASES[sys.argv[1]](Folder(pathlib.Path(made)), sys.argv[2])
