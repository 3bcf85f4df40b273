"""The spool without SMTP: its rate by bench_spool (bench/spool), queues to start on by spoolload (bench/spool_load)."""
import json
import pathlib
import shutil
import subprocess

QUEUED = 1_000_000


def _spoolload(build: pathlib.Path, directory: pathlib.Path, messages: int) -> dict:
    done = subprocess.run([str(build / "bench/spoolload"), str(directory), str(messages)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise SystemExit(f"spoolload failed: {done.stderr}")
    return json.loads(done.stdout)


def run(build: pathlib.Path, folder: pathlib.Path, repetitions: int, recorder) -> None:
    """bench_spool prints medians of its own rounds, one line a size and concurrency."""
    directory = folder / "journal"
    directory.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run([str(build / "bench/bench_spool"), "--json", "--dir", str(directory), "--seconds", "1", "--rounds",
                               str(repetitions)], capture_output=True, text=True, check=True)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    for line in done.stdout.splitlines():
        row = json.loads(line)
        cell = f"journal-{row['size'] // 1024}k-{row['concurrent']}"
        recorder.add({"cell": cell, "server": "postern", "rate": row["journal_per_s"], "share": row["ratio"]} | row)


def fill(build: pathlib.Path, spool: pathlib.Path) -> int:
    """Leaves 1,000,000 messages of 4 KiB in the spool; about five gigabytes."""
    return _spoolload(build, spool, QUEUED)["messages"]
