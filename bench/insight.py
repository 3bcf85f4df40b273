"""Replay and signals over a file of 100,000 recorded sessions, uncompressed (bench/insight): CPU time a session on one core."""
import pathlib

import protocols

CELLS = {"insight": "replay and signals over 100,000 recorded sessions, the default preset and 50 rules: sessions a second on one core"}
SESSIONS = 100_000  # of one iteration
PROGRAMS = {"bench_insight": "read|replay|signals"}


def run(build: pathlib.Path, repetitions: int, recorder) -> None:
    protocols.run(build, repetitions, recorder, PROGRAMS)
