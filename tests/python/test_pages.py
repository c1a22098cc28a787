# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents: links lead somewhere, the index is whole, what is generated is current."""
import os
import pathlib
import re
import subprocess
import sys
import unittest

import ohmgrid
import tap

SOURCE = pathlib.Path(os.environ["OHMGRID_SOURCE"])
LINK = re.compile(r"\]\(([^()\s]+)\)")
YAML = re.compile(r"^```yaml\n(.*?)^```$", re.M | re.S)
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
LONGEST = {"README.md": 150}  # lines of pages that are no reference
FIGURE = 80_000  # bytes


def pages():
    found = [SOURCE / "README.md", *SOURCE.glob("*/*.md"), *SOURCE.glob("*/*/*.md")]
    return [page for page in found if not page.relative_to(SOURCE).parts[0].startswith("build")]


class Pages(unittest.TestCase):
    def test_links_lead_somewhere(self):
        lost = []
        for page in pages():
            text = FENCE.sub("", page.read_text(encoding="utf-8"))
            for link in LINK.findall(text):
                if "://" not in link and not (page.parent / link.partition("#")[0]).exists():
                    lost.append(f"{page.relative_to(SOURCE)}: {link}")
        self.assertEqual(lost, [])

    def test_index_names_every_page(self):
        index = LINK.findall((SOURCE / "docs/README.md").read_text(encoding="utf-8"))
        for page in (SOURCE / "docs").glob("*.md"):
            if page.name != "README.md":
                self.assertIn(page.name, index)

    def test_first_page_is_short(self):
        for name, most in LONGEST.items():
            text = (SOURCE / name).read_text(encoding="utf-8")
            self.assertLessEqual(text.count("\n"), most, name)

    def test_figures_are_small(self):
        used = "".join(page.read_text(encoding="utf-8") for page in pages())
        for figure in (SOURCE / "docs").glob("*.png"):
            self.assertIn(figure.name, used)
            if figure.name != "report.png":  # a whole page, as a browser shows it
                self.assertLess(figure.stat().st_size, FIGURE, figure.name)

    def test_hardware_of_examples_is_accepted(self):
        try:
            import yaml
        except ImportError:
            self.skipTest("without yaml")
        seen = 0
        for page in [SOURCE / "README.md", *(SOURCE / "docs").glob("*.md")]:
            for block in YAML.findall(page.read_text(encoding="utf-8")):
                keys = yaml.safe_load(block)
                keys = keys.get("hardware") if isinstance(keys, dict) else None
                if keys:
                    with self.subTest(page=page.name, hardware=keys):
                        ohmgrid.Hardware(keys)
                        seen += 1
        self.assertGreater(seen, 12)

    def test_configuration_is_what_the_program_says(self):
        done = subprocess.run([sys.executable, SOURCE / "scripts/configuration",
                               os.environ["OHMGRID_PROGRAM"], "--check"],
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        page = (SOURCE / "docs/configuration.md").read_text(encoding="utf-8")
        for row in ("## hardware.adc.circuit", "| `labels` |", "| `projection` |", "## jart_v1b"):
            self.assertIn(row, page)


if __name__ == "__main__":
    tap.main(__name__)
