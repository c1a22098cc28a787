#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the public headers say what their users must know.

  scripts/check_api.py BUILD

reads what the target `doc` has written in BUILD/docs/xml, and lists functions without a word,
functions that can fail and do not say how (neither they nor `Errors:` at the top of their
header), pointers that nobody is said to own, and headers without `Thread-safety:`.
"""
import collections
import pathlib
import re
import sys
import xml.etree.ElementTree

HEADERS = pathlib.Path(__file__).resolve().parent.parent / "include/ohmgrid"
FAILURE = re.compile(r"OG_[A-Z]|\b(fail|refus|error)", re.I)
OWNER = re.compile(r"free|\bown|borrow|\btake|cop(y|ies)", re.I)


def words(element):
    parts = (element.find(tag) for tag in ("briefdescription", "detaileddescription"))
    return "".join(text for part in parts if part is not None for text in part.itertext()).strip()


def lacking(path, found):
    """Adds to `found` the names of what a header does not say; the number of functions."""
    header = xml.etree.ElementTree.parse(path).getroot().find("compounddef")
    name, top, count = header.find("compoundname").text, words(header), 0
    for member in header.iter("memberdef"):
        if member.get("kind") != "function":
            continue
        count += 1
        said, function = words(member), member.find("name").text
        gives = "".join(member.find("type").itertext())
        takes = "".join(member.find("argsstring").itertext())
        if not said:
            found["without a word"].append(function)
        if gives == "og_status" and not FAILURE.search(said) and "Errors" not in top:
            found["can fail, and how is not said"].append(function)
        is_given = "*" in gives and "const" not in gives
        if (is_given or re.search(r"\bog_\w+ \*\*", takes)) and not (
                OWNER.search(said) or re.search("ownership", top, re.I)):
            found["a pointer that nobody is said to own"].append(function)
    if count > 0 and "Thread-safety:" not in (HEADERS / name).read_text(encoding="utf-8"):
        found["headers without Thread-safety:"].append(name)
    return count


faults, functions = collections.defaultdict(list), 0
for xml_file in sorted((pathlib.Path(sys.argv[1]) / "docs/xml").glob("*_8h.xml")):
    functions += lacking(xml_file, faults)
for fault, names in faults.items():
    print(f"{fault}: {', '.join(names)}")
print(f"{functions} public functions")
sys.exit(bool(faults) or functions < 200)
