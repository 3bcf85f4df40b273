"""`postern check` of good.lab in the laboratory of tests/integration/checklab.py, whose mail hosts are a Postern and a Postfix with both families,
DANE and MTA-STS: the time of a whole polite run, from start to exit."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

CELLS = {"check": "postern check of a healthy domain with four addresses of mail servers in the laboratory: milliseconds from start to exit"}
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
    folder = tempfile.mkdtemp(prefix="postern-bench-check-")
    os.chmod(folder, 0o755)
    os.environ.update(POSTERN=postern, TEST_TMP=folder)  # gateway.py's
    from checkdomains import Place
    from checklab import GOOD, Laboratory
    if os.geteuid() != 0 or not shutil.which("postfix", path=os.environ["PATH"] + ":/usr/sbin"):
        print("network namespaces are for root, and one of the mail hosts is Postfix")
        return 1
    place, lab = Place(os.path.join(folder, "servers"), broken=False), None
    try:
        if not place.enter(f"psb{os.getpid()}"):
            print("this machine lets nobody make network namespaces")
            return 1
        lab = Laboratory(os.path.join(folder, "lab"), [GOOD], place.keys)
        place.start(lab)
        for _ in range(runs):
            begun = time.monotonic()
            done = subprocess.run([postern, "check", GOOD.name, "--config", lab.config, "--ca", place.trusted, "--json"], capture_output=True, text=True, check=False)
            whole = (time.monotonic() - begun) * 1000
            wrong = [f["id"] for f in json.loads(done.stdout)["findings"] if f["outcome"] in ("warn", "fail")]
            if wrong:
                print("good.lab is not healthy:", *wrong)
                return 1
            print(json.dumps({"whole_ms": whole}))
    finally:
        if lab:
            lab.stop()
        place.stop()
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
