"""Mail servers of others that are not installed: each runs in a network namespace and a root of its own, where its package was
unpacked (tools/dev/peers.sh), so that its users, its files and its port 25 are nowhere else. And what is tried with each of them:
mail to it and from it, over both families, under TLS that verifies."""
import ctypes
import email
import glob
import os
import re
import subprocess

from far import Zones
from gateway import TMP, Gateway, Smtp, free_port, need, skip, wait_for

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
CLONE_NEWNET = 0x40000000
US6, US4, THEM6, THEM4 = "fd00:26::1", "10.26.0.1", "fd00:26::2", "10.26.0.2"
INJECT = 2525  # where a peer takes mail for everybody, from us
USERS = ("bob", "eve", "fred", "late")
PASSWORD = "se cret"


def unpacked(package):
    folder = os.path.join(ROOT, "build/peers", package)
    if not os.path.isdir(folder):
        skip(f"{package} is not unpacked in build/peers: ./dev setup test does it, where Debian's packages can be had")
    return folder


def run(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True, text=True)


class Namespaces:
    """This process is in the first one, and a peer in the second; a cable between them has both families."""

    def __init__(self):
        need("ip", "unshare", "nsenter", "nsd", "openssl")
        if os.geteuid() != 0:
            skip("namespaces need root")
        self.us, self.them = f"ppu{os.getpid()}", f"ppt{os.getpid()}"
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        for name in (self.us, self.them):
            if run("ip", "netns", "add", name, check=False).returncode != 0:
                self.close()
                skip("this machine lets nobody make network namespaces")
        run("ip", "-n", self.us, "link", "add", "away", "type", "veth", "peer", "name", "here", "netns", self.them)
        for namespace, device, six, four in ((self.us, "away", US6, US4), (self.them, "here", THEM6, THEM4)):
            run("ip", "-n", namespace, "link", "set", "lo", "up")
            run("ip", "-n", namespace, "link", "set", device, "up")
            run("ip", "-n", namespace, "addr", "add", f"{four}/24", "dev", device)
            run("ip", "-n", namespace, "addr", "add", f"{six}/64", "dev", device, "nodad")
        fd = os.open(f"/run/netns/{self.us}", os.O_RDONLY)
        self.enter(fd)
        os.close(fd)

    @staticmethod
    def enter(fd):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def close(self):
        self.enter(self.home)
        for name in (self.us, self.them):
            run("ip", "netns", "del", name, check=False)


def certificates(folder, names):
    """An authority and a certificate of it for each of {file: names}; what is returned is the authority's file."""
    os.makedirs(folder)
    # RSA: Debian 12's OpenSMTPD fails in the handshake with a key of another kind
    make = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3")
    ca = os.path.join(folder, "authority")
    run(*make, "-subj", "/CN=authority", "-keyout", ca + ".key", "-out", ca + ".pem")
    for name, hosts in names.items():
        path = os.path.join(folder, name)
        run(*make, "-subj", "/CN=" + hosts[0], "-addext", "subjectAltName=" + ",".join("DNS:" + host for host in hosts), "-addext",
            "basicConstraints=critical,CA:FALSE", "-CA", ca + ".pem", "-CAkey", ca + ".key", "-keyout", path + ".key", "-out", path + ".pem")
    return ca + ".pem"


class Room:
    """A peer in its room. `files` are {path: text}, `folders` {path: owner}; its mail is in /var/boxes/USER."""

    def __init__(self, namespace, package, accounts, files, folders):
        self.namespace, self.process = namespace, None
        self.root = os.path.abspath(os.path.join(TMP, "room-" + os.path.basename(package)))
        self.unpacked = os.path.join(package, "usr")
        os.makedirs(self.root, mode=0o755)
        self.numbers = numbers = {"root": 0, "nobody": 65534, "box": 900, **{name: 901 + n for n, name in enumerate(accounts)}}
        passwd = "".join(f"{name}:x:{n}:{n}::/:/bin/sh\n" for name, n in numbers.items())
        group = "".join(f"{name}:x:{n}:\n" for name, n in {**numbers, "mail": 8}.items())
        for path, text in {"etc/passwd": passwd, "etc/group": group, "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
                           "etc/services": "smtp 25/tcp\n",
                           "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n", "etc/resolv.conf": f"nameserver {US4}\n", **files}.items():
            self.write(path, text)
        # Keys are for root and the peer's own user, or it does not take them
        for path in glob.glob(os.path.join(self.root, "etc/*.key")):
            os.chmod(path, 0o640)
            os.chown(path, 0, numbers[accounts[0]])
        for path in ("usr", "proc", "tmp", "dev", "run", "var/boxes", *folders):
            os.makedirs(os.path.join(self.root, path), exist_ok=True)
        for path, owner in {"var/boxes": "box", **folders}.items():
            os.chown(os.path.join(self.root, path), numbers[owner], numbers[owner])
        os.chmod(os.path.join(self.root, "tmp"), 0o1777)
        os.symlink("../run", os.path.join(self.root, "var/run"))
        for name in ("bin", "sbin", "lib", "lib64"):
            os.symlink("usr/" + name, os.path.join(self.root, name))

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o644)

    def start(self, *command):
        # /usr is the machine's, without what the machine has of mail servers; all mounts go with the processes
        script = """set -e
for each in lib lib64 share bin; do
  mkdir -p "$1/usr/$each"
  [ ! -d "/usr/$each" ] || mount --bind "/usr/$each" "$1/usr/$each"
done
for each in sbin libexec; do
  mkdir -p "$1/usr/$each"
  [ ! -d "$2/$each" ] || mount --bind "$2/$each" "$1/usr/$each"
done
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
root=$1
shift 2
exec chroot "$root" "$@"
"""
        self.log = open(self.root + ".log", "ab")
        self.process = subprocess.Popen(["ip", "netns", "exec", self.namespace, "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
                                         script, "sh", self.root, self.unpacked, *command], stdout=self.log, stderr=self.log,
                                        stdin=subprocess.DEVNULL)

        def greets():
            assert self.process.poll() is None, self.log_text()
            try:
                for host in (THEM6, THEM4):
                    for port in (25, INJECT):
                        Smtp(port, host, timeout=2).close()
                return True
            except OSError:
                return False
        try:
            wait_for(greets, "the peer's greeting")
        except AssertionError:
            print(self.log_text())
            raise

    def run(self, group, *command):
        """A command of its own, in its room, as root and that group."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            inside = file.read().split()[0]
        done = subprocess.run(["nsenter", "--target", inside, "--mount", "--pid", "--net", "--root", "--wd=/", "--setuid", "0", "--setgid",
                               str(self.numbers[group]), *command], capture_output=True, text=True, timeout=30,
                              check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def log_text(self):
        text = ""
        for path in [self.root + ".log", *glob.glob(os.path.join(self.root, "var/log/**/*"), recursive=True)]:
            if os.path.isfile(path):
                with open(path, errors="replace") as file:
                    text += file.read()
        return text

    def mails(self, user):
        found = []
        for path in sorted(glob.glob(os.path.join(self.root, "var/boxes", user, "new/*")), key=os.path.getmtime):
            with open(path, "rb") as file:
                found.append(file.read())
        return found

    def mail(self, user, subject):
        def arrived():
            return [m for m in self.mails(user) if called(m, subject)]
        try:
            return wait_for(arrived, f"{subject} for {user}")[0]
        except AssertionError:
            print(self.log_text()[-6000:])
            raise

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()  # unshare, which heeds nothing less; the kernel ends what is inside with it
            self.process.wait(20)
            self.log.close()


def message(subject, sender, body, more=""):
    text = (f"From: <{sender}>\r\nTo: undisclosed-recipients:;\r\nSubject: {subject}\r\nMessage-ID: <{subject}@{sender.split('@')[1]}>\r\n"
            f"X-Folded: one\r\n\ttwo  \r\nDate: Sat, 21 Nov 2026 06:13:28 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Transfer-Encoding: 8bit\r\n{more}\r\n")
    return text.encode() + (body if isinstance(body, bytes) else body.encode())


BODIES = {
    "plain": "Hello.\r\n",
    "eight": "Grüße aus Köln, 日本語\r\n".encode() + bytes(range(0x80, 0x100)) + b"\r\n",
    "dots": ".\r\n..\r\n.one\r\n...\r\n\r\n.\r\n",
    "long": "x" * 998 + "\r\n" + "." * 998 + "\r\n\r\n",
    "blank": "\r\n\r\n  \r\n\t\r\ntext \r\n\r\n\r\n",
    "big": (("0123456789" * 7 + "\r\n") * 30000),
}


def called(octets, name):
    return email.message_from_bytes(octets)["Message-ID"].startswith(f"<{name}@")


def unchanged(got, sent):
    """Servers put trace fields before what they were given, and a Maildir has lines of LF."""
    sent = sent.replace(b"\r\n", b"\n")
    assert got.endswith(sent), f"changed:\n{got[:3000]!r}\n...\n{got[-300:]!r}\nsent:\n{sent[:1000]!r}\n...\n{sent[-300:]!r}"
    names = [line.split(b":")[0].lower() for line in got[:-len(sent)].split(b"\n") if line and line[:1] not in b" \t"]
    odd = set(names) - {b"received", b"return-path", b"delivered-to", b"envelope-to", b"delivery-date", b"authentication-results"}
    assert not odd, f"fields that are no trace: {odd}"


class Scene:
    """Postern at example.org and a peer at NAME.test, each with domains that have one family only: six.DOMAIN and four.DOMAIN."""

    def __init__(self, name):
        self.peer = name + ".test"
        self.net = Namespaces()
        self.rooms = []
        self.dns = None
        hosts = [f"mx.{self.peer}", f"mx.six.{self.peer}", f"mx.four.{self.peer}", f"smart.{self.peer}"]
        self.folder = os.path.abspath(os.path.join(TMP, "certificates"))
        self.ca = certificates(self.folder, {"peer": hosts, "us": ["mx.example.org", "mx.six.example.org", "mx.four.example.org"]})

        def zone(six, four):
            return "".join(f"{at} MX 10 {mx}\n{mx} TXT \"v=spf1 a -all\"\n{at} TXT \"v=spf1 mx -all\"\n{lines}" for at, mx, lines in (
                ("@", "mx", f"mx AAAA {six}\nmx A {four}\n"), ("six", "mx.six", f"mx.six AAAA {six}\n"), ("four", "mx.four", f"mx.four A {four}\n")))
        self.dns = Zones(os.path.join(TMP, "dns"), {
            "test": "", "org": "", "example.org": zone(US6, US4), self.peer: zone(THEM6, THEM4) + f"smart AAAA {THEM6}\nsmart A {THEM4}\n",
            "26.10.in-addr.arpa": f"1.0 PTR mx.example.org.\n2.0 PTR mx.{self.peer}.\n",
            "6.2.0.0.0.0.d.f.ip6.arpa": "".join(f"{n}{'.0' * 23} PTR {name}.\n" for n, name in ((1, "mx.example.org"), (2, "mx." + self.peer)))},
            address=US4, port=53)
        self.gw = self.gateway()

    def read(self, name):
        with open(os.path.join(self.folder, name)) as file:
            return file.read()

    def room(self, package, accounts, files, folders):
        files = {"etc/authority.pem": self.read("authority.pem"), "etc/ssl/certs/ca-certificates.crt": self.read("authority.pem"),
                 "etc/peer.pem": self.read("peer.pem"), "etc/peer.key": self.read("peer.key"), **files}
        room = Room(self.net.them, package, accounts, files, folders)
        self.rooms.append(room)
        return room

    def gateway(self, name="gw", relay="", tls="verified"):
        return Gateway(name, self.dns.config() + f"""
[tls]
certificates = [{{ certificate = "{self.folder}/us.pem", key = "{self.folder}/us.key" }}]
[outbound]
ca_file = "{self.ca}"
[queue]
retry_first = "1s"
[relay]
from = ["::1"]
{relay}
[[route]]
domain = ["{self.peer}", ".{self.peer}"]
via = "mx"
tls = "{tls}"
[policy]
preset = "none"
""", listen=f"""
[[listen]]
role = "mx"
address = ["[{US6}]:25", "{US4}:25"]
""", domains="".join(f"""
[[domain]]
name = "{domain}"
deliver = "maildir:mail/{{domain}}/{{user}}"
mailboxes = ["alice", "bob"]
""" for domain in ("example.org", "six.example.org", "four.example.org")))

    def close(self):
        for room in self.rooms:
            room.stop()
        if self.dns:
            self.dns.stop()
        self.net.close()

    # --- what the tests do

    def submit(self, text, sender, *recipients, server=None, after_mail="", after_rcpt=""):
        smtp = Smtp(*(server or (self.gw,)))
        smtp.hello("mx.example.org")
        smtp.expect(f"MAIL FROM:<{sender}> BODY=8BITMIME{after_mail}", 250)
        for recipient in recipients:
            smtp.expect(f"RCPT TO:<{recipient}>{after_rcpt}", 250)
        smtp.expect("DATA", 354)
        smtp.send(re.sub(rb"(?m)^\.", b"..", text))
        smtp.expect(".", 250)
        smtp.command("QUIT")
        smtp.close()

    def outcome(self, recipient, state, gw=None, after=0):
        """The record of a delivery with that recipient in that state, and its outcome."""
        gw = gw or self.gw

        def find():
            return [(r, one) for r in gw.records("postern.delivery/1") for one in r.get("outcomes", []) if (one["path"], one["state"]) == (recipient, state)][after:]
        try:
            return wait_for(find, f"{recipient} {state}", 40)[0]
        except AssertionError:
            print(gw.log_text()[-3000:], self.rooms[-1].log_text()[-3000:], gw.records("postern.delivery/1")[-3:])
            raise

    def reports(self, user="alice", domain="example.org"):
        # By their second part: OpenSMTPD calls its own multipart/mixed
        return [m for m in map(email.message_from_bytes, self.gw.mails(user, domain))
                if m.is_multipart() and len(m.get_payload()) > 1 and m.get_payload(1).get_content_type() == "message/delivery-status"]

    def report(self, recipient, action, user="alice", domain="example.org"):
        """(the report, its fields of the message, its fields of that recipient), as Python's parser reads them."""
        def find():
            for mail in self.reports(user, domain):
                message_fields, *rest = mail.get_payload(1).get_payload()
                for one in rest:
                    if one["Final-Recipient"].replace(" ", "").lower() == "rfc822;" + recipient and one["Action"].split()[0] == action:
                        return mail, message_fields, one
            return None
        try:
            return wait_for(find, f"the report: {recipient} {action}", 40)
        except AssertionError:
            print(self.gw.log_text()[-3000:], self.rooms[-1].log_text()[-3000:])
            raise

    def to_peer(self, room):
        """All bodies over both families by MX; refusals, deferrals; what the sender hears of them."""
        for family, domain in (("ipv6", "six." + self.peer), ("ipv4", "four." + self.peer), (None, self.peer)):
            for kind, body in BODIES.items():
                subject = f"{kind}-{family}"
                text = message(subject, "alice@example.org", body)
                self.submit(text, "alice@example.org", f"bob@{domain}")
                unchanged(room.mail("bob", subject), text)
            for record, one in ((r, o) for r in self.gw.records("postern.delivery/1") for o in r["outcomes"]):
                if one["path"] == f"bob@{domain}":
                    assert one["state"] == "delivered" and record["tls"].startswith("TLSv1.3") and record["transport"] == "smtp", record
                    assert family in (None, record["family"]), record
        # One of several is refused there, the others have it; the sender hears of the one
        text = message("several", "alice@example.org", "To many.\r\n")
        self.submit(text, "alice@example.org", f"bob@{self.peer}", f"nobody@{self.peer}", f"eve@{self.peer}")
        for user in ("bob", "eve"):
            unchanged(room.mail(user, "several"), text)
        _, one = self.outcome(f"nobody@{self.peer}", "failed")
        assert one["reply"].startswith("5"), one
        bounce, about, failed = self.report(f"nobody@{self.peer}", "failed")
        assert about["Reporting-MTA"].replace(" ", "") == "dns;mx.example.org" and failed["Remote-MTA"].replace(" ", "") == f"dns;mx.{self.peer}", failed.items()
        assert failed["Diagnostic-Code"] in (f"smtp;{one['reply']}", f"smtp; {one['reply']}") and failed["Status"].startswith("5."), failed.items()
        assert len(bounce.get_payload(1).get_payload()) == 2 and bounce["Return-Path"] == "<>", bounce.as_string()
        assert email.message_from_string(bounce.get_payload(2).get_payload())["Subject"] == "several"

    def dsn_to_peer(self, room):
        """What the sender asked for goes along, and the peer's own report comes back to our null-sender path."""
        self.submit(message("told", "alice@example.org", "x\r\n"), "alice@example.org", f"bob@{self.peer}", after_mail=" RET=HDRS ENVID=QQ314159",
                    after_rcpt=f" NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;robert@{self.peer}")
        room.mail("bob", "told")
        told, about, one = self.report(f"bob@{self.peer}", "delivered")
        assert mx_of(about) == f"mx.{self.peer}", about.items()
        assert told["Return-Path"] == "<>", told.items()
        return about, one

    def from_peer(self, room):
        """It sends to us by MX, and bounces what we refuse to an address of ours."""
        for family, domain in (("ipv6", "six.example.org"), ("ipv4", "four.example.org"), (None, "example.org")):
            sent = {}
            for kind, body in BODIES.items():
                sent[kind] = message(f"from-{kind}-{family}", f"fred@{self.peer}", body)
                self.submit(sent[kind], f"fred@{self.peer}", f"alice@{domain}", server=(INJECT, THEM6))
            for kind, text in sent.items():
                def arrived():
                    return [m for m in self.gw.mails("alice", domain) if called(m, f"from-{kind}-{family}")]
                try:
                    unchanged(wait_for(arrived, f"{kind} from the peer")[0], text)
                except AssertionError:
                    print(room.log_text()[-4000:], self.gw.log_text()[-2000:])
                    raise
            for session in self.gw.records():
                if any(to["path"] == f"alice@{domain}" for t in session.get("transactions", []) for to in t["to"] if t.get("from") == f"fred@{self.peer}"):
                    assert session["tls"]["version"] == "TLSv1.3" and session["helo"] == f"mx.{self.peer}", session
                    assert family in (None, session["family"]), session
        # Refused by us: the peer tells the sender, who is ours, from <>
        text = message("bounces", "bob@example.org", "Back to me.\r\n")
        self.submit(text, "bob@example.org", "alice@example.org", "nobody@example.org", server=(INJECT, THEM4))
        bounce, about, one = self.report("nobody@example.org", "failed", user="bob")
        assert mx_of(about) == f"mx.{self.peer}" and one["Status"].startswith("5."), one.items()
        assert bounce["Return-Path"] == "<>", bounce.items()
        return one


def mx_of(about):
    return about["Reporting-MTA"].replace(" ", "").removeprefix("dns;")
