"""Runs Postern's tools, once or over a batch of cases, for the tests of mail authentication."""
import base64
import fcntl
import json
import os
import re
import struct
import subprocess
import sys
import termios

POSTERN = os.environ.get("POSTERN", "build/release/postern")
TMP = os.environ.get("TEST_TMP", ".")
SUITES = os.environ.get("POSTERN_CONFORMANCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../shared/conformance")


def skip(why: str):
    print(why)
    sys.exit(77)


def tool(*arguments, stdin: bytes = b"", code: int | None = None) -> subprocess.CompletedProcess:
    """The finished process; with `code`, that must be its exit code."""
    done = subprocess.run([POSTERN, *map(str, arguments)], input=stdin, capture_output=True, timeout=100)
    assert code is None or done.returncode == code, (arguments, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done


def on_terminal(columns: int, *arguments) -> list[str]:
    """The lines that standard output shows on a terminal so wide."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with subprocess.Popen([POSTERN, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE,
                          env={**os.environ, "NO_COLOR": "1"}) as running:
        os.close(theirs)
        text = b""
        while True:
            try:
                octets = os.read(ours, 65536)
            except OSError:  # the last one has closed the other end
                break
            if not octets:
                break
            text += octets
        assert running.wait() == 0, (arguments, running.stderr.read())
    os.close(ours)
    return text.decode().replace("\r\n", "\n").splitlines()


def as_json(*arguments, **options) -> dict:
    return json.loads(tool(*arguments, "--json", **options).stdout)


def batch(command: str, cases: list[dict]) -> list[dict]:
    """The answers, in order; one each, with the same ids."""
    text = "".join(json.dumps(case) + "\n" for case in cases)
    done = tool(*command.split(), "--batch", stdin=text.encode(), code=0)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [a["id"] for a in answers] == [c["id"] for c in cases], "ids or their order differ"
    return answers


def crlf(text: bytes) -> bytes:
    return re.sub(rb"\r?\n", b"\r\n", text)


def b64(text: bytes | str) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def write(name: str, text: bytes | str) -> str:
    path = os.path.join(TMP, name)
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    return path


def suite(*path: str) -> str | None:
    """A file or folder of the conformance suites; None where it is not there."""
    full = os.path.join(SUITES, *path)
    return full if os.path.exists(full) else None


def load(*path: str):
    with open(os.path.join(SUITES, *path), encoding="utf-8") as file:
        return json.load(file)
