# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the test cases of a module and tells of them in TAP, as the programs in C do."""
import sys
import unittest


class _Result(unittest.TestResult):
    def _say(self, verdict, test, note=""):
        print(f"{verdict} {self.testsRun} - {note}{test._testMethodName}", flush=True)

    def addSuccess(self, test):
        self._say("ok", test)

    def addSkip(self, test, reason):
        self._say("ok", test, "# SKIP ")

    def addFailure(self, test, error):
        self._say("not ok", test)
        super().addFailure(test, error)
        print(self.failures[-1][1], file=sys.stderr)

    def addError(self, test, error):
        super().addError(test, error)
        if isinstance(test, unittest.TestCase):
            self._say("not ok", test)
        print(self.errors[-1][1], file=sys.stderr)


def main(module):
    tests = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[module])
    print(f"1..{tests.countTestCases()}")
    result = _Result()
    tests.run(result)
    sys.exit(not result.wasSuccessful())
