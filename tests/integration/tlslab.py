"""Mail servers with a TLS of any kind, for tests of the checker: SMTP in clear in front of `openssl s_server`, which can be told
what no mail server is told, and a server whose handshake is made here, with the holes of other times."""
import json
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import threading

from gateway import free_port, wait_for


def openssl(folder, *words):
    return subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True).stdout


def certificate(folder, name, names, by=None, key=("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"), days=90, more=()):
    """(chain, key), signed by the pair `by` or by itself; without names an authority."""
    key_file, chain = os.path.join(folder, name + ".key"), os.path.join(folder, name + ".pem")
    sign = ["-CA", by[0], "-CAkey", by[1]] if by else []
    extensions = ["-addext", "subjectAltName=" + ",".join("DNS:" + n for n in names)] if names else []
    for one in (f"basicConstraints=critical,CA:{'FALSE' if names else 'TRUE'}", *more):
        extensions += ["-addext", one]
    openssl(folder, "req", "-x509", "-newkey", *key, "-nodes", "-days", str(days), "-subj", "/CN=" + name, *extensions,
            "-keyout", key_file, "-out", chain, *sign)
    if by:
        with open(chain, "a") as file, open(by[0]) as root:
            file.write(root.read())
    os.chmod(key_file, 0o644)
    return chain, key_file


def ocsp_response(folder, name, pair, authority, revoked=False, days=7):
    """The path of a response about the certificate, signed by its authority."""
    index, path = os.path.join(folder, name + ".index"), os.path.join(folder, name + ".ocsp")
    serial = openssl(folder, "x509", "-in", pair[0], "-noout", "-serial").decode().strip().split("=")[1]
    state, when = ("R", "250101000000Z,keyCompromise") if revoked else ("V", "")
    with open(index, "w") as file:
        file.write(f"{state}\t491231235959Z\t{when}\t{serial}\tunknown\t/CN={name}\n")
    request = os.path.join(folder, name + ".request")
    openssl(folder, "ocsp", "-issuer", authority[0], "-cert", pair[0], "-reqout", request, "-no_nonce")
    openssl(folder, "ocsp", "-index", index, "-CA", authority[0], "-rsigner", authority[0], "-rkey", authority[1], "-reqin", request,
            "-respout", path, "-ndays", str(days))
    return path


class Smtp(threading.Thread):
    """Port 25 in clear, up to STARTTLS; what comes then is `secure(sock)`, in a class of its own."""

    def __init__(self, host, name, port=25):
        super().__init__(daemon=True)
        self.name_said, self.connections = name, 0
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, port), family=family, backlog=100)

    def run(self):
        while True:
            try:
                sock = self.listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def stop(self):
        # close() alone does not end an accept() of another thread
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self, sock):
        try:
            sock.settimeout(30)
            sock.sendall(f"220 {self.name_said} ESMTP\r\n".encode())
            while True:
                line = b""
                while not line.endswith(b"\n"):
                    octet = sock.recv(1)
                    if not octet:
                        return
                    line += octet
                verb = line.split()[0].upper() if line.split() else b""
                if verb in (b"EHLO", b"HELO"):
                    sock.sendall(f"250-{self.name_said}\r\n250 STARTTLS\r\n".encode())
                elif verb == b"STARTTLS":
                    sock.sendall(b"220 go\r\n")
                    self.secure(sock)
                    return
                elif verb == b"QUIT":
                    sock.sendall(b"221 bye\r\n")
                    return
                else:
                    sock.sendall(b"502 no\r\n")
        except OSError:
            pass
        finally:
            sock.close()

    @staticmethod
    def talk(sock, offers=b"250 ok\r\n"):
        """SMTP under TLS."""
        reader = sock.makefile("rb")
        while line := reader.readline():
            if line.upper().startswith(b"QUIT"):
                sock.sendall(b"221 bye\r\n")
                return
            sock.sendall(offers if line.upper().startswith(b"EHLO") else b"502 no\r\n")


class Submission(Smtp):
    """Port 465 with a certificate, where nobody can log in; without one any port in clear, where passwords are asked for."""

    def __init__(self, host, name, port, pair):
        super().__init__(host, name, port)
        self.context = None
        if pair:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*pair)
        self.start()

    def serve(self, sock):
        try:
            sock.settimeout(30)
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            sock.sendall(f"220 {self.name_said}\r\n".encode())
            self.talk(sock, b"250 ok\r\n" if self.context else b"250-here\r\n250 AUTH PLAIN LOGIN\r\n")
        except OSError:
            pass
        finally:
            sock.close()


class Server(Smtp):
    """`openssl s_server` with these options. What is said under TLS it gives back in reverse: for handshakes alone."""

    def __init__(self, host, name, folder, *options):
        super().__init__(host, name)
        self.inner = free_port()
        self.log = open(os.path.join(folder, name + ".log"), "wb")
        self.process = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{self.inner}", "-rev", *options], cwd=folder,
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_for(lambda: b"ACCEPT" in open(self.log.name, "rb").read() or self.process.poll() is not None, "s_server")
        assert self.process.poll() is None, open(self.log.name).read()
        self.start()

    def stop(self):
        super().stop()
        self.process.kill()
        self.process.wait()
        self.log.close()

    def secure(self, sock):
        with socket.create_connection(("127.0.0.1", self.inner), 30) as inner:
            def back():
                try:
                    while octets := inner.recv(65536):
                        sock.sendall(octets)
                    sock.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
            other = threading.Thread(target=back, daemon=True)
            other.start()
            try:
                while octets := sock.recv(65536):
                    inner.sendall(octets)
                inner.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            other.join(30)


def record(kind, body, version=0x0303):
    return bytes([kind]) + version.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def sized(body, width):
    return len(body).to_bytes(width, "big") + body


class Holes(Smtp):
    """The holes of other times, made by hand, for hellos that are no library's of today (without the extended master secret, or with heartbeats):
    heartbeats answered beyond what was sent, ChangeCipherSpec before keys, DEFLATE, an oracle in the key exchange of RSA, a
    version that is gone. Other clients meet a real TLS 1.2. `pair` is an RSA certificate."""
    AES128_SHA = 0x002F

    def __init__(self, host, name, folder, pair, oracle=True, ssl2=True):
        super().__init__(host, name)
        self.oracle, self.ssl2 = oracle, ssl2
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.context.load_cert_chain(*pair)
        text = re.search(r"-----BEGIN.*?END CERTIFICATE-----\n", open(pair[0]).read(), re.S)[0]
        self.der = ssl.PEM_cert_to_DER_cert(text)
        words = openssl(folder, "rsa", "-in", pair[1], "-noout", "-text").decode()
        number = lambda what: int(re.sub(r"[\s:]", "", re.search(what + r":\s*((?:[0-9a-f:]+\s+)+)", words)[1]), 16)
        self.modulus, self.secret = number("modulus"), number("privateExponent")
        self.start()

    def secure(self, sock):
        sock.settimeout(None)  # MSG_WAITALL means it then
        first = sock.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL)
        if len(first) < 5:
            return
        if first[0] & 0x80:
            sock.recv(4096)
            if self.ssl2:
                body = bytes([4, 0, 1]) + (2).to_bytes(2, "big") + len(self.der).to_bytes(2, "big") + b"\0\3\0\x10" + self.der + b"\1\0\x80" + bytes(16)
                sock.sendall((0x8000 | len(body)).to_bytes(2, "big") + body)
            return
        size = 5 + int.from_bytes(first[3:5], "big")
        hello = sock.recv(size, socket.MSG_PEEK | socket.MSG_WAITALL)
        if len(hello) < size or first[0] != 22:
            return
        if b"\x00\x17\x00\x00" in hello and b"\x00\x0f\x00\x01" not in hello:
            with self.context.wrap_socket(sock, server_side=True) as secure:
                self.talk(secure)
            return
        self.by_hand(sock, sock.recv(size, socket.MSG_WAITALL))

    @staticmethod
    def next_record(sock):
        head = sock.recv(5, socket.MSG_WAITALL)
        if len(head) < 5:
            return None, b""
        return head[0], sock.recv(int.from_bytes(head[3:5], "big"), socket.MSG_WAITALL)

    def by_hand(self, sock, hello):
        at = 5 + 4 + 2 + 32
        at += 1 + hello[at]
        count = int.from_bytes(hello[at:at + 2], "big")
        suites = [int.from_bytes(hello[i:i + 2], "big") for i in range(at + 2, at + 2 + count, 2)]
        at += 2 + count
        methods = hello[at + 1:at + 1 + hello[at]]
        rest = hello[at + 1 + hello[at]:]
        version = int.from_bytes(hello[9:11], "big")
        if self.AES128_SHA not in suites or version < 0x0301:
            sock.sendall(record(21, b"\2\x28"))
            return
        extensions = b"\xff\x01\0\1\0" + (b"\0\x0f\0\1\1" if b"\0\x0f\0\1" in rest else b"")
        server_hello = version.to_bytes(2, "big") + secrets.token_bytes(32) + b"\0" + self.AES128_SHA.to_bytes(2, "big")
        server_hello += bytes([1 if 1 in methods else 0]) + sized(extensions, 2)
        flight = b"".join(bytes([kind]) + sized(body, 3) for kind, body in ((2, server_hello), (11, sized(sized(self.der, 3), 3)), (14, b"")))
        sock.sendall(record(22, flight, version))
        keyed = False
        while True:
            kind, body = self.next_record(sock)
            if kind is None or kind == 21:
                return
            if kind == 24:
                claimed = int.from_bytes(body[1:3], "big")
                sock.sendall(record(24, b"\2" + body[1:3] + body[3:] + b"M" * (claimed - len(body[3:])) + bytes(16), version))
            elif keyed:
                sock.sendall(record(21, b"\2\x15", version))
                return
            elif kind == 20:
                keyed = True
            elif kind == 22 and body[0] == 16:
                number = pow(int.from_bytes(body[6:], "big"), self.secret, self.modulus)
                block = number.to_bytes(len(body) - 6, "big")
                right = block[:2] == b"\0\2" and block[-49] == 0 and 0 not in block[2:-49] and block[-48:-46] == version.to_bytes(2, "big")
                if self.oracle and not right:
                    sock.sendall(record(21, b"\2\x33", version))
                    return
                keyed = True


def testssl(folder, host, *options, seconds=800):
    """testssl.sh's findings by id; nothing where it is not installed."""
    if not shutil.which("testssl"):
        return {}
    out = os.path.join(folder, f"testssl-{host}.json")
    where = f"[{host}]:25" if ":" in host else f"{host}:25"
    done = subprocess.run(["testssl", "--starttls", "smtp", "--jsonfile", out, "--color", "0", "--warnings", "off", "--nodns", "min",
                           *options, where], capture_output=True, text=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL)
    assert os.path.exists(out), done.stdout + done.stderr
    with open(out) as file:
        return {one["id"]: one["finding"] for one in json.load(file)}
