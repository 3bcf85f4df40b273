#!/usr/bin/env python3
"""Runs the tests that are programs of their own: tests/integration/*.test and tests/crash/*.test.

The contract. Each executable NAME.test (bash, Python, anything) runs in the root of the repository with
  POSTERN     the absolute path of the binary under test
  TEST_TMP    an empty directory of its own, removed afterwards unless the test fails
  TEST_PORT   the first of 20 ports, TEST_PORT to TEST_PORT+19, that no other test of this run uses
It ends with 0 for passed, 77 for skipped (its last line says why), anything else for failed. A comment `# timeout: N` among
its first 20 lines replaces the limit of 120 seconds. It, and all that it started, is killed at the limit and when it ends.
What it prints is shown only when it fails: the last 60 lines.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PORTS_EACH = 20
FIRST_PORT, LAST_PORT = 20000, 32000  # below the range that Linux hands out by itself
LINES_SHOWN = 60
SKIPPED = 77


def find(directories: list[str], pattern: str) -> list[pathlib.Path]:
    tests = [test for directory in directories for test in sorted(pathlib.Path(directory).glob("*.test"))]
    return [test for test in tests if re.search(pattern, str(test))]


def time_limit(test: pathlib.Path) -> int:
    with test.open(errors="replace") as file:
        for _, line in zip(range(20), file):
            if found := re.match(r"#\s*timeout:\s*(\d+)", line):
                return int(found[1])
    return 120


def end_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(test: pathlib.Path, postern: str, port: int) -> dict:
    folder = tempfile.mkdtemp(prefix=f"postern-{test.stem}-")
    environment = os.environ | {"POSTERN": postern, "TEST_TMP": folder, "TEST_PORT": str(port)}
    began = time.monotonic()
    if not os.access(test, os.X_OK):
        return {"test": test, "state": "failed", "seconds": 0, "folder": folder, "output": "it is not executable (chmod +x)"}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([str(test.absolute())], env=environment, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        limit = time_limit(test)
        try:
            code = process.wait(timeout=limit)
            note = "" if code in (0, SKIPPED) else f"\nit ended with status {code}"
        except subprocess.TimeoutExpired:
            code, note = -1, f"\nit did not end within {limit} seconds"
        end_group(process.pid)
        process.wait()
        output.seek(0)
        text = output.read().decode(errors="replace").rstrip()
    state = {0: "passed", SKIPPED: "skipped"}.get(code, "failed")
    if state == "skipped" and not text:
        state, note = "failed", "\nit was skipped without saying why"
    if state != "failed":
        shutil.rmtree(folder, ignore_errors=True)
    return {"test": test, "state": state, "seconds": time.monotonic() - began, "folder": folder, "output": text + note}


def report(result: dict) -> None:
    words = {"passed": "ok", "skipped": "skipped", "failed": "FAILED"}
    line = f"{words[result['state']]:8}{result['test']}  {result['seconds']:.1f} s"
    if result["state"] == "skipped":
        line += f"  ({result['output'].splitlines()[-1]})"
    print(line, flush=True)
    if result["state"] == "failed":
        for line in result["output"].splitlines()[-LINES_SHOWN:]:
            print(f"    {line}")
        print(f"    its files: {result['folder']}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postern")
    parser.add_argument("--filter", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--counts", help="append one JSON line of counts to this file")
    parser.add_argument("--list", action="store_true", help="only name the tests")
    parser.add_argument("directories", nargs="+")
    arguments = parser.parse_args()
    tests = find(arguments.directories, arguments.filter)
    if arguments.list:
        print("\n".join(map(str, tests)), end="\n" if tests else "")
        return 0
    tests.sort(key=lambda test: -time_limit(test))  # a long one that begins last leaves the other cores idle
    postern = str(pathlib.Path(arguments.postern).absolute())
    slots = (LAST_PORT - FIRST_PORT) // PORTS_EACH
    # Two runs on one machine begin at different places.
    ports = [FIRST_PORT + (os.getpid() * 7 + i) % slots * PORTS_EACH for i in range(len(tests))]
    counts = {"name": "scripts", "passed": 0, "failed": 0, "skipped": 0}
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        waiting = [pool.submit(run, test, postern, port) for test, port in zip(tests, ports)]
        for done in concurrent.futures.as_completed(waiting):
            result = done.result()
            counts[result["state"]] += 1
            report(result)
    if arguments.counts:
        with open(arguments.counts, "a", encoding="ascii") as file:
            file.write(json.dumps(counts) + "\n")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
