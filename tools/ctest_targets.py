#!/usr/bin/env python3
"""Prints the programs (ninja targets) of the tests that ctest would run: ctest_targets.py BUILD_DIRECTORY [CTEST_ARGUMENT...].

ctest names a program only once it is built, so the names follow the rule of tests/CMakeLists.txt and fuzz/CMakeLists.txt.
"""
import json
import subprocess
import sys


def program_of(test: str) -> str:
    """unit_M runs M_test, corpus_F runs F, a_coroutine_torture runs coroutine_torture, any other test its own name."""
    if test.startswith("unit_"):
        return test.removeprefix("unit_") + "_test"
    return test.removeprefix("corpus_").removeprefix("a_")


def main() -> int:
    build, arguments = sys.argv[1], sys.argv[2:]
    listing = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1", *arguments],
                             capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        print(listing.stderr, file=sys.stderr)
        return 1
    programs = sorted({program_of(test["name"]) for test in json.loads(listing.stdout)["tests"]})
    print("\n".join(programs), end="\n" if programs else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
