#!/usr/bin/env python3
"""Counts single test cases of a ctest run.

count_tests.py NAME JUNIT CASES   one JSON line {"name","passed","failed","skipped"}. CASES holds the XML reports of the
                                  GoogleTest programs: a program counts with each of its cases; any other test counts once.
count_tests.py --sum FILE         adds such lines up and prints 'N passed, N failed, N skipped'; exit 1 on failures.

A program that fails although none of its cases did (a leak found at exit, a crash before the report) is one failure more.
"""
import json
import pathlib
import sys
import xml.etree.ElementTree as ET

from ctest_targets import program_of


def count_cases(report: pathlib.Path) -> tuple[int, int, int]:
    passed = failed = skipped = 0
    for case in ET.parse(report).getroot().iter("testcase"):
        if case.get("status") == "notrun":
            continue
        if case.find("failure") is not None:
            failed += 1
        elif case.get("result") == "skipped" or case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def count(name: str, junit: pathlib.Path, cases: pathlib.Path) -> dict:
    total = {"name": name, "passed": 0, "failed": 0, "skipped": 0}
    if not junit.exists():
        return total | {"failed": 1}
    for test in ET.parse(junit).getroot().iter("testcase"):
        ok = test.get("status") == "run"
        failure = test.get("status") == "fail" or test.find("failure") is not None
        report = cases / f"{program_of(test.get('name', ''))}.xml"
        if report.exists():
            try:
                passed, failed, skipped = count_cases(report)
            except ET.ParseError:  # the program died while it wrote
                passed, failed, skipped = 0, 0, 0
                failure = True
            if failure and failed == 0:
                failed = 1
        elif failure:
            passed, failed, skipped = 0, 1, 0
        elif ok:
            passed, failed, skipped = 1, 0, 0
        elif test.find("skipped") is not None and (test.find("skipped").get("message") or "").startswith("SKIP_"):
            passed, failed, skipped = 0, 0, 1
        else:  # not run at all: the program is missing
            passed, failed, skipped = 0, 1, 0
        total["passed"] += passed
        total["failed"] += failed
        total["skipped"] += skipped
    return total


def add_up(file: pathlib.Path) -> int:
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    passed, failed, skipped = (sum(row[key] for row in rows) for key in ("passed", "failed", "skipped"))
    if passed + failed + skipped == 0:
        failed = 1  # a run without a single test proves nothing
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


def main() -> int:
    if sys.argv[1] == "--sum":
        return add_up(pathlib.Path(sys.argv[2]))
    print(json.dumps(count(sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
