#!/usr/bin/env python3
"""Names source files over 500 lines: one idea a file. Over 800 lines it is an error."""
import pathlib
import subprocess
import sys

LONG, TOO_LONG = 500, 800


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "--", "*.cc", "*.h", "*.py", "*.sh"], capture_output=True, text=True, check=True)
    lengths = []
    for name in listed.stdout.split():
        path = pathlib.Path(name)
        if path.is_file():
            lengths.append((len(path.read_text(errors="replace").splitlines()), name))
    for lines, name in sorted(lengths, reverse=True):
        if lines > LONG:
            print(f"{lines} lines  {name}")
    return 1 if any(lines > TOO_LONG for lines, _ in lengths) else 0


if __name__ == "__main__":
    sys.exit(main())
