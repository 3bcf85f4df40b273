"""The laboratory of check.test: domains, good and broken, as zones for nsd; keys, certificates and an HTTPS server for their policies.
All of it lives in a network namespace, so that addresses of the real Internet's form can be used, and nothing leaves the machine."""
import base64
import contextlib
import ctypes
import os
import re
import socket
import ssl
import subprocess
import threading

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import checksmtp
from gateway import wait_for

# Addresses: nobody asks who they belong to, and the namespace has no way out.
NS1, NS2, PARENT, DEAD = ("2a02:53:1::1", "11.53.1.1"), ("2a02:53:2::2", "11.53.2.2"), ("2a02:53:3::3", "11.53.3.3"), ("2a02:53:4::4", "11.53.4.4")
OLD = "11.53.5.5"  # a name server that does not know EDNS
WEB = ("2a02:80::1", "11.80.0.1")
M1, M2 = ("2a02:25:1::1", "11.25.1.1"), ("2a02:25:2::2", "11.25.2.2")
NONAME, STRAY, POOL, HALF = ("2a02:25:3::3", "11.25.3.3"), ("2a02:25:4::4", "11.25.4.4"), ("2a02:25:5::5", "11.25.5.5"), ("2a02:25:6::6", "11.25.6.6")
RESOLVER = "127.0.0.1"
LOCAL = [address for pair in (NS1, NS2, PARENT, WEB) for address in pair] + [OLD]

PTR = {M1[0]: "mx1.good.lab", M1[1]: "mx1.good.lab", M2[0]: "mx2.good.lab", M2[1]: "mx2.good.lab", STRAY[0]: "mx1.good.lab", STRAY[1]: "mx1.good.lab",
       POOL[0]: "dsl-pool-6-5.dynamic.good.lab", POOL[1]: "dsl-pool-4-5.dynamic.good.lab", HALF[1]: "mx.half.lab", **checksmtp.PTR}

NS = f"""@ NS ns1
@ NS ns2
ns1 AAAA {NS1[0]}
ns1 A {NS1[1]}
ns2 AAAA {NS2[0]}
ns2 A {NS2[1]}
"""
SOA = "@ SOA ns1 hostmaster 7 3600 600 1209600 3600"
HOST = f"mx AAAA {M1[0]}\nmx A {M1[1]}\n"
STS_FILES = {}  # host: (status, content type, body by family or for both)


def run(*command, cwd=None):
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")).stdout


def rsa_record(bits):
    key = subprocess.run(["openssl", "genrsa", str(bits)], check=True, capture_output=True).stdout
    der = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"], input=key, check=True, capture_output=True).stdout
    text = "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode()
    return " ".join(f'"{text[at:at + 200]}"' for at in range(0, len(text), 200))


def policy(mode="enforce", age=1209600, mx=("mx",), zone=""):
    return f"version: STSv1\r\nmode: {mode}\r\nmax_age: {age}\r\n" + "".join(f"mx: {name}.{zone}\r\n" for name in mx)


class Domain:
    """One zone. What is not given is as it should be; `more` adds lines. The parts are lines of a zone file, "" leaves them out."""

    def __init__(self, name, mx="@ MX 10 mx\n", hosts=HOST, spf='@ TXT "v=spf1 mx -all"\n', dmarc='_dmarc TXT "v=DMARC1; p=reject; rua=mailto:postmaster@{zone}"\n',
                 ns=NS, soa=SOA, ttl=3600, more="", sts=None, sign=None, second=None, parent=None, tamper=None):
        self.name, self.sign, self.second, self.tamper = name, sign, second, tamper
        self.parent = ns if parent is None else parent  # what the zone above says, as lines relative to this one
        if sts is not None:
            more += '_mta-sts TXT "v=STSv1; id=1"\n'
            if sts:
                more += f"mta-sts AAAA {WEB[0]}\nmta-sts A {WEB[1]}\n"
                STS_FILES[f"mta-sts.{name}"] = sts
        self.text = f"$ORIGIN {name}.\n$TTL {ttl}\n{soa}\n{ns}{mx}{hosts}{spf}{dmarc.replace('{zone}', name)}{more}"


class Nsd:
    def __init__(self, folder, name, addresses, zones):
        self.log = open(os.path.join(folder, name + ".log"), "wb")
        conf = os.path.join(folder, name + ".conf")
        with open(conf, "w") as file:
            file.write("server:\n" + "".join(f"  ip-address: {address}@53\n" for address in addresses) + f"""  server-count: 1
  username: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: ""
  xfrdfile: "{folder}/{name}.state"
  zonelistfile: "{folder}/{name}.list"
remote-control:
  control-enable: no
""" + "".join(f"zone:\n  name: {zone}\n  zonefile: {path}\n" for zone, path in zones.items()))
        self.process = subprocess.Popen(["nsd", "-d", "-c", conf], stdout=self.log, stderr=self.log, env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin"))
        self.address, self.probe = addresses[0], next(iter(zones))
        wait_for(self.answers, f"nsd {name}: see {folder}/{name}.log")

    def answers(self):
        assert self.process.poll() is None, open(self.log.name).read()
        name = b"".join(bytes([len(label)]) + label.encode() for label in self.probe.split(".")) + b"\0"
        with socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(0.2)
            try:
                udp.sendto(b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + name + b"\x00\x06\x00\x01", (self.address, 53))
                return udp.recv(4096)[3] & 15 == 0
            except OSError:
                return False

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
        self.log.close()


class OldServer:
    """Says FORMERR to every question with EDNS, as old name servers do."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
                self.socket.sendto(query[:2] + b"\x84\x01" + b"\0" * 8, peer)
            except OSError:
                return

    def stop(self):
        self.socket.close()


class Web:
    """HTTPS on both addresses of WEB, one certificate with many names."""

    def __init__(self, folder, names):
        self.ca = os.path.join(folder, "ca.pem")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=lab", "-days", "30", cwd=folder)
        with open(os.path.join(folder, "san"), "w") as file:
            file.write("subjectAltName=" + ",".join("DNS:" + name for name in names))
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "web.key", "-out", "web.csr", "-subj", "/CN=web", cwd=folder)
        run("openssl", "x509", "-req", "-in", "web.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "20", "-extfile", "san", "-out", "web.pem", cwd=folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(folder, "web.pem"), os.path.join(folder, "web.key"))

        self.requests = requests = []  # (method, host)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                requests.append(("POST", self.headers["Host"].split(":")[0]))
                self.send_error(405)

            def do_GET(self):
                requests.append(("GET", self.headers["Host"].split(":")[0]))
                status, kind, body = STS_FILES.get(self.headers["Host"].split(":")[0], (404, "text/plain", ""))
                if isinstance(body, tuple):
                    body = body[0 if self.client_address[0].count(":") > 1 else 1]
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self.servers = []
        for address in WEB:
            class Server(ThreadingHTTPServer):
                address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
            server = Server((address, 443), Handler)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            self.servers.append(server)

    def stop(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()


class Laboratory:
    def __init__(self, folder, domains, keys=None):
        self.folder, self.anchors, self.keys = os.path.abspath(folder), [], keys or {}
        os.makedirs(self.folder, exist_ok=True)
        one, two, delegations, arpa = {}, {}, "", {"ip6.arpa": "", "in-addr.arpa": ""}
        for domain in domains:
            one[domain.name] = self.write(domain.name, domain.text, domain)
            two[domain.name] = self.write(domain.name + ".second", domain.second, None) if domain.second else one[domain.name]
            label = domain.name.split(".")[0]
            for line in domain.parent.splitlines():
                owner, kind, value = line.split()
                if kind == "NS":
                    value = value if value.endswith(".") else f"{value}.{label}"
                delegations += f"{label if owner == '@' else owner + '.' + label} {kind} {value}\n"
        lab = f"$ORIGIN lab.\n$TTL 3600\n@ SOA ns root 1 3600 600 1209600 3600\n@ NS ns\nns AAAA {PARENT[0]}\nns A {PARENT[1]}\n" + delegations
        for domain in domains:
            if domain.sign:
                lab += open(os.path.join(self.folder, domain.name + ".ds")).read()
        for address, name in PTR.items():
            zone = "ip6.arpa" if ":" in address else "in-addr.arpa"
            arpa[zone] += f"{self.reverse(address)} PTR {name}.\n"
        above = {"lab": self.write("lab", lab, None)}
        for zone, lines in arpa.items():
            above[zone] = self.write(zone, f"$ORIGIN {zone}.\n$TTL 3600\n@ SOA ns.lab. root.lab. 1 3600 600 1209600 3600\n@ NS ns.lab.\n" + lines, None)
        self.parts = [Nsd(self.folder, "resolver", [RESOLVER], {**above, **one}), Nsd(self.folder, "parent", PARENT, {"lab": above["lab"]}),
                      Nsd(self.folder, "first", NS1, one), Nsd(self.folder, "second", NS2, two), OldServer(OLD)]
        self.web = Web(self.folder, [name for name in STS_FILES if "badcert" not in name] + ["mta-sts.good.lab"])
        self.parts.append(self.web)
        self.config = os.path.join(self.folder, "postern.toml")
        with open(self.config, "w") as file:
            file.write(f'hostname = "mx1.good.lab"\ndata_dir = "var"\n[dns]\nserver = ["{RESOLVER}:53"]\ntrust_anchors = [' +
                       ", ".join(f'"{anchor}"' for anchor in self.anchors) + ']\ntimeout = "2s"\n[[listen]]\nrole = "mx"\naddress = ["[' + M1[0] +
                       f']:25", "{M1[1]}:25"]\n[[domain]]\nname = "good.lab"\ndeliver = "sink:"\nmailboxes = ["*"]\n')

    @staticmethod
    def reverse(address):
        import ipaddress
        return ipaddress.ip_address(address).reverse_pointer + "."

    def write(self, name, text, domain):
        for stands_for, key in self.keys.items():
            text = text.replace(stands_for, key)
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(text)
        if domain is None or not domain.sign:
            return name
        algorithm, options, digest = domain.sign
        key = run("ldns-keygen", "-k", "-a", algorithm, *(["-b", "2048"] if algorithm.startswith("RSA") else []), domain.name, cwd=self.folder).strip()
        run("ldns-signzone", *options, domain.name, key, cwd=self.folder)
        ds = run("ldns-key2ds", "-n", digest, key + ".key", cwd=self.folder)
        with open(os.path.join(self.folder, domain.name + ".ds"), "w") as file:
            file.write(ds)
        with open(os.path.join(self.folder, key + ".ds")) as file:
            self.anchors.append(" ".join(file.read().split()))
        if domain.tamper:
            path = os.path.join(self.folder, name + ".signed")
            with open(path) as file:
                text = file.read()
            assert re.search(domain.tamper[0], text), (name, domain.tamper)
            with open(path, "w") as file:
                file.write(re.sub(domain.tamper[0], domain.tamper[1], text))
        return name + ".signed"

    def stop(self):
        for part in self.parts:
            part.stop()


ANCHORED = ("ECDSAP256SHA256", ["-n", "-t", "0"], "-2")
DIGEST, OTHER = "ab" * 32, "cd" * 32
GOOD_KEYS = ("a1" * 32, "a2" * 32, "a3" * 32)  # stand for those of good.lab's hosts, which are made when the laboratory is (Laboratory's `keys`)
TLSA2 = f"_25._tcp.mx TLSA 3 1 1 {DIGEST}\n_25._tcp.mx TLSA 3 1 1 {OTHER}\n"
STS = "v=STSv1; id=1"


def sts(zone, kind="text/plain", status=200, **words):
    return status, kind, policy(zone=zone + ".lab", **words)


def spf(text):
    return f'@ TXT "{text}"\n'


LOGO = '<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 64 64"></svg>'
STS_FILES["logo.good.lab"] = (200, "image/svg+xml", LOGO)

STS_FILES["vmc.good.lab"] = (200, "application/x-pem-file", "")  # filled in once there is an authority
STS_FILES["rpt.good.lab"] = (405, "text/plain", "")
STS_FILES["good.lab"] = (200, "text/plain; charset=utf-8", "Contact: mailto:security@good.lab\r\nExpires: 2036-01-01T00:00:00Z\r\n")

GOOD = Domain(
    "good.lab", mx="@ MX 10 mx1\n@ MX 20 mx2\n",
    hosts=f"mx1 AAAA {M1[0]}\nmx1 A {M1[1]}\nmx2 AAAA {M2[0]}\nmx2 A {M2[1]}\n", spf=spf(f"v=spf1 ip6:{M1[0]} ip4:{M1[1]} mx -all"),
    more=f"""_25._tcp.mx1 TLSA 3 1 1 {GOOD_KEYS[0]}
_25._tcp.mx1 TLSA 3 1 1 {OTHER}
_25._tcp.mx2 TLSA 3 1 1 {GOOD_KEYS[1]}
_25._tcp.mx2 TLSA 3 1 1 {GOOD_KEYS[2]}
@ CAA 0 issue "ca.lab"
mx1 TXT "v=spf1 a -all"
mx2 TXT "v=spf1 a -all"
default._domainkey TXT {rsa_record(2048)}
_smtp._tls TXT "v=TLSRPTv1; rua=mailto:postmaster@good.lab,https://rpt.good.lab/v1"
default._bimi TXT "v=BIMI1; l=https://logo.good.lab/logo.svg; a=https://vmc.good.lab/vmc.pem"
logo AAAA {WEB[0]}
logo A {WEB[1]}
vmc AAAA {WEB[0]}
vmc A {WEB[1]}
rpt AAAA {WEB[0]}
rpt A {WEB[1]}
@ AAAA {WEB[0]}
@ A {WEB[1]}
_submissions._tcp SRV 0 1 465 mx1
_imaps._tcp SRV 0 0 0 .
""", sts=sts("good", mx=("mx1", "mx2")), sign=ANCHORED)


CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def ip(*words, check=True):
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True, env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))


@contextlib.contextmanager
def network(name):
    """This process in a network namespace of its own that has the laboratory's addresses and no way out. Yields False where none can be made."""
    if ip("netns", "add", name, check=False).returncode != 0:
        ip("netns", "del", name, check=False)
        yield False
        return
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        ip("-n", name, "link", "set", "lo", "up")
        for address in LOCAL + list(checksmtp.POLITE + checksmtp.GREY + checksmtp.LIMITED) + list(M1) + list(M2):
            ip("-n", name, "addr", "add", address + ("/128" if ":" in address else "/32"), "dev", "lo", *(["nodad"] if ":" in address else []))
        # A packet to anybody else is refused at once, as by a router that knows no way
        for family, net in (("-6", "2000::/3"), ("-4", "11.0.0.0/8")):
            ip("-n", name, family, "route", "add", "unreachable", net)
        there = os.open(f"/run/netns/{name}", os.O_RDONLY)
        if libc.setns(there, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        os.close(there)
        yield True
    finally:
        libc.setns(home, CLONE_NEWNET)
        os.close(home)
        ip("netns", "del", name, check=False)
