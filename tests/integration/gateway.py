"""What the integration and crash tests share: a gateway of their own on loopback ports of both families, a raw SMTP client
that reads replies and nothing more, and waiting for conditions. Each test gets POSTERN (the program) and TEST_TMP (a fresh
folder) from tools/run_script_tests.py."""
import email
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

POSTERN = os.environ.get("POSTERN", "build/release/postern")
TMP = os.environ.get("TEST_TMP") or os.path.join("build", "test-tmp")
V4, V6 = "127.0.0.1", "::1"
FAMILIES = (V6, V4)


def skip(reason):
    print("skipped:", reason)
    sys.exit(77)


def need(*programs):
    for program in programs:
        if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
            skip(f"{program} is not installed")


_given_ports = iter(range(int(os.environ.get("TEST_PORT", "0")), int(os.environ.get("TEST_PORT", "0")) + 20))


def free_port():
    """A port that is free on both loopback addresses: one of this test's own where the runner gave it some."""
    if "TEST_PORT" in os.environ:
        return next(_given_ports)
    for _ in range(100):
        with socket.socket(socket.AF_INET6) as six, socket.socket(socket.AF_INET) as four:
            six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            six.bind((V6, 0))
            port = six.getsockname()[1]
            try:
                four.bind((V4, port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free on both families")


def wait_for(condition, what, timeout=20.0):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        select.select([], [], [], 0.02)
    raise AssertionError(f"waited {timeout} s in vain for: {what}")


class Smtp:
    """A raw client: what is sent is sent as given."""

    def __init__(self, gateway_or_port, host=V6, timeout=20, greeting=True):
        port = getattr(gateway_or_port, "port", gateway_or_port)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family)
        self.sock.settimeout(timeout)
        self.sock.connect((host, port))
        self.buffer = b""
        self.greeting = self.reply() if greeting else None

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def reply(self):
        """(code, text of all lines); (0, b"") at the end of the connection."""
        lines = []
        while True:
            while b"\r\n" not in self.buffer:
                try:
                    more = self.sock.recv(65536)
                except ConnectionResetError:
                    more = b""
                if not more:
                    return 0, b"\n".join(lines)
                self.buffer += more
            line, self.buffer = self.buffer.split(b"\r\n", 1)
            assert re.match(rb"^[2-5]\d\d[ -]", line), f"not a reply line: {line!r}"
            lines.append(line[4:])
            if line[3:4] == b" ":
                return int(line[:3]), b"\n".join(lines)

    def command(self, line):
        self.send(line if isinstance(line, bytes) else line + "\r\n")
        return self.reply()

    def expect(self, line, code):
        got = self.command(line)
        assert got[0] == code, f"{line!r}: expected {code}, got {got}"
        return got[1]

    def hello(self, name="client.example"):
        return self.expect(f"EHLO {name}", 250)

    def envelope(self, sender="you@example.net", *recipients):
        self.expect(f"MAIL FROM:<{sender}>", 250)
        for recipient in recipients or ("alice@example.org",):
            self.expect(f"RCPT TO:<{recipient}>", 250)

    def starttls(self, context=None):
        self.expect("STARTTLS", 220)
        if context is None:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock, server_hostname="mx.example.org")
        self.buffer = b""

    def message(self, text, sender="you@example.net", *recipients):
        """Sends one message of CRLF lines and returns the reply to its end."""
        self.envelope(sender, *recipients)
        self.expect("DATA", 354)
        data = text if isinstance(text, bytes) else text.encode()
        data = re.sub(rb"(?m)^\.", b"..", data)
        self.send(data + (b"" if data.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        return self.reply()

    def at_end(self):
        """True when the server closed."""
        return self.reply() == (0, b"")

    def close(self):
        self.sock.close()


def sample(subject, body="Hello.\r\n"):
    return f"From: you@example.net\r\nTo: alice@example.org\r\nSubject: {subject}\r\nDate: Sat, 21 Nov 2026 06:13:28 +0000\r\n\r\n{body}"


class Gateway:
    def __init__(self, name="gw", config=None, listen="", domains=None, environment=None, deliver=None, hostname="mx.example.org"):
        self.dir = os.path.abspath(os.path.join(TMP, name))
        os.makedirs(self.dir, exist_ok=True)
        self.port = free_port()
        self.hostname = hostname
        self.process = None
        self.environment = dict(os.environ, **(environment or {}))
        self.log_path = os.path.join(self.dir, "log")
        self.config_path = os.path.join(self.dir, "postern.toml")
        deliver = deliver or "maildir:mail/{domain}/{user}"
        self.domains = domains if domains is not None else f"""
[[domain]]
name = "example.org"
deliver = "{deliver}"
mailboxes = ["alice", "bob"]
aliases = {{ postmaster = ["alice"], abuse = ["alice"], team = ["alice", "bob"] }}
"""
        self.listen = listen
        self.write_config(config or "")

    def write_config(self, more=""):
        # Top-level keys of `more` come first: TOML wants them before any table. Names are looked up only by tests that
        # bring a server to ask.
        if "[dns]" not in more and "[authentication]" not in more:
            more += "\n[authentication]\nenabled = false\n"
        # Who comes through a PROXY header is a stranger: judged only in tests that are about it.
        if "[policy" not in more and "[defence" not in more:
            more += "\n[policy]\npreset = \"none\"\n"
        with open(self.config_path, "w") as file:
            file.write(f"""hostname = "{self.hostname}"
data_dir = "data"
threads = 2
{more}
[[listen]]
role = "mx"
address = ["[::1]:{self.port}", "127.0.0.1:{self.port}"]
{self.listen}
{self.domains}
""")

    def start(self, wait=True, wrapper=(), extra_fds=()):
        self.log = open(self.log_path, "ab")
        self.log_start = self.log.tell()
        self.process = subprocess.Popen([*wrapper, POSTERN, "serve", "--config", self.config_path], stderr=self.log,
                                        stdout=self.log, env=self.environment, pass_fds=extra_fds)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"serve ended with {self.process.returncode}:\n{self.log_text()}")
            return re.search(r"\bready\b", self.log_text(since_start=True))
        wait_for(ready, "ready", timeout=60)

    def log_text(self, since_start=False):
        with open(self.log_path, "rb") as file:
            if since_start:
                file.seek(self.log_start)
            return file.read().decode(errors="replace")

    def stop(self, signum=signal.SIGTERM, timeout=60):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signum)
        code = self.process.wait(timeout)
        self.process = None
        return code

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if kind is not None:
            sys.stdout.write(self.log_text()[-4000:])

    def run(self, *arguments, check=True, **options):
        done = subprocess.run([POSTERN, *arguments, "--config", self.config_path], capture_output=True, text=True,
                              timeout=60, env=self.environment, **options)
        if check:
            assert done.returncode == 0, f"{arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def maildir(self, user="alice", domain="example.org"):
        return os.path.join(self.dir, "mail", domain, user)

    def mails(self, user="alice", domain="example.org"):
        """The delivered messages, as octets, oldest first."""
        new = os.path.join(self.maildir(user, domain), "new")
        if not os.path.isdir(new):
            return []
        found = []
        for name in sorted(os.listdir(new)):
            with open(os.path.join(new, name), "rb") as file:
                found.append(file.read())
        return found

    def wait_mails(self, count, user="alice", domain="example.org", timeout=30):
        wait_for(lambda: len(self.mails(user, domain)) >= count, f"{count} messages for {user}", timeout)
        mails = self.mails(user, domain)
        assert len(mails) == count, f"{len(mails)} messages for {user}, expected {count}"
        return mails

    def records(self, kind="postern.session/1"):
        """All complete records of a kind written so far."""
        folder = os.path.join(self.dir, "data", "records")
        found = []
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if name.endswith(".jsonl"):
                with open(os.path.join(folder, name), "rb") as file:
                    for line in file.read().split(b"\n")[:-1]:
                        record = json.loads(line)
                        if record.get("schema") == kind:
                            found.append(record)
        return found

    def wait_record(self, match, what="a session record", kind="postern.session/1"):
        return wait_for(lambda: next((r for r in self.records(kind) if match(r)), None), what)

    def queue(self):
        return json.loads(self.run("queue", "list", "--json").stdout)


def parsed(octets):
    return email.message_from_bytes(octets)
