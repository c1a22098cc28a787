#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether every public function says what it does.

  scripts/check_api.py BUILD

reads what the target `doc` has written in BUILD/docs/xml and lists functions without a word.
"""
import pathlib
import sys
import xml.etree.ElementTree


def functions(folder):
    for path in sorted(folder.glob("*_8h.xml")):
        for member in xml.etree.ElementTree.parse(path).iter("memberdef"):
            if member.get("kind") == "function":
                text = "".join(part for tag in ("briefdescription", "detaileddescription")
                               for part in member.find(tag).itertext())
                yield member.find("name").text, text.strip()


found = dict(functions(pathlib.Path(sys.argv[1]) / "docs/xml"))
bare = [name for name, text in found.items() if not text]
print(f"{len(found)} public functions" if not bare else "without a word: " + ", ".join(bare))
sys.exit(bool(bare) or len(found) < 200)
