"""The servers of a benchmark: Postern, and Debian's postfix, postscreen and smtp-sink beside it. Each has its files under the
folder it is given, listens on loopback only, and is stopped by what started it."""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

from accounting import Accounting

KNOWN, UNKNOWN = "user@example.com", "nobody@example.com"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_certificate(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """ECDSA P-256, the same for every server."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    if not certificate.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650",
                        "-subj", "/CN=mx.example.com", "-addext", "subjectAltName=DNS:mx.example.com",
                        "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key


class Server:
    name = ""
    opening = b""  # what a client says first: a PROXY header where there is a proxy

    def __init__(self, folder: pathlib.Path):
        self.folder = folder / self.name
        self.port = free_port()
        self.accounting = Accounting(self.name)
        self.log = self.folder / "log"

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def wait_until_it_answers(self, limit: float = 30) -> None:
        end = time.monotonic() + limit
        while time.monotonic() < end:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
                    connection.sendall(self.opening)
                    if connection.recv(1):
                        return
            except OSError:
                time.sleep(0.05)
        tail = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
        sys.exit(f"{self.name} does not answer on port {self.port}:\n{tail}")

    def stop(self) -> None:
        self.accounting.end()


class Postern(Server):
    name = "postern"

    def __init__(self, folder: pathlib.Path, binary: pathlib.Path):
        super().__init__(folder)
        self.binary = binary
        self.certificate, self.key = make_certificate(folder / "certificate")
        self.seconds_to_ready = 0.0

    # Its peers look up no names either; the cost of mail authentication has cells of its own.
    more = "[authentication]\nenabled = false\n"
    listen_more = ""

    def write_config(self, deliver: str = "sink:") -> pathlib.Path:
        config = self.folder / "postern.toml"
        config.write_text(f"""hostname = "mx.example.com"
data_dir = "data"
[[listen]]
role = "mx"
address = ["127.0.0.1:{self.port}"]
{self.listen_more}
[[domain]]
name = "example.com"
deliver = "{deliver}"
mailboxes = ["user"]
[tls]
certificates = [{{ certificate = "{self.certificate}", key = "{self.key}" }}]
{self.more}""")
        return config

    def start(self, deliver: str = "sink:", keep_data: bool = False) -> None:
        if not keep_data:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.write_config(deliver)
        began = time.monotonic()
        before = self.log.stat().st_size if self.log.exists() else 0
        process = self.accounting.spawn([str(self.binary), "serve", "--config", str(config)], self.log)
        while time.monotonic() - began < 600:
            with self.log.open("rb") as log:
                log.seek(before)
                if b"ready" in log.read():
                    self.seconds_to_ready = time.monotonic() - began
                    self.wait_until_it_answers()
                    return
            if process.poll() is not None:
                break
            time.sleep(0.01)
        sys.exit(f"postern did not become ready:\n{self.log.read_text(errors='replace')[-2000:]}")


class Postfix(Server):
    """Postfix as Debian builds it: smtpd, and postscreen that refuses this machine's loopback, on ports of their own.
    Accepted mail goes to discard(8), so that the queue empties without a disk write of its own."""
    name = "postfix"

    def __init__(self, folder: pathlib.Path):
        super().__init__(folder)
        self.etc, self.queue = self.folder / "etc", self.folder / "queue"
        self.screen_port = free_port()
        self.certificate, self.key = make_certificate(folder / "certificate")

    @staticmethod
    def reason_it_cannot_run() -> str:
        if shutil.which("postfix") is None:
            return "postfix is not installed (./dev setup bench)"
        return "" if os.geteuid() == 0 else "postfix starts as root only"

    def start(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        data = self.folder / "data"
        for path in (self.etc, self.queue, data):
            path.mkdir(parents=True)
        shutil.chown(data, "postfix")
        chain = self.etc / "chain.pem"
        chain.write_text(self.key.read_text() + self.certificate.read_text())
        chain.chmod(0o600)
        shutil.copy("/etc/postfix/dynamicmaps.cf", self.etc)
        (self.etc / "deny").write_text("127.0.0.0/8 reject\n")
        (self.etc / "main.cf").write_text(f"""compatibility_level = 3.6
config_directory = {self.etc}
queue_directory = {self.queue}
data_directory = {data}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
myhostname = mx.example.com
mydestination =
mynetworks = 192.0.2.0/24
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
maillog_file = {self.folder}/maillog
maillog_file_prefixes = {self.folder}
virtual_mailbox_domains = example.com
virtual_mailbox_maps = inline:{{ {KNOWN}=user/ }}
virtual_transport = discard:
in_flow_delay = 0
default_process_limit = 100
smtpd_client_connection_count_limit = 0
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_chain_files = {chain}
smtpd_tls_loglevel = 1
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
postscreen_access_list = cidr:{self.etc}/deny
postscreen_denylist_action = enforce
postscreen_greet_wait = 1s
postscreen_client_connection_count_limit = 100000
postscreen_pre_queue_limit = 5000
postscreen_post_queue_limit = 5000
postscreen_cache_map =
""")
        services = [f"127.0.0.1:{self.port} inet n - n - 100 smtpd", f"127.0.0.1:{self.screen_port} inet n - n - 1 postscreen",
                    "smtpd pass - - n - 100 smtpd", "dnsblog unix - - n - 0 dnsblog", "tlsproxy unix - - n - 0 tlsproxy",
                    "pickup unix n - n 60 1 pickup", "cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr",
                    "tlsmgr unix - - n 1000? 1 tlsmgr", "rewrite unix - - n - - trivial-rewrite", "bounce unix - - n - 0 bounce",
                    "defer unix - - n - 0 bounce", "trace unix - - n - 0 bounce", "verify unix - - n - 1 verify",
                    "flush unix n - n 1000? 0 flush", "proxymap unix - - n - - proxymap", "showq unix n - n - - showq",
                    "error unix - - n - - error", "retry unix - - n - - error", "discard unix - - n - - discard",
                    "anvil unix - - n - 1 anvil", "postlog unix-dgram n - n - 1 postlogd"]
        (self.etc / "master.cf").write_text("\n".join(services) + "\n")
        self.accounting.spawn(["postfix", "-c", str(self.etc), "start"], self.log).wait()
        self.accounting.root_pid = int((self.queue / "pid/master.pid").read_text())
        self.wait_until_it_answers()

    def stop(self) -> None:
        subprocess.run(["postfix", "-c", str(self.etc), "stop"], capture_output=True, check=False)
        self.accounting.end()


class Postscreen:
    """The postscreen(8) of a running Postfix, seen as a server of its own."""
    name = "postscreen"

    def __init__(self, postfix: Postfix):
        self.accounting = postfix.accounting
        self.target = f"127.0.0.1:{postfix.screen_port}"


class Sink(Server):
    """smtp-sink(1): answers and forgets."""
    name = "smtp-sink"

    @staticmethod
    def reason_it_cannot_run() -> str:
        return "" if shutil.which("smtp-sink") else "smtp-sink is not installed (./dev setup bench)"

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
        self.accounting.spawn(["smtp-sink", *as_nobody, "-m", "2000", self.target, "1000"], self.log)
        self.wait_until_it_answers()


class Responder(Server):
    """The floor: fixed replies from a bare epoll loop, two threads."""
    name = "responder"

    def __init__(self, folder: pathlib.Path, binary: pathlib.Path):
        super().__init__(folder)
        self.binary = binary

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.accounting.spawn([str(self.binary), str(self.port)], self.log)
        self.wait_until_it_answers()
