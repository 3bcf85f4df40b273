#!/usr/bin/env python3
"""clang-tidy over the .cc files of a build directory's compile_commands.json: tidy.py BUILD_DIRECTORY [--jobs N] [PATH...].

With PATHs only what lies below one of them, in that order. A file that was clean is not checked again until it, a header of
ours that it can reach, its compile command or .clang-tidy changes; the stamps are in build/tidy.
"""
import argparse
import concurrent.futures
import functools
import hashlib
import json
import pathlib
import re
import subprocess
import sys

TIDY = "clang-tidy-19"
STAMPS = pathlib.Path("build/tidy")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
ROOTS = [pathlib.Path("src"), pathlib.Path("tests"), pathlib.Path("bench"), pathlib.Path("fuzz")]


@functools.cache
def text_of(path: pathlib.Path) -> str:
    return path.read_text(errors="replace")


@functools.cache
def reached(path: pathlib.Path) -> frozenset[pathlib.Path]:
    """The headers of this repository that `path` includes, directly or not."""
    found: set[pathlib.Path] = set()
    waiting = [path]
    while waiting:
        current = waiting.pop()
        for name in INCLUDE.findall(text_of(current)):
            for candidate in [current.parent / name, *(root / name for root in ROOTS)]:
                if candidate.is_file() and candidate not in found:
                    found.add(candidate)
                    waiting.append(candidate)
                    break
    return frozenset(found)


def key_of(path: pathlib.Path, command: str) -> str:
    rules = [folder / ".clang-tidy" for folder in path.parents if (folder / ".clang-tidy").is_file()]
    digest = hashlib.sha256(command.encode() + "".join(map(text_of, rules)).encode())
    for file in [path, *sorted(reached(path))]:
        digest.update(str(file).encode() + b"\0" + text_of(file).encode() + b"\0")
    return digest.hexdigest()


def check(path: pathlib.Path, build: str) -> tuple[bool, str]:
    done = subprocess.run([TIDY, "-p", build, "--quiet", str(path)], capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("paths", nargs="*", type=pathlib.Path, default=[pathlib.Path(".")])
    arguments = parser.parse_intermixed_args()
    root = pathlib.Path.cwd()
    work = {}
    ranks = {}
    seen = set()
    for entry in json.loads((pathlib.Path(arguments.build) / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        if path.is_relative_to(root) and path.exists():
            path = path.relative_to(root)
            rank = next((i for i, wanted in enumerate(arguments.paths) if path.is_relative_to(wanted)), None)
            if rank is None or path in seen:  # a source of two targets is read once
                continue
            seen.add(path)
            stamp = STAMPS / key_of(path, entry["command"])
            if not stamp.exists():
                work[path] = stamp
                ranks[path] = rank
    STAMPS.mkdir(parents=True, exist_ok=True)
    failed = 0
    shown: set[str] = set()
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        ordered = sorted(work, key=lambda path: (ranks[path], path))
        futures = {pool.submit(check, path, arguments.build): path for path in ordered}
        for future in concurrent.futures.as_completed(futures):
            clean, output = future.result()
            if clean:
                work[futures[future]].touch()
            else:
                failed += 1
                # A header's finding comes once for every source that includes it, and is shown once.
                for finding in re.split(r"^(?=\S+: (?:error|warning): )", output.replace(f"{root}/", ""), flags=re.M):
                    if finding and finding not in shown:
                        shown.add(finding)
                        print(finding.rstrip(), flush=True)
    if work:
        print(f"{len(work)} files read, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
