"""The implementations that interop runs compare, each behind the same few calls.

sign(message, key, canon) gives the signed message, None where the peer cannot do that; verify(messages) one answer a message:
True where a signature passes, False where none does, None where the peer did not say; seal and verify_arc likewise.
"""
import base64
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from milter import Milter  # noqa: E402
from mutations import split  # noqa: E402
from text_server import TextServer  # noqa: E402


@dataclass
class Key:
    domain: str
    selector: str
    kind: str  # rsa, ed25519
    path: str  # PEM
    record: str

    @property
    def name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def pem(self) -> str:
        with open(self.path, encoding="ascii") as file:
            return file.read()

    @property
    def seed(self) -> bytes:
        """Of an Ed25519 key: the last 32 octets of its PKCS#8 form, in base64 (as dkimpy keeps it)."""
        der = base64.b64decode("".join(self.pem.splitlines()[1:-1]))
        return base64.b64encode(der[-32:])


@dataclass
class World:
    """The keys, what DNS says of them, and a folder."""
    folder: str
    keys: list[Key] = field(default_factory=list)

    @property
    def zone(self) -> dict[str, str]:
        return {key.name: key.record for key in self.keys}


class Peer:
    name = ""

    def __init__(self, world: World):
        self.world = world

    def sign(self, message: bytes, key: Key, canon: str) -> bytes | None:
        return None

    def seal(self, message: bytes, key: Key, authserv_id: str) -> bytes | None:
        return None

    def verify(self, messages: list[bytes]) -> list[bool | None]:
        return [None] * len(messages)

    def verify_arc(self, messages: list[bytes]) -> list[str | None]:
        return [None] * len(messages)

    def close(self) -> None:
        pass


class Postern(Peer):
    name = "postern"
    program = os.environ.get("POSTERN", "build/release/postern")

    def batch(self, command: str, cases: list[dict]) -> list[dict]:
        text = "".join(json.dumps(case) + "\n" for case in cases)
        done = subprocess.run([self.program, *command.split(), "--batch"], input=text.encode(), capture_output=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def case(self, message: bytes, **more) -> dict:
        zone = {name: {"TXT": [text]} for name, text in self.world.zone.items()}
        return {"id": 0, "message_base64": base64.b64encode(message).decode(), "zone": zone, "now": int(time.time())} | more

    def sign(self, message, key, canon):
        fields = self.batch("dkim sign", [self.case(message, domain=key.domain, selector=key.selector, private_key=key.pem,
                                                    canon=canon, time=int(time.time()) - 5)])[0]["fields"]
        return "".join(f + "\r\n" for f in fields).encode() + message

    def seal(self, message, key, authserv_id):
        fields = self.batch("arc seal", [self.case(message, domain=key.domain, selector=key.selector, private_key=key.pem,
                                                   authserv_id=authserv_id, time=int(time.time()) - 5)])[0]["fields"]
        return "".join(f + "\r\n" for f in fields).encode() + message

    def details(self, messages):
        return self.batch("dkim", [self.case(m) for m in messages])

    def verify(self, messages):
        return [any(v["result"] == "pass" for v in a["dkim"]) for a in self.details(messages)]

    def verify_arc(self, messages):
        return [a["arc"]["result"] for a in self.batch("arc", [self.case(m) for m in messages])]


class Dkimpy(Peer):
    name = "dkimpy"

    def __init__(self, world):
        super().__init__(world)
        import dkim
        self.dkim = dkim

    def lookup(self, name, timeout=5):
        del timeout
        text = self.world.zone.get(name.decode().rstrip(".").lower())
        return text.encode() if text else None

    def private(self, key):
        return key.seed if key.kind == "ed25519" else key.pem.encode()

    def sign(self, message, key, canon):
        header, body = canon.encode().split(b"/")
        field_text = self.dkim.DKIM(message, signature_algorithm=key.kind.encode() + b"-sha256").sign(
            key.selector.encode(), key.domain.encode(), self.private(key), canonicalize=(header, body))
        return field_text + message

    def seal(self, message, key, authserv_id):
        if key.kind != "rsa":
            return None
        fields = self.dkim.arc_sign(message, key.selector.encode(), key.domain.encode(), self.private(key), authserv_id.encode())
        return b"".join(fields) + message if fields else None

    def verify(self, messages):
        return [any(self.verify_one(message, index) for index in range(self.signatures(message))) for message in messages]

    @staticmethod
    def signatures(message: bytes) -> int:
        return len(re.findall(rb"(?mi)^dkim-signature[ \t]*:", message.partition(b"\r\n\r\n")[0]))

    def verify_one(self, message: bytes, index: int) -> bool:
        try:
            return bool(self.dkim.DKIM(message, minkey=1024).verify(idx=index, dnsfunc=self.lookup))
        except Exception:  # it raises what it does not expect, of many kinds
            return False

    def verify_arc(self, messages):
        answers = []
        for message in messages:
            try:
                answers.append(self.dkim.arc_verify(message, dnsfunc=self.lookup)[0].decode().lower())
            except Exception:
                answers.append("fail")
        return answers


class Mailauth(Peer):
    name = "mailauth"

    def __init__(self, world, folder: str):
        super().__init__(world)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mailauth_peer.js")
        self.process = subprocess.Popen(["node", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=os.environ | {"NODE_PATH": os.path.join(folder, "node_modules")})

    def ask(self, op: str, message: bytes, **more) -> dict:
        request = {"op": op, "message_base64": base64.b64encode(message).decode(),
                   "zone": {name: [text] for name, text in self.world.zone.items()}} | more
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def sign(self, message, key, canon):
        answer = self.ask("sign", message, domain=key.domain, selector=key.selector, key=key.pem, canon=canon,
                          algorithm=key.kind + "-sha256")
        assert "text" in answer, answer
        return answer["text"].encode() + message

    def seal(self, message, key, authserv_id):
        if key.kind != "rsa":
            return None
        answer = self.ask("seal", message, domain=key.domain, selector=key.selector, key=key.pem,
                          results=f"{authserv_id}; spf=pass smtp.mailfrom=example.org")
        assert "text" in answer, answer
        sealed = answer["text"].encode("latin-1")
        return sealed if sealed.endswith(message) else sealed.rstrip(b"\r\n") + b"\r\n" + message

    def verify(self, messages):
        return [any(r["result"] == "pass" for r in self.ask("verify", m).get("dkim", [])) for m in messages]

    def verify_arc(self, messages):
        return [self.ask("verify", m).get("arc", "fail") for m in messages]

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=20)


class Opendkim(Peer):
    """The daemon, asked as a milter: its test mode folds fields anew, and opendkim-testmsg signs with rsa-sha1."""
    name = "opendkim"

    def __init__(self, world):
        super().__init__(world)
        self.program = shutil.which("opendkim") or "/usr/sbin/opendkim"
        self.data = os.path.join(world.folder, "opendkim.keys")
        with open(self.data, "w", encoding="ascii") as file:
            file.writelines(f"{name} {text}\n" for name, text in world.zone.items())
        self.daemons: dict[str, tuple[subprocess.Popen, int]] = {}
        self.port("verify", "Mode v\nAlwaysAddARHeader yes\nAuthservID mx.example.com\n")

    def port(self, name: str, lines: str) -> int:
        if name not in self.daemons:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            config = os.path.join(self.world.folder, f"opendkim-{name.replace('/', '-')}.conf")
            with open(config, "w", encoding="ascii") as file:
                file.write(f"{lines}Syslog no\nBackground no\nSocket inet:{port}@127.0.0.1\nTestDNSData file:{self.data}\n"
                           f"MinimumKeyBits 1024\nRequireSafeKeys no\n")
            process = subprocess.Popen([self.program, "-f", "-x", config], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            self.daemons[name] = (process, port)
            for _ in range(200):
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=2).close()
                    break
                except OSError:
                    if process.poll() is not None:
                        raise RuntimeError(f"opendkim does not start: {process.stderr.read()[-300:]}") from None
                    time.sleep(0.1)
        return self.daemons[name][1]

    def ask(self, port: int, client: str, message: bytes) -> list[tuple[bytes, bytes]]:
        milter = Milter(port)
        try:
            return milter.message(client, *split(message))
        finally:
            milter.close()

    def sign(self, message, key, canon):
        port = self.port(f"{key.kind}-{canon}", f"Mode s\nDomain {key.domain}\nSelector {key.selector}\nKeyFile {key.path}\n"
                                                f"Canonicalization {canon}\nSignatureAlgorithm {key.kind}-sha256\nOversignHeaders From\n")
        for name, value in self.ask(port, "127.0.0.1", message):
            if name.lower() == b"dkim-signature":
                value = value if value.startswith(b" ") else b" " + value
                return name + b":" + re.sub(rb"\r?\n", b"\r\n", value) + b"\r\n" + message
        return None

    def verify(self, messages):
        port, answers = self.port("verify", ""), []
        for message in messages:
            try:
                added = self.ask(port, "192.0.2.1", message)
            except OSError:
                answers.append(False)
                continue
            answers.append(any(b"dkim=pass" in value for name, value in added if name.lower() == b"authentication-results"))
        return answers

    def close(self):
        for process, _ in self.daemons.values():
            process.terminate()
            process.communicate(timeout=20)


class Rspamd(Peer):
    name = "rspamd"
    CONFIG = """
options {{ pidfile = "{folder}/rspamd.pid"; tempdir = "{folder}"; dns {{ nameserver = ["127.0.0.1:{dns}"]; timeout = 2s; }} filters = "dkim";
  dynamic_conf = "{folder}/dynamic"; history_file = "{folder}/history"; control_socket = "{folder}/control"; task_timeout = 20s; }}
logging {{ type = "file"; filename = "{folder}/rspamd.log"; level = "warning"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
modules {{ path = "/usr/share/rspamd/plugins"; }}
lua = "/usr/share/rspamd/rules/rspamd.lua";
dkim {{ }}
arc {{ }}
metric {{ name = "default"; actions {{ reject = 1000; }} }}
"""

    def __init__(self, world):
        super().__init__(world)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.dns = TextServer(world.zone)
        config = os.path.join(world.folder, "rspamd.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(self.CONFIG.format(folder=world.folder, dns=self.dns.port, port=self.port))
        self.process = subprocess.Popen([shutil.which("rspamd") or "/usr/bin/rspamd", "-f", "-i", "-c", config],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=2).read()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        with open(os.path.join(world.folder, "rspamd.log"), encoding="utf-8", errors="replace") as file:
            raise RuntimeError("rspamd does not start: " + file.read()[-500:])

    def symbols(self, message: bytes) -> set[str]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/checkv2", data=message, headers={"IP": "192.0.2.1"})
        return set(json.loads(urllib.request.urlopen(request, timeout=30).read()).get("symbols", {}))

    def sign(self, message, key, canon):
        if key.kind != "rsa" or canon != "relaxed/relaxed":
            return None
        path = os.path.join(self.world.folder, "rspamd.eml")
        with open(path, "wb") as file:
            file.write(message)
        done = subprocess.run(["rspamadm", "mime", "sign", "-d", key.domain, "-s", key.selector, "-k", key.path, "-o", "signature", path],
                              capture_output=True)
        value = done.stdout.strip()
        if done.returncode != 0 or b"b=" not in value:
            return None
        if not value.lower().startswith(b"dkim-signature:"):
            value = b"DKIM-Signature: " + value
        return re.sub(rb"\r?\n", b"\r\n", value) + b"\r\n" + message

    def verify(self, messages):
        return ["R_DKIM_ALLOW" in self.symbols(m) for m in messages]

    def verify_arc(self, messages):
        answers = []
        for message in messages:
            symbols = self.symbols(message)
            answers.append("pass" if "ARC_ALLOW" in symbols else "none" if "ARC_NA" in symbols else "fail")
        return answers

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        self.dns.close()
