"""The dashboard over a day's records, in Chromium: the time until something is painted, and the octets of the whole page with all it
loads. No cache; the median of seven."""
import json
import pathlib
import shutil
import subprocess
import sys
import time

from servers import Postern

CELLS = {"web": "the dashboard over 4,000 recorded sessions in Chromium, without cache: first paint and weight of the page"}
ROOT = pathlib.Path(__file__).resolve().parent.parent
PORT = 18925
CONFIG = f"""[web]
listen = ["127.0.0.1:{PORT}"]
"""


def reason_it_cannot_run() -> str:
    if shutil.which("node") is None or shutil.which("chromium") is None:
        return "node or chromium is not installed (./dev setup web)"
    if not (ROOT / "web/node_modules/playwright-core").is_dir():
        return "playwright-core is not installed (./dev setup web)"
    return ""


def run(build: pathlib.Path, folder: pathlib.Path, repetitions: int, recorder) -> None:
    if reason := reason_it_cannot_run():
        print(f"  without web: {reason}", file=sys.stderr)
        return
    sys.path.insert(0, str(ROOT / "tests/integration"))
    import web_records
    server = Postern(folder, build / "postern")
    server.more += CONFIG
    try:
        server.start()
        web_records.write(str(server.folder / "data/records"))
        # The pages read what is there when they begin
        server.stop()
        server.start(keep_data=True)
        command = {"base": f"http://localhost:{PORT}", "chromium": shutil.which("chromium"), "measure": "/?range=day"}
        for _ in range(repetitions):
            for _ in range(50):
                done = subprocess.run(["node", "tests/integration/web_pages.mjs", json.dumps(command)], cwd=ROOT, capture_output=True,
                                      text=True, timeout=120, check=False)
                if done.returncode == 0:
                    break
                time.sleep(0.1)  # the listener is bound a moment later
            measured = json.loads(done.stdout)["measured"]
            recorder.add({"cell": "web", "server": "postern", "p50_ms": measured["first_paint_ms"], "best_ms": measured["first_paint_best_ms"], "page_kb": measured["octets"] / 1000})
    finally:
        server.stop()
