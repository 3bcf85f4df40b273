"""`postern check` of a healthy domain in the laboratory of tests/integration/checklab.py: the time of a whole run, from start to exit."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

CELLS = {"check": "postern check of a healthy domain in the laboratory: milliseconds from start to exit"}
RUNS = 5
sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "tests/integration"))


def run(build: pathlib.Path, repetitions: int, recorder) -> None:
    """In a process of its own, because it goes into another network namespace."""
    done = subprocess.run([sys.executable, __file__, str(build / "postern"), str(RUNS * repetitions)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"  without check: {(done.stdout + done.stderr).strip().splitlines()[-1:]}", file=sys.stderr)
    for line in done.stdout.splitlines() if done.returncode == 0 else []:
        recorder.add({"cell": "check", "server": "postern"} | json.loads(line))


def main(postern: str, runs: int) -> int:
    from checklab import GOOD, Laboratory, network
    if os.geteuid() != 0:
        print("network namespaces are for root")
        return 1
    folder = tempfile.mkdtemp(prefix="postern-bench-check-")
    try:
        with network(f"psb{os.getpid()}") as there:
            if not there:
                print("this machine lets nobody make network namespaces")
                return 1
            lab = Laboratory(folder, [GOOD])
            try:
                for _ in range(runs):
                    begun = time.monotonic()
                    done = subprocess.run([postern, "check", GOOD.name, "--config", lab.config, "--ca", lab.web.ca, "--json"], capture_output=True, text=True, check=False)
                    whole = (time.monotonic() - begun) * 1000
                    report = json.loads(done.stdout)
                    wrong = [f["id"] for f in report["findings"] if f["outcome"] == "fail" and f["id"].split(".")[0] not in ("reach", "smtp", "tls", "dane", "parity")]
                    print(json.dumps({"whole_ms": whole, "failed": len(wrong)}))
            finally:
                lab.stop()
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
