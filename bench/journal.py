"""The spool without SMTP, by spoolload (bench/spool_load)."""
import json
import pathlib
import shutil
import subprocess

RATE_MESSAGES = 60_000
QUEUED = 1_000_000


def _spoolload(build: pathlib.Path, mode: str, directory: pathlib.Path, messages: int) -> dict:
    done = subprocess.run([str(build / "bench/spoolload"), mode, str(directory), str(messages)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise SystemExit(f"spoolload {mode} failed: {done.stderr}")
    return json.loads(done.stdout)


def run(build: pathlib.Path, folder: pathlib.Path, repetitions: int, recorder) -> None:
    for _ in range(repetitions):
        directory = folder / "journal"
        shutil.rmtree(directory, ignore_errors=True)
        try:
            recorder.add({"cell": "journal", "server": "postern"} | _spoolload(build, "rate", directory, RATE_MESSAGES))
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def fill(build: pathlib.Path, spool: pathlib.Path) -> int:
    """Leaves 1,000,000 messages of 4 KiB in the spool; about five gigabytes."""
    return _spoolload(build, "fill", spool, QUEUED)["messages"]
