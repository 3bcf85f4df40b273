"""Statistics, replay and signals over a file of 100,000 recorded sessions, uncompressed (bench/insight), and what a session's record and
metrics cost (bench/record). `stats`: the program itself over a larger file, beside `cat` of the same one in the same run."""
import json
import pathlib
import subprocess
import tempfile
import time

import protocols

CELLS = {"insight": "replay and signals over 100,000 recorded sessions, the default preset and 50 rules: sessions a second on one core; "
                    "the record and metrics of a refused session",
         "stats": "`postern stats` over a GB of records, plain and compressed, beside `cat` of the same file"}
SESSIONS = 100_000  # of one iteration
PROGRAMS = {"bench_insight": "read|replay|signals", "bench_record": "refused_and_counted|counted$"}
PLAIN = 1 << 30  # octets


def run(build: pathlib.Path, repetitions: int, recorder) -> None:
    protocols.run(build, repetitions, recorder, PROGRAMS)


def _timed(command: list[str], repetitions: int) -> float:
    """The best of several runs, seconds of wall time; the first warms the page cache."""
    best = float("inf")
    for _ in range(repetitions + 1):
        begun = time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        best = min(best, time.monotonic() - begun)
    return best


def run_stats(build: pathlib.Path, repetitions: int, recorder) -> None:
    with tempfile.TemporaryDirectory(prefix="postern_bench_stats") as folder:
        plain = pathlib.Path(folder, "current.jsonl")
        subprocess.run([str(build / "bench" / "bench_insight"), f"--write={plain}", f"--octets={PLAIN}"], check=True)
        packed = pathlib.Path(folder, "20261121T000000Z.jsonl.zst")
        subprocess.run(["zstd", "-q", "-3", "-k", str(plain), "-o", str(packed)], check=True)
        size = plain.stat().st_size
        for cell, path, peer in (("stats", plain, ["cat", str(plain)]), ("stats-zst", packed, ["zstd", "-dcq", str(packed)])):
            seconds = _timed([str(build / "postern"), "stats", "--json", str(path)], max(3, repetitions))
            found = json.loads(subprocess.run([str(build / "postern"), "stats", "--json", str(path)], capture_output=True, check=True).stdout)
            beside = _timed(peer, max(3, repetitions))
            error = "" if found["lines"]["unknown"] == 0 else f"{found['lines']['unknown']} lines were not read"
            recorder.add({"cell": cell, "server": "postern", "gb_per_s": size / seconds / 1e9, "seconds": seconds,
                          "sessions": found["connections"]["total"], "error": error})
            recorder.add({"cell": cell, "server": peer[0], "gb_per_s": size / beside / 1e9, "seconds": beside, "error": ""})
