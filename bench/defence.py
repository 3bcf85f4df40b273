"""What the defence costs a refused session: each comes from an address of its own through a PROXY header, with everything
switched on (reverse DNS, country, budgets, greylist, history, two address lists and a domain list, SPF, a preset's rules), the
names known or never seen, and the same sessions with the policy off. Zones are served by nsd on loopback."""
import os
import pathlib
import shutil
import subprocess
import sys

from authentication import reason_it_cannot_run
from cells import run_load
from servers import UNKNOWN, Postern, free_port

SESSIONS = 20000
FRESH_SESSIONS = 10000  # each asks DNS for a dozen names
KNOWN_ADDRESSES = 500
FRESH_ADDRESSES = 1 << 24
MODES = {"defence-off": "refused sessions behind a proxy, nobody judged",
         "defence-known": "the same with the whole defence, names known",
         "defence-fresh": "the same with names never seen before"}

ZONES = {
    # Every reverse name points to one host, which points elsewhere: two questions a client.
    "0.0.0.1.ip6.arpa": "* PTR mail.bench.test.\n",
    "bench.test": "mail AAAA 2001:db8::25\n",
    "example.org": '@ TXT "v=spf1 include:_spf.example.org -all"\n_spf TXT "v=spf1 ip6:2001:db8::/32 ~all"\n',
    "example.net": "load AAAA 2001:db8::26\n",
    "one.list.test": "", "two.list.test": "", "domain.list.test": "",
}
DEFENCE = """[dns]
server = ["127.0.0.1:{port}"]
dnssec = false
[authentication]
enabled = true
[defence.budget]
scale = 4000
[[policy.list]]
name = "one"
zone = "one.list.test"
kind = "address"
[[policy.list]]
name = "two"
zone = "two.list.test"
kind = "address"
[[policy.list]]
name = "domain"
zone = "domain.list.test"
kind = "domain"
"""
OFF = """[authentication]
enabled = false
[policy]
preset = "none"
"""


# nsd answers one client 200 questions a second unless told otherwise: rrl-ratelimit.
def start_nsd(folder: pathlib.Path) -> tuple[subprocess.Popen, int]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    port = free_port()
    for zone, text in ZONES.items():
        (folder / zone).write_text(f"$ORIGIN {zone}.\n$TTL 3600\n@ SOA ns.{zone}. h.{zone}. 1 3600 600 86400 3600\n@ NS ns\nns A 127.0.0.1\n{text}")
    (folder / "nsd.conf").write_text(f"""server:
  ip-address: 127.0.0.1@{port}
  zonesdir: "{folder}"
  database: ""
  pidfile: ""
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd.state"
  username: ""
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
""" + "".join(f"zone:\n  name: {zone}\n  zonefile: {zone}\n" for zone in ZONES))
    process = subprocess.Popen(["nsd", "-d", "-c", str(folder / "nsd.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin"))
    return process, port


def run(build: pathlib.Path, folder: pathlib.Path, chosen: set, repetitions: int, recorder) -> None:
    reason = reason_it_cannot_run()
    if reason:
        print(f"  without defence cells: {reason}", file=sys.stderr)
        return
    work = folder / "defence"
    nsd, port = start_nsd(work / "zones")
    try:
        for _ in range(repetitions):
            for cell in MODES:
                if cell not in chosen:
                    continue
                server = Postern(work, build / "postern")
                server.opening = b"PROXY UNKNOWN\r\n"
                server.listen_more = 'proxy_from = ["127.0.0.1"]'
                server.more = OFF if cell == "defence-off" else DEFENCE.format(port=port)
                addresses = FRESH_ADDRESSES if cell == "defence-fresh" else KNOWN_ADDRESSES
                load = ["--mode", "reject", "--to", UNKNOWN, "--proxy", str(addresses)]
                try:
                    server.start()
                    if cell != "defence-fresh":
                        run_load(build / "bench/smtpload", server.target, [*load, "--sessions", "2000"])
                    server.accounting.settle()
                    before = server.accounting.cpu()
                    result = run_load(build / "bench/smtpload", server.target, [*load, "--sessions", str(FRESH_SESSIONS if cell == "defence-fresh" else SESSIONS)])
                    server.accounting.settle()
                    spent = server.accounting.cpu() - before
                finally:
                    server.stop()
                recorder.add({"cell": cell, "error": result.get("error", ""), "server": "postern", "failed": result["failed"],
                              "rate": result["sessions"] / result["seconds"],
                              "cpu_per_1000": spent / max(result["sessions"], 1) * 1000})
    finally:
        nsd.terminate()
        nsd.wait(20)
