#!/usr/bin/env python3
"""run.py [quick|full] [CELL...]: the benchmark of ./dev bench.

Every cell runs several times on each server, in turns (A B C, C B A, ...), so that a noisy minute hits all of them; medians
count. Raw results are appended to build/bench/results.jsonl. CELL is a regular expression for the names that --list prints.
"""
import argparse
import json
import os
import pathlib
import re
import sys
import time

import authentication
import bounds
import checker
import defence
import greylist
import insight
import journal
import maillog
import outbound
import protocols
import reach
import web
from cells import CELLS, hold, measure
from figures import table
from servers import Postern, Postfix, Postscreen, Responder, Sink

FOLDER = pathlib.Path("build/bench").absolute()
IDLE_SESSIONS = 10_000
SINGLE_CELLS = {  # cells of Postern alone
    "idle-plain": "10,000 idle sessions, then their share of the memory",
    "idle-tls": "10,000 idle sessions after STARTTLS",
} | authentication.MODES | defence.MODES | protocols.CELLS | protocols.PEERS | bounds.CELLS | greylist.CELLS | insight.CELLS | maillog.CELLS | outbound.CELLS | reach.CELLS | checker.CELLS | web.CELLS | {
    "journal": "the spool without SMTP, beside a bare loop of the same writes and fdatasyncs",
    "start-1m": "start with 1,000,000 queued messages of 4 KiB",
}
PLANS = {"quick": (3, 1.5), "full": (5, 4.0)}  # repetitions, seconds each


class Recorder:
    def __init__(self):
        self.results: dict[tuple[str, str], list[dict]] = {}
        self.file = (FOLDER / "results.jsonl").open("a")

    def add(self, result: dict) -> None:
        self.results.setdefault((result["cell"], result["server"]), []).append(result)
        line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "load_average": os.getloadavg()[0]} | result
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()
        shown = [f"{key} {result[key]:.4g}" for key in ("rate", "cpu_per_1000", "final_p50_ms", "final_p99_ms", "honoured", "kib_per_session",
                                                        "share", "seconds_to_ready", "pss_kib_per_message", "cpu_us", "catch", "innocents_deferred",
                                                        "bytes_per_triplet", "path_cpu_per_1000", "p50_ms", "p99_ms", "slowest_ms", "extra_ms", "broken_ms", "whole_ms", "wall_s", "cpu_s", "peak_mib", "page_kb",
                                                        "failed")
                 if key in result and (key != "failed" or result[key])]
        complaint = f"  ERROR {result['error']}" if result.get("error") else ""
        print(f"  {result['cell']:18} {result['server']:10} {'  '.join(shown)}{complaint}", file=sys.stderr, flush=True)


def run_cells(cells, servers: dict, recorder: Recorder, load: pathlib.Path, repetitions: int, seconds: float) -> None:
    for cell in cells:
        present = [servers[name] for name in cell.servers if name in servers]
        for turn in range(repetitions):
            for server in present if turn % 2 == 0 else reversed(present):
                recorder.add(measure(cell, server, load, seconds))


def run_idle(recorder: Recorder, build: pathlib.Path, tls: bool) -> None:
    server = Postern(FOLDER, build / "postern")
    try:
        server.start()
        result = hold(server, build / "bench/smtpload", IDLE_SESSIONS, tls)
        recorder.add({"cell": "idle-tls" if tls else "idle-plain", "server": "postern"} | result)
    finally:
        server.stop()


def run_start(recorder: Recorder, build: pathlib.Path, repetitions: int) -> None:
    """The journal's own benchmark writes the queue; then the real binary starts on it."""
    server = Postern(FOLDER, build / "postern")
    try:
        # The domain's transport answers to nobody, so that the queue stays while it is counted.
        server.start(deliver="lmtp:unix:/nonexistent/postern-bench")
        server.accounting.settle()
        empty = server.accounting.pss_kib()
        server.accounting.end()
        messages = journal.fill(build, server.folder / "data/spool")
        for _ in range(repetitions):
            server = Postern(FOLDER, build / "postern")
            server.start(deliver="lmtp:unix:/nonexistent/postern-bench", keep_data=True)
            recorder.add({"cell": "start-1m", "server": "postern", "seconds_to_ready": server.seconds_to_ready, "messages": messages,
                          "pss_kib_per_message": (server.accounting.pss_kib() - empty) / messages})
            server.stop()
    finally:
        server.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, default="build/release", help="where postern and smtpload are")
    parser.add_argument("words", nargs="*", metavar="quick|full|CELL")
    arguments = parser.parse_args()
    names = [cell.name for cell in CELLS] + list(SINGLE_CELLS)
    if arguments.list:
        for cell in CELLS:
            print(f"{cell.name:18} {cell.what}; {', '.join(cell.servers)}")
        for name, what in SINGLE_CELLS.items():
            print(f"{name:18} {what}; postern")
        return 0
    plan = "full"
    patterns = []
    for word in arguments.words:
        if word in PLANS:
            plan = word
        else:
            patterns.append(word)
    chosen = {name for name in names if not patterns or any(re.search(pattern, name) for pattern in patterns)}
    if not chosen:
        print(f"bench: no cell matches; there are: {', '.join(names)}", file=sys.stderr)
        return 2
    repetitions, seconds = PLANS[plan]
    FOLDER.mkdir(parents=True, exist_ok=True)
    recorder = Recorder()
    build = arguments.build.absolute()

    cells = [cell for cell in CELLS if cell.name in chosen]
    servers: dict = {}
    started: list = []
    try:
        if cells:
            wanted = {name for cell in cells for name in cell.servers}
            plans = [(Postern(FOLDER, build / "postern"), "")]
            if wanted & {"postfix", "postscreen"}:
                plans.append((Postfix(FOLDER), Postfix.reason_it_cannot_run()))
            if "smtp-sink" in wanted:
                plans.append((Sink(FOLDER), Sink.reason_it_cannot_run()))
            if "responder" in wanted:
                plans.append((Responder(FOLDER, build / "bench/responder"), ""))
            for server, reason in plans:
                started.append(server)
                if reason:
                    print(f"  without {server.name}: {reason}", file=sys.stderr)
                    continue
                server.start()
                servers[server.name] = server
            if "postfix" in servers:
                servers["postscreen"] = Postscreen(servers["postfix"])
            print(f"  CPU is counted by {servers['postern'].accounting.method}; load average {os.getloadavg()[0]:.1f}", file=sys.stderr)
            run_cells(cells, servers, recorder, build / "bench/smtpload", repetitions, seconds)
    finally:
        for server in started:
            server.stop()
    if chosen & set(authentication.MODES):
        authentication.run(build, FOLDER, chosen, repetitions, recorder)
    if chosen & set(defence.MODES):
        defence.run(build, FOLDER, chosen, repetitions, recorder)
    if "protocols" in chosen:
        protocols.run(build, repetitions, recorder)
    if "dkim-peers" in chosen:
        protocols.run_peers(build, recorder)
    if "bounds" in chosen:
        bounds.run(build, repetitions, recorder)
    if "attacks" in chosen:
        bounds.run_attacks(build, plan, recorder)
    if "greylist" in chosen:
        greylist.run(build, FOLDER, repetitions if plan == "full" else 1, recorder)
    if chosen & set(outbound.CELLS):
        outbound.run(build, FOLDER, chosen, repetitions if plan == "full" else 1, recorder)
    if chosen & set(reach.CELLS):
        reach.run(build, FOLDER, chosen, plan, repetitions if plan == "full" else 1, recorder)
    if "check" in chosen:
        checker.run(build, repetitions, recorder)
    if "insight" in chosen:
        insight.run(build, repetitions, recorder)
    if "maillog" in chosen:
        maillog.run(build, FOLDER, repetitions, recorder)
    if "stats" in chosen:
        insight.run_stats(build, repetitions, recorder)
    if "web" in chosen:
        web.run(build, FOLDER, repetitions, recorder)
    if "journal" in chosen:
        journal.run(build, FOLDER, repetitions, recorder)
    if "idle-plain" in chosen:
        run_idle(recorder, build, tls=False)
    if "idle-tls" in chosen:
        run_idle(recorder, build, tls=True)
    if "start-1m" in chosen:
        run_start(recorder, build, repetitions if plan == "full" else 1)
    text = table(recorder.results, chosen)
    print(text)
    (FOLDER / "table.txt").write_text(text + "\n")
    failures = [run for runs in recorder.results.values() for run in runs if run.get("failed") or run.get("error")]
    if failures:
        print(f"{len(failures)} runs had failed sessions; their figures are not to be trusted", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
