"""The protocols of mail authentication and the policy, without a server: the programs bench_dkim, bench_spf, bench_dmarc, bench_header,
bench_resolver and bench_policy (Google Benchmark), CPU time, medians of interleaved repetitions."""
import json
import os
import pathlib
import subprocess
import sys

PEERS = {"dkim-peers": "DKIM verification by `postern dkim --batch`, dkimpy, mailauth, opendkim and rspamd, as they are used"}
CELLS = {"protocols": "DKIM, SPF, DMARC, header parsing, cached look-ups and verdicts, beside OpenSSL's own arithmetic"}
PROGRAMS = {  # program -> the benchmarks that count
    "bench_dkim": "baseline_4k|verify_4k$|verify_4k_new_key|verify_4k_ed25519|sha256_1m|verify_1m_(base64|prose)_.*|hostile_header|sign_4k.*",
    "bench_spf": "passes_in_the_include|no_term_matches$",
    "bench_dmarc": "evaluate/relaxed|parse_record|author_domain",
    "bench_header": "section/2048",
    "bench_resolver": "cached/10000",
    "bench_policy": "session_of/50",
}


def run(build: pathlib.Path, repetitions: int, recorder, programs: dict[str, str] | None = None) -> None:
    for program, names in (programs or PROGRAMS).items():
        done = subprocess.run([str(build / "bench" / program), "--benchmark_format=json", f"--benchmark_filter={names}",
                               "--benchmark_min_time=0.2", f"--benchmark_repetitions={max(3, repetitions)}",
                               "--benchmark_enable_random_interleaving=true", "--benchmark_report_aggregates_only=true"],
                              capture_output=True, text=True, check=True)
        scale = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6}
        for row in json.loads(done.stdout)["benchmarks"]:
            if row.get("aggregate_name") != "median":
                continue
            recorder.add({"cell": f"{program.removeprefix('bench_')}/{row['run_name']}", "server": "postern",
                          "cpu_us": row["cpu_time"] * scale[row["time_unit"]]})


def run_peers(build: pathlib.Path, recorder) -> None:
    """Those that `./dev interop` has installed."""
    done = subprocess.run(["/usr/bin/python3", "tools/interop/speed.py"], capture_output=True, text=True, check=False,
                          env=dict(os.environ, POSTERN=str(build / "postern")))
    for line in done.stdout.splitlines():
        if not line.startswith("{"):
            print(f"  {line}", file=sys.stderr)
            continue
        row = json.loads(line)
        error = "" if row["passed"] == row["messages"] else f"{row['passed']} of {row['messages']} verified"
        recorder.add({"cell": "dkim-peers", "server": row["peer"], "cpu_us": row["cpu_us"], "error": error})
    if done.returncode != 0:
        print(f"  dkim-peers: {done.stderr[-300:]}", file=sys.stderr)
