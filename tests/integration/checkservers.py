"""The mail servers of the laboratory of checklab.py: Postern and Postfix as they should be, and servers that are broken each in its own
way, with certificates of an authority of the laboratory. What listens where, and which outcome each is there for, is checkdomains.py's."""
import contextlib
import ctypes
import datetime
import fcntl
import hashlib
import os
import re
import select
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading

from checklab import CLONE_NEWNET, libc
from gateway import wait_for

DAY = datetime.timedelta(days=1)
OFFERS = ("PIPELINING", "SIZE 10000000", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")
EC = ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


def rsa(bits):
    return "genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}"


class Authority:
    """Issues certificates with any dates and hashes. `chain` of one is what a server is given: its own first."""

    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        os.makedirs(self.folder)
        with open(os.path.join(self.folder, "ca.cnf"), "w") as file:
            file.write("[ca]\ndefault_ca = lab\n[lab]\ndatabase = index\nnew_certs_dir = .\nrand_serial = yes\npolicy = any\nunique_subject = no\n[any]\ncommonName = supplied\n"
                       "[req]\ndistinguished_name = name\n[name]\n")
        open(os.path.join(self.folder, "index"), "w").close()
        self.openssl(*EC, "-out", "root.key")
        self.openssl("req", "-x509", "-key", "root.key", "-days", "3650", "-subj", "/CN=root", "-addext", "basicConstraints=critical,CA:TRUE", "-config", "ca.cnf",
                     "-out", "root.pem")
        self.root = self.path("root.pem")

    def path(self, name):
        return os.path.join(self.folder, name)

    def openssl(self, *words):
        done = subprocess.run(["openssl", *words], cwd=self.folder, capture_output=True, check=False)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def issue(self, name, names=(), key=EC, start=-30, end=60, md="sha256", by="root", authority=False, send=True):
        """(chain, key) of a new certificate for `names`; dates in days from now. An authority's own certificate is NAME.own.pem."""
        now = datetime.datetime.now(datetime.timezone.utc)
        self.openssl(*key, "-out", name + ".key")
        os.chmod(self.path(name + ".key"), 0o644)
        self.openssl("req", "-new", "-key", name + ".key", "-subj", "/CN=" + name, "-config", "ca.cnf", "-out", name + ".csr")
        with open(self.path(name + ".ext"), "w") as file:
            file.write(f"basicConstraints=critical,CA:{'TRUE' if authority else 'FALSE'}\n" +
                       ("subjectAltName=" + ",".join("DNS:" + one for one in names) + "\n" if names else ""))
        self.openssl("ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", "root.pem" if by == "root" else by + ".own.pem", "-keyfile", by + ".key",
                     "-in", name + ".csr", "-out", name + ".own.pem", "-md", md, "-extfile", name + ".ext",
                     "-startdate", (now + start * DAY).strftime("%y%m%d%H%M%SZ"), "-enddate", (now + end * DAY).strftime("%y%m%d%H%M%SZ"))
        chain = open(self.path(name + ".own.pem")).read()
        if send and by != "root":
            chain += open(self.path(by + ".own.pem")).read()
        with open(self.path(name + ".pem"), "w") as file:
            file.write(chain)
        return self.path(name + ".pem"), self.path(name + ".key")

    def key_digest(self, name):
        """What a TLSA record of selector 1 and matching type 1 has."""
        return hashlib.sha256(self.openssl("pkey", "-in", name + ".key", "-pubout", "-outform", "DER")).hexdigest()


def tls(pair, ciphers=None, low=None, high=None, more=(), dh=None, options=0):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if ciphers:
        context.set_ciphers(ciphers)
    context.load_cert_chain(*pair)
    for another in more:
        context.load_cert_chain(*another)
    if low:
        context.minimum_version = low
    if high:
        context.maximum_version = high
    if dh:
        context.load_dh_params(dh)
    context.options |= options
    return context


class GnuTls:
    """A context of another library, for what OpenSSL does not do any more: no RFC 5746, no RFC 7627."""

    def __init__(self, pair, priority):
        self.lib, self.priority = ctypes.CDLL("libgnutls.so.30"), priority.encode()
        self.credentials = ctypes.c_void_p()
        self.lib.gnutls_certificate_allocate_credentials(ctypes.byref(self.credentials))
        if self.lib.gnutls_certificate_set_x509_key_file(self.credentials, pair[0].encode(), pair[1].encode(), 1) != 0:
            raise OSError("GnuTLS takes not " + pair[0])

    def wrap_socket(self, sock, server_side):
        assert server_side
        return GnuTlsSocket(self, sock)


class GnuTlsSocket:
    def __init__(self, context, sock):
        self.lib, self.sock, self.session = context.lib, sock, ctypes.c_void_p()
        sock.setblocking(True)
        self.lib.gnutls_init(ctypes.byref(self.session), 1)
        problem = ctypes.c_char_p()
        if self.lib.gnutls_priority_set_direct(self.session, context.priority, ctypes.byref(problem)) != 0:
            raise OSError(f"GnuTLS does not know {problem.value}")
        self.lib.gnutls_credentials_set(self.session, 1, context.credentials)
        self.lib.gnutls_transport_set_int2(self.session, sock.fileno(), sock.fileno())
        self.check(self.lib.gnutls_handshake(self.session))

    def check(self, code):
        if code < 0:
            raise OSError(f"GnuTLS: {code}")
        return code

    def recv(self, size):
        self.lib.gnutls_record_recv.restype = ctypes.c_ssize_t
        buffer = ctypes.create_string_buffer(size)
        count = self.check(self.lib.gnutls_record_recv(self.session, buffer, ctypes.c_size_t(size)))
        return buffer.raw[:count]

    def sendall(self, octets):
        self.lib.gnutls_record_send.restype = ctypes.c_ssize_t
        self.check(self.lib.gnutls_record_send(self.session, octets, ctypes.c_size_t(len(octets))))

    def close(self):
        self.sock.close()


class Server:
    """A mail server on port 25 of an address. `answers` are {verb, or verb+TLS: reply, or function of the whole command}; None hangs up. A
    greeting that is None never comes. `lax`: takes what came in clear behind STARTTLS for commands under TLS, and LF.LF for the end of a message."""

    def __init__(self, address, name, context=None, greeting="220 {name} ESMTP", offers=OFFERS, answers=None, wait=0, lax=False, listener=None):
        self.name, self.context, self.offers, self.answers, self.wait, self.lax = name, context, offers, answers or {}, wait, lax
        self.greeting = greeting.replace("{name}", name) if isinstance(greeting, str) else greeting
        self.sessions, self.messages = [], 0
        self.over = threading.Event()
        self.listener = listener or listen(address)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.session, args=(sock,), daemon=True).start()

    def session(self, sock):
        said = []
        self.sessions.append(said)
        sock.settimeout(100)
        try:
            self.serve(sock, said)
        except (OSError, ValueError):
            pass
        finally:
            sock.close()

    def stop(self):
        self.over.set()
        self.listener.close()

    def hello(self, secure):
        words = [self.name, *self.offers, *(["STARTTLS"] if self.context and not secure else [])]
        return "\r\n".join("250" + ("-" if i + 1 < len(words) else " ") + word for i, word in enumerate(words))

    def answer(self, verb, text, secure):
        verb += "+TLS" if secure and verb + "+TLS" in self.answers else ""
        if verb in self.answers:
            reply = self.answers[verb]
            return reply(text) if callable(reply) else reply
        if verb == "EHLO":
            return self.hello(secure)
        return {"MAIL": "250 2.1.0 ok", "RCPT": "250 2.1.5 ok" if re.search("postmaster|abuse", text) else "550 5.1.1 nobody here", "RSET": "250 2.0.0 ok",
                "NOOP": "250 2.0.0 ok", "HELO": "250 " + self.name, "DATA": "354 go on", "VRFY": "252 2.0.0 try", "QUIT": "221 2.0.0 bye"}.get(verb, "502 5.5.1 what?")

    def serve(self, sock, said):
        self.over.wait(self.wait)
        if self.greeting is None:
            while sock.recv(1000):
                pass
            return
        greeting = self.greeting(self) if callable(self.greeting) else self.greeting
        sock.sendall(greeting.encode() + b"\r\n")
        pending, data, secure = b"", False, False
        end_of_data = re.compile(rb"\n\.\r?\n" if self.lax else rb"\r\n\.\r\n")
        while True:
            at = end_of_data.search(pending) if data else re.search(rb"\n", pending)
            if not at:
                more = sock.recv(4096)
                if not more:
                    return
                pending += more
                continue
            line, pending = pending[:at.end()], pending[at.end():]
            if data:
                data, self.messages = False, self.messages + 1
                sock.sendall(b"554 5.4.6 too many hops\r\n")
                continue
            text = line.decode("utf-8", "replace").strip()
            said.append(text)
            verb = text.split(" ")[0].upper()
            if verb == "STARTTLS" and self.context and not secure and verb not in self.answers:
                sock.sendall(b"220 go\r\n")
                pending = pending if self.lax else b""
                sock, secure = self.context.wrap_socket(sock, server_side=True), True
                continue
            reply = self.answer(verb, text, secure)
            if reply is None:
                return
            sock.sendall(reply.encode() + b"\r\n")
            data = verb == "DATA" and reply.startswith("354")
            if verb == "QUIT":
                return


def listen(address):
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, 25))
    sock.listen(100)
    return sock


class Postfix:
    """Debian's Postfix with master.cf's services of its own: {address: options of smtpd}. `recipients` exist and are never delivered to."""

    def __init__(self, name, domain, pairs, services, recipients=("postmaster", "abuse"), more=""):
        self.folder = tempfile.mkdtemp(prefix="postern-postfix-")  # its processes are other users
        os.chmod(self.folder, 0o755)
        etc, queue, data = (os.path.join(self.folder, part) for part in ("etc", "queue", "data"))
        for path in (etc, queue, data):
            os.mkdir(path)
        self.etc = etc
        shutil.chown(data, "postfix")
        if os.path.exists("/etc/postfix/dynamicmaps.cf"):
            shutil.copy("/etc/postfix/dynamicmaps.cf", etc)
        files = []
        for chain, key in pairs:
            with open(os.path.join(etc, os.path.basename(chain)), "w") as file:
                file.write(open(key).read() + open(chain).read())
            files.append(file.name)
        with open(os.path.join(etc, "main.cf"), "w") as file:
            file.write(f"""compatibility_level = 3.6
config_directory = {etc}
queue_directory = {queue}
data_directory = {data}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
myhostname = {name}
mydestination =
mynetworks = 192.0.2.0/24
inet_protocols = all
alias_maps =
maillog_file = {self.folder}/maillog
maillog_file_prefixes = {self.folder}
virtual_alias_domains = {domain}
virtual_alias_maps = inline:{{ {", ".join(f"{one}@{domain}=nobody@localhost.invalid" for one in recipients)} }}
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtpd_tls_security_level = may
smtpd_tls_chain_files = {", ".join(files)}
smtpd_forbid_bare_newline = yes
disable_vrfy_command = yes
smtpd_error_sleep_time = 0
in_flow_delay = 0
{more}
""")
        lines = [f"[{at}]:25 inet n - n - - smtpd{options}" for at, options in services.items()]
        lines += ["cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr", "rewrite unix - - n - - trivial-rewrite", "proxymap unix - - n - - proxymap",
                  "tlsmgr unix - - n 1000? 1 tlsmgr", "anvil unix - - n - 1 anvil", "postlog unix-dgram n - n - 1 postlogd"]
        with open(os.path.join(etc, "master.cf"), "w") as file:
            file.write("\n".join(lines) + "\n")
        done = subprocess.run(["postfix", "-c", etc, "start"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + self.log()
        for at in services:
            wait_for(lambda host=at: greets(host), f"Postfix on {at}\n{self.log()}")

    def log(self):
        path = os.path.join(self.folder, "maillog")
        return open(path).read() if os.path.exists(path) else ""

    def stop(self):
        subprocess.run(["postfix", "-c", self.etc, "stop"], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def greets(host):
    try:
        with socket.create_connection((host, 25), 5) as sock:
            greeting = sock.recv(200)
            sock.sendall(b"QUIT\r\n")
            return greeting.startswith(b"220")
    except OSError:
        return False


@contextlib.contextmanager
def entered(name):
    """This thread in a network namespace that is there."""
    home, there = (os.open(path, os.O_RDONLY) for path in ("/proc/thread-self/ns/net", f"/run/netns/{name}"))
    try:
        if libc.setns(there, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        yield
    finally:
        libc.setns(home, CLONE_NEWNET)
        os.close(home)
        os.close(there)


class LongWay:
    """An address in a namespace of its own, behind a way on which every packet takes its time; and one that nobody answers for."""

    TUNSETIFF, TUN_WITHOUT_HEADER = 0x400454CA, 0x1001

    def __init__(self, here, there, address, nobody, seconds):
        self.seconds, self.over = seconds, threading.Event()
        ends = []
        self.there = there
        self.ip("netns", "add", there)
        for namespace, name in ((here, "long"), (there, "end"), (here, "void")):
            with entered(namespace):
                fd = os.open("/dev/net/tun", os.O_RDWR)
                fcntl.ioctl(fd, self.TUNSETIFF, struct.pack("16sH", name.encode(), self.TUN_WITHOUT_HEADER))
            ends.append(fd)
        self.ends = ends
        for namespace, name in ((here, "long"), (there, "end"), (here, "void")):
            self.ip("-n", namespace, "link", "set", name, "up")
        self.ip("-n", there, "addr", "add", address + "/128", "dev", "end", "nodad")
        self.ip("-n", there, "route", "add", "default", "dev", "end")
        self.ip("-n", there, "-6", "route", "add", "default", "dev", "end")
        self.ip("-n", here, "route", "add", address + "/128", "dev", "long")
        for one in nobody:
            self.ip("-n", here, "route", "add", one, "dev", "void")
        with entered(there):
            self.listener = listen(address)
        self.threads = [threading.Thread(target=self.carry, args=pair, daemon=True) for pair in ((ends[0], ends[1]), (ends[1], ends[0]))]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def ip(*words):
        subprocess.run(["ip", *words], check=True, capture_output=True)

    def carry(self, source, target):
        while not self.over.is_set():
            if not select.select([source], [], [], 0.1)[0]:
                continue
            packet = os.read(source, 65536)
            self.over.wait(self.seconds)
            os.write(target, packet)

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        for fd in self.ends:
            os.close(fd)
        self.ip("netns", "del", self.there)
