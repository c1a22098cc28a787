#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts single test cases.

tally.py cases TESTLOG.json LABEL  reads the log of `meson test`, in which each program spoke
    TAP, prints one line `ok|skip|fail NAME` per case, and shows on stderr what programs with
    a failed case said. LABEL names the run in that text.
tally.py count RESULTS  reads such lines of any number of runs and prints the counts. A case
    of several runs counts once, by its worst. With OHMGRID_DATA set a skip is a failure.
"""
import json
import os
import re
import sys

PLAN = re.compile(r"^1\.\.(\d+)$")
CASE = re.compile(r"^(not )?ok (\d+)\b(?: -)? *(# SKIP)? *(.*)$")
WORST = ["ok", "skip", "fail"]


def cases_of(test):
    """The (verdict, name) of each case of one program; what it planned and never ended fails."""
    program, verdicts, planned, ended = test["name"], [], 0, set()
    said = test.get("stdout", "")
    plans = 0
    for line in said.splitlines():
        plan, case = PLAN.match(line), CASE.match(line)
        if plan:
            verdicts += [("fail", f"{program}: {planned - len(ended)} cases never ended")
                         ] * (planned > len(ended))
            planned, ended, plans = int(plan[1]), set(), plans + 1
        elif case and case[2] not in ended:
            ended.add(case[2])
            verdict = "skip" if case[3] else "fail" if case[1] else "ok"
            verdicts.append((verdict, f"{program}: {case[4]}"))
    if planned > len(ended):
        verdicts.append(("fail", f"{program}: {planned - len(ended)} cases never ended"))
    failed = any(verdict == "fail" for verdict, _ in verdicts)
    if plans == 0:
        verdicts.append(("fail", f"{program}: no cases"))
    elif test["result"] != "OK" and not failed:
        verdicts.append(("fail", f"{program}: {test['result']}, exit {test['returncode']}"))
    return verdicts


def cases(log, label):
    with open(log, encoding="utf-8", errors="replace") as lines:
        tests = [json.loads(line) for line in lines]
    for test in tests:
        verdicts = cases_of(test)
        for verdict, name in verdicts:
            print(verdict, name)
        if any(verdict == "fail" for verdict, _ in verdicts):
            print(f"---- {label}: {test['name']} said:", test.get("stdout", ""),
                  test.get("stderr", ""), sep="\n", file=sys.stderr)


def count(results):
    worst = {}
    with open(results, encoding="utf-8") as lines:
        for line in lines:
            verdict, name = line.rstrip("\n").split(" ", 1)
            if verdict == "skip" and os.environ.get("OHMGRID_DATA"):
                verdict = "fail"
            worst[name] = max(worst.get(name, "ok"), verdict, key=WORST.index)
    verdicts = list(worst.values())
    for name, verdict in worst.items():
        if verdict != "ok":
            print(f"{verdict}: {name}")
    skipped = verdicts.count("skip")
    print(f"{verdicts.count('ok')} passed, {verdicts.count('fail')} failed"
          + (f", {skipped} skipped" if skipped else ""))
    return 1 if "fail" in verdicts or "ok" not in verdicts else 0


if __name__ == "__main__":
    if sys.argv[1] == "cases":
        sys.exit(cases(sys.argv[2], sys.argv[3]))
    sys.exit(count(sys.argv[2]))
