"""The tables of constant size without a server: their microbenchmarks, and the attacks on the prefix budgets (bench/bounds/attacks.cc),
whose results are counts and hang on no machine."""
import json
import pathlib
import subprocess

import protocols

CELLS = {"bounds": "prefix budgets, pending greylist and known senders, 8 MiB each: events a second on one core",
         "attacks": "six simulated attacks on the prefix budgets beside an exact hierarchy, day one, and the memory of 10^7 attacking /64s"}
PROGRAMS = {"bench_bounds": ".*"}
ATTACK_SECONDS = {"quick": 1500, "full": 3600}


def run(build: pathlib.Path, repetitions: int, recorder) -> None:
    protocols.run(build, repetitions, recorder, PROGRAMS)


def run_attacks(build: pathlib.Path, plan: str, recorder) -> None:
    done = subprocess.run([str(build / "bench/attacks"), str(ATTACK_SECONDS[plan])], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        row = json.loads(line)
        error = f"{row['bytes_grown']} octets of memory more" if row["bytes_grown"] else ""
        scenario = f" S{row['scenario']}" if "scenario" in row else ""
        recorder.add({"cell": f"attacks/{row['run']}{scenario}", "server": "postern", "error": error} | row)
