# SPDX-License-Identifier: GPL-3.0-or-later
"""Dictionaries as the YAML that the library reads: one line, flow style."""
import json
import re

# Texts that mean themselves without quotes, such as "2 uS" (which is a number to the
# library, where a quoted one is not) or "fashion_mnist".
_BARE = re.compile(r"(?![-+.] )[\w./+-]([\w./+ %µμ-]*[\w./+%-])?", re.ASCII)


def dump(value):
    """Text of a dict, list, text, number or bool; NumPy's numbers and arrays, too."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)}: {dump(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(dump(v) for v in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return value if _BARE.fullmatch(value) else json.dumps(value, ensure_ascii=False)
    raise TypeError(f"{value!r} has no place in YAML: dicts, lists, texts, numbers and "
                    "bools have")


def _key(key):
    if not isinstance(key, str):
        raise TypeError(f"{key!r} is no key: keys are texts")
    return dump(key)
