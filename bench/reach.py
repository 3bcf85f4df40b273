"""Mail to domains that do not answer, beside mail to those that do: what dead destinations cost the living ones, and what an IPv6 that
swallows packets costs a destination with both families."""
import json
import pathlib
import smtplib
import statistics
import subprocess
import time

from cells import run_load
from network import Far, Network, reason_it_cannot_be
from outbound import PosternRelay, PostfixRelay
from servers import Postfix

CELLS = {
    "outbound-dead": "messages to 1,000 domains, of which 100 refuse, swallow or never greet: p99 of the others beside that without "
                     "them, and postfix",
    "outbound-v6": "one message each to 200 destinations with a dead IPv6 and 200 with a living one, and once more: the median's difference",
}
DOMAINS = 1000
PLAN = {"quick": 10_000, "full": 100_000}
DESTINATIONS = 200
LIMIT = 300  # seconds
DNS = """[dns]
server = ["127.0.0.1:53"]
dnssec = false
[outbound]
port = 25
allow_loopback = true
dane = false
mta_sts = false
"""


def address_of(number: int, net: str = "127.1") -> str:
    return f"{net}.{number // 250}.{number % 250 + 1}"


def is_dead(number: int) -> bool:
    return number % 10 == 7


def zone_of_the_dead() -> tuple[str, list[str]]:
    """A tenth is dead: connections are refused, swallowed, or taken and never greeted, in turn."""
    records, listening = [], []
    for number in range(DOMAINS):
        address = address_of(number)
        if is_dead(number):
            kind = number // 10 % 3
            address = address_of(number, ("127.3", "10.99", "127.2")[kind])
            if kind == 2:
                listening.append(address + " silent")
        else:
            listening.append(address)
        records.append(f"d{number:03} MX 10 mx.d{number:03}\nmx.d{number:03} A {address}")
    return "\n".join(records) + "\n", listening


class PosternFar(PosternRelay):
    """First everything goes to a next hop that refuses, so that it is queued; flush() begins with the real ways."""

    def __init__(self, folder: pathlib.Path, binary: pathlib.Path, relay: str, more: str = DNS):
        super().__init__(folder, binary, 1)
        begin = '[authentication]\nenabled = false\n[policy]\npreset = "none"\n[queue]\nretry_first = "1h"\n[relay]\nfrom = ["127.0.0.1"]\n'
        self.real = begin + relay + more
        self.more = begin + 'smarthost = "127.0.0.1:1"\ntls = "none"\n'

    def restart(self) -> None:
        self.accounting.end()
        group = type(self.accounting)(self.name + "-far")
        self.accounting, self.more = group, self.real
        self.start(keep_data=True)


class PostfixFar(PostfixRelay):
    def start(self) -> None:
        super().start()
        self.run("postconf", "-c", str(self.etc), "relayhost=", "smtp_dns_support_level=enabled", "smtp_host_lookup=dns",
                 "qmgr_message_active_limit=200000")
        self.run("postfix", "-c", str(self.etc), "reload")

    def restart(self) -> None:
        pass


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def deliver(server, build: pathlib.Path, folder: pathlib.Path, listening: list[str], messages: int, dead: bool) -> dict:
    """`messages` to all domains, or those of them that go to living ones."""
    # The digits of living domains end in any but 7
    cell = "outbound-dead" if dead else "outbound-live"
    far = None
    try:
        server.start()
        sent = 0
        parts = [("you@d%.test", DOMAINS)] if dead else [(f"you@d%{digit}.test", DOMAINS // 10) for digit in range(10) if digit != 7]
        for to, domains in parts:
            part = messages if dead else messages // 10
            done = run_load(build / "bench/smtpload", server.target,
                            ["--from", "us@example.com", "--to", to, "--domains", str(domains), "--size", "1024", "--concurrency", "20",
                             "--sessions", str(part // 50), "--messages", "50", "--limit", str(LIMIT)])
            if done["error"]:
                return {"cell": cell, "server": server.name, "error": done["error"]}
            sent += done["accepted"]
        server.accounting.settle()
        server.restart()
        server.accounting.settle()
        queued = server.waiting()
        living = messages - messages // 10
        far = Far(build, folder, listening)
        before, began = server.accounting.cpu(), time.time()
        server.flush()
        end = time.monotonic() + LIMIT
        while server.waiting() > queued - living and time.monotonic() < end:
            time.sleep(0.1)
        cpu = server.accounting.cpu() - before
        taken = far.stop()
        delays = [us / 1000 - began * 1000 for _, us in taken]
        return {"cell": cell, "server": server.name, "queued": queued, "delivered": len(taken), "failed": max(0, living - len(taken)),
                "p50_ms": percentile(delays, 0.5), "p99_ms": percentile(delays, 0.99), "slowest_ms": max(delays, default=float("nan")),
                "cpu_per_1000": cpu / max(1, len(taken)) * 1000}
    finally:
        if far is not None:
            far.stop()
        server.stop()


def run_dead(build: pathlib.Path, folder: pathlib.Path, plan: str, repetitions: int, recorder) -> None:
    own = folder / "reach"
    zone, listening = zone_of_the_dead()
    with Network(own, zone):
        for _ in range(repetitions):
            for dead in (False, True):
                recorder.add(deliver(PosternFar(own, build / "postern", ""), build, own, listening, PLAN[plan], dead))
        # Postfix needs minutes for it, and one run tells
        if not Postfix.reason_it_cannot_run():
            for dead in (False, True):
                recorder.add(deliver(PostfixFar(own, 1), build, own, listening, PLAN["quick"], dead))


def queued_ms(server, rounds: int) -> dict[str, list[int]]:
    """Of each recipient: how long each of its messages was here, from the delivery records."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        found: dict[str, list[int]] = {}
        for line in (server.folder / "data/records/current.jsonl").read_text().splitlines():
            record = json.loads(line)
            for outcome in record.get("outcomes", []):
                if record["schema"] == "postern.delivery/1" and outcome["state"] == "delivered":
                    found.setdefault(outcome["path"], []).append(record.get("queued_ms", 0))
        if len(found) == 2 * DESTINATIONS and all(len(times) >= rounds for times in found.values()):
            return found
        time.sleep(0.2)
    raise SystemExit("outbound-v6: not everything was delivered")


def run_v6(build: pathlib.Path, folder: pathlib.Path, recorder) -> None:
    own = folder / "reach"
    records, listening = [], []
    for number in range(2 * DESTINATIONS):
        six = f"fd00:{'beef' if number % 2 else 'dead'}::{number + 1:x}"
        records.append(f"d{number} MX 10 mx.d{number}\nmx.d{number} A {address_of(number)}\nmx.d{number} AAAA {six}")
        listening += [address_of(number)] + ([six] if number % 2 else [])
    with Network(own, "\n".join(records) + "\n"):
        server = PosternFar(own, build / "postern", "", DNS + 'idle = "100ms"\n')
        server.more = server.real
        far = Far(build, own, listening)
        try:
            server.start()
            for turn in (1, 2):
                # Those that work keep the host's own IPv6 from being called broken
                with smtplib.SMTP("127.0.0.1", server.port) as client:
                    for number in range(2 * DESTINATIONS):
                        client.sendmail("us@example.com", [f"you@d{number}.test"],
                                        "From: <us@example.com>\r\nSubject: way\r\n\r\n" + "text\r\n" * 100)
                        time.sleep(0.02)
                found = queued_ms(server, turn)
                time.sleep(1)  # no connection is left of this turn
                broken, whole = ([times[turn - 1] for path, times in found.items() if int(path.split("@d")[1].split(".")[0]) % 2 == odd]
                                 for odd in (0, 1))
                recorder.add({"cell": "outbound-v6-first" if turn == 1 else "outbound-v6-again", "server": "postern",
                              "broken_ms": statistics.median(broken), "whole_ms": statistics.median(whole),
                              "extra_ms": statistics.median(broken) - statistics.median(whole),
                              "broken_p99_ms": percentile(broken, 0.99), "whole_p99_ms": percentile(whole, 0.99)})
        finally:
            far.stop()
            server.stop()


def run(build: pathlib.Path, folder: pathlib.Path, chosen: set[str], plan: str, repetitions: int, recorder) -> None:
    reason = reason_it_cannot_be()
    if reason:
        print(f"  outbound-dead, outbound-v6: {reason}")
        return
    if "outbound-dead" in chosen:
        run_dead(build, folder, plan, repetitions, recorder)
    if "outbound-v6" in chosen:
        run_v6(build, folder, recorder)
