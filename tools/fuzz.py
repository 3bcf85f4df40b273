#!/usr/bin/env python3
"""Runs libFuzzer targets for a given time each: fuzz.py --seconds N --jobs N TARGET...

Seeds come from fuzz/corpus/TARGET, which is only read; what is found goes to build/fuzz-corpus/TARGET and is used again by
the next run. Inputs that crash, hang or leak are kept in build/fuzz-artifacts/TARGET; then the exit code is 1.
"""
import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys

FOLDER = pathlib.Path("build/fuzz/fuzz")
INPUT_SECONDS = 10  # an input that takes longer is a finding
MEMORY_MIB = 2048


def run(target: str, seconds: int) -> dict:
    corpus = pathlib.Path("build/fuzz-corpus") / target
    artifacts = pathlib.Path("build/fuzz-artifacts") / target
    seeds = pathlib.Path("fuzz/corpus") / target
    for folder in (corpus, artifacts):
        folder.mkdir(parents=True, exist_ok=True)
    kept = {entry.name for entry in artifacts.iterdir()}
    command = [str(FOLDER / target), f"-max_total_time={seconds}", f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MEMORY_MIB}",
               f"-artifact_prefix={artifacts}/", "-print_final_stats=1", "-use_value_profile=1", str(corpus)]
    if seeds.is_dir():
        command.append(str(seeds))
    dictionary = pathlib.Path("fuzz/dict") / f"{target}.dict"
    if dictionary.exists():
        command.append(f"-dict={dictionary}")
    process = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    text = process.stderr.decode(errors="replace")

    def last(pattern: str) -> str:
        found = re.findall(pattern, text)
        return found[-1] if found else "-"

    return {"target": target, "ok": process.returncode == 0, "code": process.returncode, "text": text,
            "executions": last(r"stat::number_of_executed_units:\s*(\d+)"),
            "rate": last(r"stat::average_exec_per_sec:\s*(\d+)"),
            "new": last(r"stat::new_units_added:\s*(\d+)"),
            "coverage": last(r"cov: (\d+)"), "features": last(r"ft: (\d+)"),
            "memory": last(r"stat::peak_rss_mb:\s*(\d+)"),
            "artifacts": sorted(str(entry) for entry in artifacts.iterdir() if entry.name not in kept)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("targets", nargs="+")
    arguments = parser.parse_args()
    results = []
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for future in concurrent.futures.as_completed([pool.submit(run, name, arguments.seconds) for name in arguments.targets]):
            result = future.result()
            results.append(result)
            print(f"{'ok' if result['ok'] else 'FAILED':8}{result['target']}", file=sys.stderr, flush=True)
    columns = ["target", "executions", "rate", "coverage", "features", "new", "memory"]
    titles = ["target", "inputs", "inputs/s", "edges", "features", "new in corpus", "peak MiB"]
    rows = [titles] + [[result[column] for column in columns] for result in sorted(results, key=lambda r: r["target"])]
    widths = [max(len(row[i]) for row in rows) for i in range(len(titles))]
    print()
    for row in rows:
        print("  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]))
    failed = [result for result in results if not result["ok"]]
    for result in failed:
        print(f"\n{result['target']} failed (status {result['code']}):")
        lines = result["text"].splitlines()
        start = next((i for i, line in enumerate(lines) if "ERROR" in line or "runtime error" in line), max(0, len(lines) - 40))
        print("\n".join(f"    {line}" for line in lines[start:start + 40]))
        for artifact in result["artifacts"]:
            print(f"    again: {FOLDER / result['target']} {artifact}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
