#!/usr/bin/env python3
"""Tracked files name no machine: no path of somebody's workplace, no temporary folder, no private host. Exit 1 if one does."""
import pathlib
import re
import subprocess
import sys

# Paths that exist on one machine only. Where a home or a temporary folder is meant, a variable stands for it.
PATHS = re.compile(r"""(?:^|[\s"'=:(`])(/(?:root|work|workspace|builds?|Users)/[\w.-]|/home/(?!\{)\w|/tmp/\w)""")
# Mirrors and registries of one organisation, or any address with credentials in it.
HOSTS = re.compile(r"\b(?:registry|artifactory|nexus|mirror|harbor)\.[\w.-]+\.\w+|https?://[^/\s@]+:[^/\s@]+@")


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True).stdout.decode()
    problems = []
    for name in filter(None, listed.split("\0")):
        path = pathlib.Path(name)
        if not path.is_file() or name.startswith("fuzz/corpus/"):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            for pattern in (PATHS, HOSTS):
                if found := pattern.search(line):
                    problems.append(f"{name}:{number}: {found[0].strip()}")
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
