"""Relaying: a queue of 4 KiB messages for one next hop (smtp-sink), which is away while they come in and then comes back; beside
Debian's postfix with the same queue and next hop. What counts is the time from "try now" to the empty queue, and the CPU of it."""
import json
import pathlib
import shutil
import subprocess
import time

from accounting import Accounting
from servers import Postern, Postfix, Sink, free_port

CELLS = {"outbound": "10,000 queued messages of 4 KiB relayed to smtp-sink, beside postfix",
         "outbound-signed": "the same with DKIM (RSA-2048), from reception to the empty queue, beside that without it"}
MESSAGES = 10_000
CONCURRENCY = 20
LIMIT = 600  # seconds


def fill(port: int, messages: int) -> None:
    subprocess.run(["smtp-source", "-s", "20", "-m", str(messages), "-l", "4096", "-f", "us@example.com", "-t", "you@sink.example",
                    f"127.0.0.1:{port}"], check=True, capture_output=True)


class PosternRelay(Postern):
    def __init__(self, folder: pathlib.Path, binary: pathlib.Path, hop: int, sign: bool = False):
        super().__init__(folder / "outbound", binary)
        self.more = f"""[authentication]
enabled = false
[policy]
preset = "none"
[relay]
from = ["127.0.0.1"]
smarthost = "127.0.0.1:{hop}"
tls = "none"
[queue]
concurrency = 64
destination_concurrency = {CONCURRENCY}
"""
        if sign:
            self.signing_key = folder / "outbound/certificate/dkim.pem"
            subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(self.signing_key)],
                           check=True, capture_output=True)
            self.more += f'[[dkim]]\ndomain = "example.com"\nselector = "bench"\nkey = "{self.signing_key}"\n'

    def command(self, *words: str) -> str:
        done = subprocess.run([str(self.binary), "queue", *words, "--config", str(self.folder / "postern.toml")], check=True,
                              capture_output=True, text=True)
        return done.stdout

    def waiting(self) -> int:
        return json.loads(self.command("status", "--json"))["messages"]

    def flush(self) -> None:
        self.command("retry", "--all")


class PostfixRelay(Postfix):
    def __init__(self, folder: pathlib.Path, hop: int):
        super().__init__(folder / "outbound")
        self.hop = hop

    def run(self, *words: str) -> None:
        subprocess.run(words, check=True, capture_output=True)

    def start(self) -> None:
        super().start()
        with (self.etc / "main.cf").open("a") as file:
            file.write(f"""mynetworks = 127.0.0.0/8
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:{self.hop}
default_transport = smtp
smtp_tls_security_level = none
smtp_destination_concurrency_limit = {CONCURRENCY}
smtp_destination_rate_delay = 0s
default_process_limit = 100
qmgr_message_active_limit = 20000
defer_transports = smtp
""")
        with (self.etc / "master.cf").open("a") as file:
            file.write("smtp unix - - n - 100 smtp\n")
        self.run("postfix", "-c", str(self.etc), "reload")
        self.wait_until_it_answers()

    def waiting(self) -> int:
        return sum(1 for name in ("maildrop", "incoming", "active", "deferred") for path in (self.queue / name).rglob("*") if path.is_file())

    def flush(self) -> None:
        self.run("postconf", "-c", str(self.etc), "defer_transports=")
        self.run("postfix", "-c", str(self.etc), "reload")
        self.run("postqueue", "-c", str(self.etc), "-f")


def relay(server, hop: int, folder: pathlib.Path, cell: str = "outbound") -> dict:
    sink = Sink(folder / "outbound")
    sink.port, sink.accounting = hop, Accounting("outbound-sink")
    try:
        server.start()
        server.accounting.settle()
        at_first = server.accounting.cpu()
        fill(server.port, MESSAGES)
        end = time.monotonic() + LIMIT
        while server.waiting() < MESSAGES and time.monotonic() < end:
            time.sleep(0.1)
        server.accounting.settle()
        queued = server.waiting()
        sink.start()
        before, began = server.accounting.cpu(), time.monotonic()
        server.flush()
        while server.waiting() > 0 and time.monotonic() < end:
            time.sleep(0.05)
        seconds = time.monotonic() - began
        left = server.waiting()
        server.accounting.settle()
        sent = queued - left
        in_all = server.accounting.cpu()
        return {"cell": cell, "server": server.name, "seconds": seconds, "sent": sent, "rate": sent / seconds, "failed": MESSAGES - sent,
                "cpu_per_1000": (in_all - before) / max(sent, 1) * 1000, "path_cpu_per_1000": (in_all - at_first) / max(sent, 1) * 1000}
    finally:
        sink.stop()
        server.stop()


def run(build: pathlib.Path, folder: pathlib.Path, chosen: set[str], repetitions: int, recorder) -> None:
    if Sink.reason_it_cannot_run() or shutil.which("smtp-source") is None:
        print("  outbound: smtp-sink and smtp-source are not installed (./dev setup bench)")
        return
    for turn in range(repetitions):
        hop = free_port()
        runs = []
        if "outbound" in chosen:
            runs.append((PosternRelay(folder, build / "postern", hop), "outbound"))
            if not Postfix.reason_it_cannot_run():
                runs.append((PostfixRelay(folder, hop), "outbound"))
        if "outbound-signed" in chosen:
            runs += [(PosternRelay(folder, build / "postern", hop, sign), "outbound-signed" if sign else "outbound-unsigned")
                     for sign in (False, True)]
        for server, cell in runs if turn % 2 == 0 else reversed(runs):
            recorder.add(relay(server, hop, folder, cell))
