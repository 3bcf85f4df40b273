"""What tests of outgoing mail share: mail servers of others in this process, on loopback addresses, and a DNS server (nsd) with
their zones, signed where a test asks for it."""
import os
import socket
import socketserver
import ssl
import subprocess
import threading

from gateway import free_port, wait_for

OFFERS = ("PIPELINING", "SIZE 10000000", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")


class Far:
    """A mail server of others. Replies are lines, or functions of the command's argument that return a line (None hangs up).
    What came in is in `messages` (sender line, recipient lines, octets) and `lines` (every command, per session)."""

    def __init__(self, host, port, greeting="220 far.example ESMTP", offers=OFFERS, ehlo=None, mail="250 2.1.0 ok", rcpt="250 2.1.5 ok",
                 data="354 go on", final="250 2.0.0 taken", certificate=None, auth=None, delay_greeting=None, spoil_tls=None):
        self.host, self.port, self.greeting, self.offers, self.ehlo = host, port, greeting, list(offers), ehlo
        self.mail, self.rcpt, self.data, self.final = mail, rcpt, data, final
        self.auth, self.delay_greeting = auth, delay_greeting
        self.spoil_tls = spoil_tls  # instead of "220 go": octets that are said before the handshake; or "close"
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
        self.sessions, self.messages = [], []
        far = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                lines = []
                far.sessions.append(lines)
                try:
                    far.serve(self.request, lines)
                except (OSError, ssl.SSLError):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 100

        self.server = Server((host, port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def connections(self):
        return len(self.sessions)

    def said(self):
        return [line for session in self.sessions for line in session]

    @staticmethod
    def value(reply, argument):
        return reply(argument) if callable(reply) else reply

    def serve(self, sock, lines):
        sock.settimeout(30)
        if self.delay_greeting is not None:
            self.delay_greeting.wait(30)
        sock.sendall(self.greeting.encode() + b"\r\n")
        reader = sock.makefile("rb")
        secure, sender, recipients = False, None, []
        while True:
            line = reader.readline()
            if not line:
                return
            text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
            lines.append(text)
            verb = text.split(" ")[0].split(":")[0].upper()
            if verb in ("EHLO", "HELO"):
                if self.ehlo:
                    answer = self.ehlo
                else:
                    offers = list(self.offers)
                    if self.context and not secure:
                        offers.append("STARTTLS")
                    if self.auth and secure:
                        offers.append("AUTH " + self.auth)
                    words = ["far.example", *offers]
                    answer = "\r\n".join("250" + ("-" if i + 1 < len(words) else " ") + word for i, word in enumerate(words))
            elif verb == "STARTTLS" and self.context:
                if self.spoil_tls == "close":
                    sock.sendall(b"220 go\r\n")
                    return
                sock.sendall(self.spoil_tls or b"220 go\r\n")
                sock = self.context.wrap_socket(sock, server_side=True)
                reader = sock.makefile("rb")
                secure = True
                lines.append("(TLS)")
                continue
            elif verb == "AUTH":
                answer = "235 2.7.0 welcome" if text == self.expected_auth else "535 5.7.8 no"
            elif verb == "MAIL":
                answer = self.value(self.mail, text)
                sender, recipients = text, []
            elif verb == "RCPT":
                answer = self.value(self.rcpt, text)
                if answer and answer.startswith("2"):
                    recipients.append(text)
            elif verb == "DATA":
                answer = self.value(self.data, text) if recipients else "503 5.5.1 nobody"
                if answer.startswith("354"):
                    sock.sendall(answer.encode() + b"\r\n")
                    octets = b""
                    while not octets.endswith(b"\r\n.\r\n") and octets != b".\r\n":
                        more = reader.readline()
                        if not more:
                            return
                        octets += more
                    answer = self.value(self.final, octets)
                    if answer and answer.startswith("2"):
                        self.messages.append((sender, recipients, octets[:-3]))
            elif verb == "BDAT":
                size = int(text.split()[1])
                octets = reader.read(size)
                answer = self.value(self.final, octets)
                if answer.startswith("2"):
                    self.messages.append((sender, recipients, octets))
            elif verb == "RSET":
                answer = "250 2.0.0 ok"
            elif verb == "QUIT":
                sock.sendall(b"221 2.0.0 bye\r\n")
                return
            else:
                answer = "500 5.5.1 what?"
            if answer is None:
                return
            sock.sendall(answer.encode() + b"\r\n")

    expected_auth = None


class Dns:
    """nsd on loopback with one zone, "test."; `records` are lines of it, names relative to it."""

    def __init__(self, folder, records):
        os.makedirs(folder, exist_ok=True)
        self.port = free_port()
        with open(os.path.join(folder, "test.zone"), "w") as file:
            file.write("$ORIGIN test.\n$TTL 60\n@ SOA ns.test. root.test. 1 60 60 60 60\n@ NS ns\nns A 127.0.0.1\n" + records)
        with open(os.path.join(folder, "nsd.conf"), "w") as file:
            file.write(f"""server:
  ip-address: 127.0.0.1@{self.port}
  server-count: 1
  username: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  verbosity: 0
remote-control:
  control-enable: no
zone:
  name: "test."
  zonefile: "test.zone"
""")
        self.log = open(os.path.join(folder, "nsd.log"), "wb")
        self.process = subprocess.Popen(["nsd", "-d", "-c", os.path.join(folder, "nsd.conf")], stdout=self.log, stderr=self.log,
                                        env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin"))
        wait_for(self.answers, "nsd")

    def answers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(0.2)
            udp.sendto(b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04test\x00\x00\x06\x00\x01", ("127.0.0.1", self.port))
            try:
                return udp.recv(512)[3] & 15 == 0
            except OSError:
                return False

    def config(self):
        return f'[dns]\nserver = ["127.0.0.1:{self.port}"]\ndnssec = false\n'

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        self.log.close()


class Zones(Dns):
    """nsd on loopback with several zones, {name: records}, of which those in `signed` have DNSSEC. `forge` is {zone: (old, new)}:
    what is replaced after it was signed, so that the zone is bogus there."""

    def __init__(self, folder, zones, signed=(), forge=None, wrapper=(), address="127.0.0.1", port=None):
        self.folder, self.anchors, self.address = os.path.abspath(folder), [], address
        os.makedirs(self.folder, exist_ok=True)
        self.port, self.probe = port or free_port(), next(iter(zones))
        served = {}
        for zone, records in zones.items():
            path = os.path.join(self.folder, zone)
            with open(path, "w") as file:
                file.write(f"$ORIGIN {zone}.\n$TTL 60\n@ SOA ns.{zone}. h.{zone}. 1 3600 600 86400 60\n@ NS ns.{zone}.\nns A 127.0.0.1\n" + records)
            served[zone] = zone
            if zone in signed:
                served[zone] = self.sign(zone)
        for zone, (old, new) in (forge or {}).items():
            path = os.path.join(self.folder, served[zone])
            with open(path) as file:
                text = file.read()
            assert old in text, (zone, old)
            with open(path, "w") as file:
                file.write(text.replace(old, new))
        with open(os.path.join(self.folder, "nsd.conf"), "w") as file:
            file.write(f"""server:
  ip-address: {address}@{self.port}
  server-count: 1
  username: ""
  zonesdir: "{self.folder}"
  database: ""
  pidfile: ""
  xfrdfile: "{self.folder}/xfrd.state"
  zonelistfile: "{self.folder}/zone.list"
remote-control:
  control-enable: no
""" + "".join(f"zone:\n  name: {zone}\n  zonefile: {path}\n" for zone, path in served.items()))
        self.log = open(os.path.join(self.folder, "nsd.log"), "wb")
        self.process = subprocess.Popen([*wrapper, "nsd", "-d", "-c", os.path.join(self.folder, "nsd.conf")], stdout=self.log, stderr=self.log,
                                        env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin"))
        if not wrapper:
            wait_for(self.answers, "nsd")

    def sign(self, zone):
        def run(*command):
            return subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True).stdout
        key = run("ldns-keygen", "-k", "-a", "ECDSAP256SHA256", zone).strip()
        run("ldns-signzone", "-n", zone, key)
        with open(os.path.join(self.folder, key + ".ds")) as file:
            self.anchors.append(" ".join(file.read().split()))
        return zone + ".signed"

    def answers(self):
        name = b"".join(bytes([len(label)]) + label.encode() for label in self.probe.split(".")) + b"\0"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(0.2)
            udp.sendto(b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + name + b"\x00\x06\x00\x01", (self.address, self.port))
            try:
                return udp.recv(512)[3] & 15 == 0
            except OSError:
                return False

    def config(self):
        anchors = ", ".join(f'"{anchor}"' for anchor in self.anchors)
        trust = f"trust_anchors = [{anchors}]" if self.anchors else "dnssec = false"
        return f'[dns]\nserver = ["{self.address}:{self.port}"]\n{trust}\ntimeout = "2s"\n'
