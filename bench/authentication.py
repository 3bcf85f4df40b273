"""What mail authentication costs the server: signed messages of 4 KiB with it off, with every name known, and with names never
seen before. Zones are real, served by nsd on loopback; the messages are signed by `postern dkim sign`."""
import base64
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

from servers import KNOWN, Postern, free_port

FRESH = 3000  # domains
MESSAGES = 3000
PER_SESSION = 20
MODES = {"auth-off": "signed 4 KiB messages, authentication off",
         "auth-known": "the same with SPF, DKIM, DMARC and ARC checked, names known",
         "auth-fresh": "the same with names never seen before"}


def reason_it_cannot_run() -> str:
    if shutil.which("nsd", path=os.environ["PATH"] + ":/usr/sbin") is None:
        return "nsd is not installed (./dev setup bench)"
    return ""


class Names:
    """The zones bench.test (one domain) and fresh.test (thousands), and nsd that serves them."""

    def __init__(self, folder: pathlib.Path, public: str):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.port = free_port()
        key = " ".join(f'"{("v=DKIM1; k=rsa; p=" + public)[i:i + 200]}"' for i in range(0, len(public) + 19, 200))

        def domain(name: str, zone: str) -> str:
            dot = f".{name}" if name != "@" else ""
            return (f'{name} TXT "v=spf1 include:_spf{dot}.{zone} -all"\n_spf{dot} TXT "v=spf1 ip4:192.0.2.0/24 ip4:127.0.0.0/8 ~all"\n'
                    f'sel._domainkey{dot} TXT {key}\n_dmarc{dot} TXT "v=DMARC1; p=reject"\n')

        for zone, names in (("bench.test", ["@"]), ("fresh.test", [f"d{i}" for i in range(FRESH)])):
            text = f"$ORIGIN {zone}.\n$TTL 3600\n@ SOA ns.{zone}. h.{zone}. 1 3600 600 86400 300\n@ NS ns\nns A 127.0.0.1\n"
            (folder / zone).write_text(text + "".join(domain(name, zone) for name in names))
        zones = "".join(f"zone:\n  name: {zone}\n  zonefile: {zone}\n" for zone in ("bench.test", "fresh.test"))
        (folder / "nsd.conf").write_text(f"""server:
  ip-address: 127.0.0.1@{self.port}
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
{zones}""")
        self.process = subprocess.Popen(["nsd", "-d", "-c", str(folder / "nsd.conf")], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL,
                                        env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin"))
        question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05fresh\x04test\x00\x00\x06\x00\x01"
        for _ in range(100):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                udp.settimeout(0.2)
                udp.sendto(question, ("127.0.0.1", self.port))
                try:
                    udp.recv(512)
                    return
                except OSError:
                    time.sleep(0.05)
        self.stop()
        raise SystemExit("nsd does not answer")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def sign(binary: pathlib.Path, private: str, domains: list[str]) -> list[tuple[str, bytes]]:
    body = ("A line of a message that somebody might have written, as long as lines are.\r\n" * 46).encode()
    lines, texts = [], []
    for number, domain in enumerate(domains):
        text = (f"From: Alice <alice@{domain}>\r\nTo: <{KNOWN}>\r\nSubject: number {number}\r\n"
                f"Date: Sat, 21 Nov 2026 06:13:28 +0000\r\nMessage-ID: <{number}@{domain}>\r\n\r\n").encode() + body
        texts.append(text)
        lines.append(json.dumps({"id": number, "message_base64": base64.b64encode(text).decode(), "domain": domain,
                                 "selector": "sel", "private_key": private, "time": 1795243000}))
    done = subprocess.run([str(binary), "dkim", "sign", "--batch"], input="\n".join(lines) + "\n", capture_output=True,
                          text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    fields = ["\r\n".join(answer["fields"]).strip("\r\n").encode() + b"\r\n" for answer in answers]
    return [(f"alice@{domain}", field + text) for domain, field, text in zip(domains, fields, texts)]


def send(port: int, messages: list[tuple[str, bytes]]) -> float:
    """One session after another, PER_SESSION messages each, pipelined; returns the seconds it took."""
    began = time.monotonic()
    for start in range(0, len(messages), PER_SESSION):
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            reader = connection.makefile("rb")

            def reply(code: bytes) -> None:
                while True:
                    line = reader.readline()
                    if not line.startswith(code):
                        raise SystemExit(f"the server said {line!r} instead of {code!r}")
                    if line[3:4] != b"-":
                        return
            reply(b"220")
            connection.sendall(b"EHLO mail.bench.test\r\n")
            reply(b"250")
            for sender, text in messages[start:start + PER_SESSION]:
                connection.sendall(f"MAIL FROM:<{sender}>\r\nRCPT TO:<{KNOWN}>\r\nBDAT {len(text)} LAST\r\n".encode() + text)
                for _ in range(3):
                    reply(b"250")
            connection.sendall(b"QUIT\r\n")
            reply(b"221")
    return time.monotonic() - began


def run(build: pathlib.Path, folder: pathlib.Path, chosen: set, repetitions: int, recorder) -> None:
    reason = reason_it_cannot_run()
    if reason:
        print(f"  without auth cells: {reason}", file=sys.stderr)
        return
    work = folder / "authentication"
    work.mkdir(parents=True, exist_ok=True)
    private = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, text=True, check=True).stdout
    public = subprocess.run(["openssl", "rsa", "-pubout"], input=private, capture_output=True, text=True, check=True).stdout
    names = Names(work / "zones", "".join(line for line in public.splitlines() if "-----" not in line))
    binary = build / "postern"
    try:
        known = sign(binary, private, ["bench.test"] * MESSAGES)
        fresh = sign(binary, private, [f"d{i}.fresh.test" for i in range(FRESH)])
        on = f'[dns]\nserver = ["127.0.0.1:{names.port}"]\ndnssec = false\n'
        for _ in range(repetitions):
            for cell in MODES:
                if cell not in chosen:
                    continue
                server = Postern(work, binary)
                if cell != "auth-off":
                    server.more = on
                try:
                    server.start()
                    send(server.port, known[:200])  # warms up; with names known, these are the questions that are asked
                    server.accounting.settle()
                    before = server.accounting.cpu()
                    seconds = send(server.port, fresh if cell == "auth-fresh" else known)
                    server.accounting.settle()
                    spent = server.accounting.cpu() - before
                    genuine = server.log.read_text(errors="replace").count("spf=pass dkim=pass dmarc=pass")
                finally:
                    server.stop()
                # Every message is genuine: what was counted must be the whole work.
                expected = 0 if cell == "auth-off" else MESSAGES + 200
                error = "" if genuine == expected else f"{genuine} of {expected} messages passed SPF, DKIM and DMARC"
                recorder.add({"cell": cell, "error": error, "server": "postern", "rate": MESSAGES / seconds, "cpu_per_1000": spent / MESSAGES * 1000})
    finally:
        names.stop()
