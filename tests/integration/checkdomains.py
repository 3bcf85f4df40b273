"""The domains of the laboratory whose mail goes to servers: which of checkservers.py's stands where, and what the checker must say of it.
good.lab of checklab.py is theirs, too: mx1 is a Postern, mx2 a Postfix."""
import contextlib
import os
import ssl
from ipaddress import ip_address

from checklab import ANCHORED, GOOD_KEYS, M1, M2, WEB, STS_FILES, Domain, ip, network, sts
from checkservers import Authority, GnuTls, LongWay, Postfix, Server, rsa, tls
from gateway import Gateway

V1, V1_1, V1_2 = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2
NUMBERS = {}  # of domains: part of their hosts' addresses
FAR, VOID = "2a02:27::25", ("2a02:28::/64", "11.28.0.0/16")
BLACK = ("2a02:28::25", "11.28.0.25")


def place(name):
    number = NUMBERS.setdefault(name, len(NUMBERS) + 1)
    return f"2a02:26:{number:x}::25", f"11.26.{number}.25"


def hosts(name, host="mx", six=None, four=None):
    return f"{host} AAAA {six or place(name)[0]}\n{host} A {four or place(name)[1]}\n"


# (id, domain, outcome) of the polite run
EXPECTED = """
reach.connect refused fail
reach.connect halfsix fail
reach.connect black not_tested
reach.host refused fail
reach.host silent warn
reach.host black not_tested
smtp.banner busy warn
smtp.banner silent warn
smtp.banner garbage fail
smtp.banner_name plain warn
smtp.banner_name helo info
smtp.delay slow info
smtp.delay tarpit warn
smtp.ehlo helo warn
smtp.ehlo nohelo fail
smtp.ehlo hangs fail
tls.starttls hangs pass
smtp.extensions good info
smtp.auth_in_clear plain fail
smtp.software plain info
reverse.lists chain warn
reverse.lists halfsix warn
tls.starttls plain fail
tls.starttls busy not_tested
tls.starttls spoiled fail
tls.starttls helo fail
tls.cipher dh warn
tls.group dh fail
tls.signature gnu fail
tls.extended_master_secret gnu fail
tls.extended_master_secret dh pass
tls.renegotiation gnu fail
tls.renegotiation dh pass
tls.certificate good info
tls.dates agree fail
tls.dates soon warn
tls.lifetime long info
tls.key soon warn
tls.certificate_signature soon warn
tls.chain chain warn
tls.chain swapped warn
tls.trust stsbad fail
tls.trust chain info
tls.name stsbad fail
tls.name chain info
tls.same_certificate unequal warn
tls.shared_key shared info
dane.match wrongkey fail
dane.match plain fail
dane.match spoiled fail
dane.match unusable warn
dane.match chain info
dane.match anchors pass
dane.stale wrongkey info
dane.intermediates inter warn
dane.young_certificate young info
mta_sts.certificate stsbad fail
mta_sts.certificate soon warn
mta_sts.agrees agree fail
parity.reach halfsix fail
parity.reach halffour warn
parity.extensions unequal warn
parity.tls unequal fail
parity.tls unequal4 warn
parity.certificate unequal warn
parity.dane unequal fail
parity.dane unequal4 warn
parity.latency far warn
"""

# The same of runs with --deep
DEEP = """
tls.version old fail
tls.key old fail
tls.certificate_signature old fail
tls.versions old fail
tls.versions all warn
tls.cipher worse fail
tls.ciphers worse fail
tls.ciphers strict pass
tls.order worse fail
tls.order post warn
tls.groups all warn
tls.sni sni warn
tls.injection careless fail
smtp.null_sender old fail
smtp.postmaster refuser fail
smtp.abuse refuser warn
smtp.unknown_user refuser warn
smtp.relay old fail
smtp.relay refuser warn
smtp.vrfy refuser warn
smtp.line_ends careless fail
smtp.line_ends post pass
dane.every_certificate twocerts fail
dane.stale twocerts info
bimi.logo logo warn
smtp.postmaster patient not_tested
smtp.relay patient not_tested
tls.ciphers patient not_tested
tls.starttls patient pass
"""


class Place:
    """The namespace, the certificates and the servers; `domains` are for Laboratory, beside good.lab; without `broken` there are none. stop()
    ends it all."""

    def __init__(self, folder, broken=True):
        self.folder, self.parts, self.domains, self.postern, self.spaces = os.path.abspath(folder), [], [], None, contextlib.ExitStack()
        os.makedirs(self.folder, exist_ok=True)
        self.ca = Authority(os.path.join(self.folder, "certificates"))
        self.todo, self.broken, ca = [], broken, self.ca
        self.mx1, self.mx2, self.mx2rsa = ca.issue("mx1", ["mx1.good.lab"]), ca.issue("mx2", ["mx2.good.lab"]), ca.issue("mx2rsa", ["mx2.good.lab"], key=rsa(3072))
        if broken:
            self.plan()
        self.keys = {GOOD_KEYS[0]: self.ca.key_digest("mx1"), GOOD_KEYS[1]: self.ca.key_digest("mx2"), GOOD_KEYS[2]: self.ca.key_digest("mx2rsa")}

    def add(self, name, *servers, records=(), zone=None, more="", hosts_of=None, mx="@ MX 10 mx\n"):
        """A domain with a server on each of the addresses that place() has for it: options of Server for (v6, v4), or for both; None: none.
        `records` are TLSA records of the host mx, in a signed zone."""
        self.domains.append(Domain(name + ".lab", mx=mx, hosts=hosts_of or hosts(name), sign=ANCHORED if records else None,
                                   more="".join(f"_25._tcp.mx {record}\n" for record in records) + more, **(zone or {})))
        for address, options in zip(place(name), servers * 2 if len(servers) == 1 else servers):
            if options is not None:
                self.todo.append((Server, (address, f"mx.{name}.lab"), options))

    def pair(self, name, names=None, **how):
        return self.ca.issue(name, names if names is not None else [f"mx.{name}.lab"], **how)

    def tlsa(self, name, usage=3, ttl=""):
        return f"{ttl} TLSA {usage} 1 1 {self.ca.key_digest(name)}"

    def plan(self):
        ca, other = self.ca, "TLSA 3 1 1 " + "cd" * 32
        fair = tls(self.pair("fair", ["mx.lab"]))
        # --- reachability and the dialogue
        self.add("refused", None, None)
        self.add("silent", {"greeting": None})
        self.add("busy", {"greeting": "421 4.7.0 too many connections"})
        self.add("garbage", {"greeting": "HTTP/1.0 400 Bad Request"})
        self.add("slow", {"wait": 5.5, "context": fair})
        self.add("tarpit", {"wait": 30.5, "context": fair})
        self.add("helo", {"answers": {"EHLO": "502 5.5.1 what?"}, "greeting": "220 mx1.good.lab"})
        self.add("hangs", {"context": fair, "answers": {"EHLO+TLS": None}})
        self.add("nohelo", {"answers": {"EHLO": "502 5.5.1 what?", "HELO": "550 5.7.1 go away"}})
        self.add("plain", {"greeting": "220 mx ESMTP Exim 4.92.3", "offers": ("PIPELINING", "AUTH PLAIN LOGIN")}, records=[other])
        self.add("spoiled", {"context": fair, "answers": {"STARTTLS": "220 go"}}, records=[other])
        self.add("halfsix", None, {"context": fair})
        self.add("halffour", {"context": fair}, None)
        self.add("far", None, {"context": fair}, hosts_of=hosts("far", six=FAR))
        self.add("black", hosts_of=hosts("black", *("mx", *BLACK)))
        # --- versions, ciphers, keys
        weak = "ALL:@SECLEVEL=0"
        ca.openssl("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:modp_1536", "-out", "field.pem")
        old = self.pair("old", key=rsa(1024), md="sha1")
        self.add("old", None, {"context": tls(old, weak, V1, V1_1), "answers": {"RCPT": "250 2.1.5 all is welcome",
                                                                                 "MAIL": lambda line: "550 5.1.7 who?" if "<>" in line else "250 ok"}})
        strong = self.pair("worse", key=rsa(3072))
        self.add("worse", None, {"context": tls(strong, "AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0", high=V1_2,
                                                options=ssl.OP_CIPHER_SERVER_PREFERENCE)})
        self.add("dh", {"context": tls(self.pair("dh", key=rsa(3072)), "DHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0", high=V1_2, dh=ca.path("field.pem"))})
        self.add("gnu", {"context": GnuTls(self.pair("gnu", key=rsa(3072)), "NORMAL:-VERS-ALL:+VERS-TLS1.2:-SIGN-ALL:+SIGN-RSA-SHA1:%DISABLE_SAFE_RENEGOTIATION:"
                                                                            "%NO_SESSION_HASH:%VERIFY_ALLOW_SIGN_WITH_SHA1")})
        self.add("all", None, {"context": tls(self.pair("all"), weak, V1)})
        self.add("strict", None, {"context": tls(self.pair("strict"), "ECDHE+AESGCM:ECDHE+CHACHA20")})
        # --- certificates, and policies that ask for them
        self.add("stsbad", {"context": tls(self.lone("alone"))}, zone={"sts": sts("stsbad")})
        self.add("agree", {"context": tls(self.pair("agree", start=-90, end=-1))}, zone={"sts": sts("agree")}, records=[self.tlsa("agree"), other])
        self.add("soon", {"context": tls(self.pair("soon", ["mx.lab"], start=-80, end=10, key=rsa(2048), md="sha224"), "DEFAULT:@SECLEVEL=0")}, zone={"sts": sts("soon", mode="testing")})
        self.add("long", {"context": tls(self.pair("long", start=-30, end=1000))})
        self.pair("middle", [], authority=True, end=900)
        self.pair("middle2", [], authority=True, end=900)
        self.add("chain", {"context": tls(self.pair("chain", ["*.lab"], by="middle", send=False))})
        swapped = self.pair("swapped", by="middle")
        with open(ca.path("swapped.pem"), "a") as file:
            file.write(open(ca.path("middle2.own.pem")).read() + open(ca.path("middle.own.pem")).read())
        self.add("swapped", {"context": tls(swapped)})
        self.add("inter", {"context": tls(self.pair("inter", by="middle"))}, records=[self.tlsa("middle", 2)])
        self.add("anchors", {"context": tls(self.pair("anchors", by="middle"))}, records=[self.tlsa("middle", 2), self.tlsa("middle2", 2)])
        self.add("young", {"context": tls(self.pair("young", start=0))}, records=[self.tlsa("young"), other])
        self.add("wrongkey", {"context": tls(self.pair("wrongkey"))}, records=[other])
        self.add("unusable", {"context": tls(self.pair("unusable"))}, records=["TLSA 0 0 1 " + "cd" * 32])
        self.add("shared", {"context": tls(self.pair("shared", ["mx.shared.lab", "two.shared.lab"]))}, mx="@ MX 10 mx\n@ MX 20 two\n",
                 hosts_of=hosts("shared") + hosts("shared2", "two"))
        self.todo += [(Server, (address, "two.shared.lab"), {"context": tls((ca.path("shared.pem"), ca.path("shared.key")))}) for address in place("shared2")]
        # --- one family is not as the other
        both = self.pair("unequal"), self.pair("unequalother", ["mx.unequal.lab"])
        cbc = {"context": tls(both[1], "ECDHE+AES128:!AESGCM", high=V1_2), "offers": ("SIZE 5",)}
        self.add("unequal", cbc, {"context": tls(both[0])}, records=[self.tlsa("unequal"), other])
        self.add("unequal4", {"context": tls(both[0])}, cbc, records=[self.tlsa("unequal"), other])
        # --- deep runs
        sni, default = tls(self.pair("sni")), tls(self.pair("snidefault", ["www.lab"]))

        def choose(sock, name, _context):
            if name == "mx.sni.lab":
                sock.context = sni
        default.sni_callback = choose
        self.add("sni", None, {"context": default})
        ec, both_rsa = self.pair("twocerts"), self.pair("twocertsrsa", ["mx.twocerts.lab"], key=rsa(3072))
        self.add("twocerts", None, {"context": tls(ec, more=[both_rsa])}, records=[self.tlsa("twocerts"), other])
        self.add("careless", None, {"context": tls(self.pair("careless")), "lax": True})
        self.add("refuser", None, {"context": fair, "answers": {
            "RCPT": lambda line: "250 ok" if line.endswith("@refuser.lab>") and "postmaster" not in line and "abuse" not in line else "550 5.1.1 nobody",
            "VRFY": lambda line: "250 2.0.0 <postmaster@refuser.lab>" if "postmaster" in line else "550 5.1.1 nobody", "EXPN": "250 root@refuser.lab"}})
        self.add("patient", None, {"context": fair, "greeting": lambda server: "220 mx.patient.lab" if len(server.sessions) <= 4 else "421 4.7.0 enough"})
        STS_FILES["logo.logo.lab"] = (200, "image/png", "PNG")
        self.add("logo", None, None, more=f'default._bimi TXT "v=BIMI1; l=https://logo.logo.lab/logo.svg"\nlogo AAAA {WEB[0]}\n')
        # --- lists of others: an address of chain.lab, and halfsix.lab itself
        listed = ip_address(place("chain")[0]).reverse_pointer.removesuffix(".ip6.arpa")
        self.domains.append(Domain("bl.lab", mx="", hosts="", more=f'{listed} A 127.0.0.2\n{listed} TXT "see bl.lab"\nhalfsix.lab.names A 127.0.1.2\n'))
        self.post = self.pair("post", key=rsa(3072))
        self.add("post", None, None)

    def lone(self, name):
        """A certificate that it signed itself."""
        self.ca.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90", "-subj", "/CN=" + name, "-config", "ca.cnf",
                        "-keyout", name + ".key", "-out", name + ".pem")
        return self.ca.path(name + ".pem"), self.ca.path(name + ".key")

    def enter(self, label):
        """Into the namespace, which has the addresses. False where none can be made."""
        self.label = label
        if not self.spaces.enter_context(network(label)):
            return False
        for name in NUMBERS:
            six, four = place(name)
            ip("addr", "add", six + "/128", "dev", "lo", "nodad")
            ip("addr", "add", four + "/32", "dev", "lo")
        return True

    def start(self, lab, gateway_config=""):
        """The servers, once the zones are there."""
        with open(lab.config, "a") as file:
            file.write('[[policy.list]]\nname = "lab"\nzone = "bl.lab"\ntext = true\n[[policy.list]]\nname = "names"\nzone = "names.bl.lab"\nkind = "domain"\n')
        self.trusted = os.path.join(self.folder, "trusted.pem")
        with open(self.trusted, "w") as file:
            file.write(open(lab.web.ca).read() + open(self.ca.root).read())
        for make, words, options in self.todo:
            self.parts.append(make(*words, **options))
        if self.broken:
            far = LongWay(self.label, self.label + "f", FAR, VOID, 0.08)
            self.parts += [far, Server(FAR, "mx.far.lab", context=tls((self.ca.path("fair.pem"), self.ca.path("fair.key"))), listener=far.listener)]
            self.parts.append(Postfix("mx.post.lab", "post.lab", [self.post], {place("post")[1]: ""}, more="tls_preempt_cipherlist = no\n"))
        self.parts.append(Postfix("mx2.good.lab", "good.lab", [self.mx2, self.mx2rsa], {M2[0]: "", M2[1]: ""},
                                  more="smtpd_tls_protocols = >=TLSv1.2\ntls_high_cipherlist = ECDHE+AESGCM:ECDHE+CHACHA20\nsmtpd_tls_ciphers = high\n"))
        self.postern = Gateway("mx1", config=gateway_config + f'[tls]\ncertificates = [{{ certificate = "{self.mx1[0]}", key = "{self.mx1[1]}" }}]\n',
                               listen=f'[[listen]]\nrole = "mx"\naddress = ["[{M1[0]}]:25", "{M1[1]}:25"]\n'
                                      f'[[listen]]\nrole = "submissions"\naddress = ["[{M1[0]}]:465", "{M1[1]}:465"]\n[[login]]\nname = "alice@good.lab"\n',
                               domains='[[domain]]\nname = "good.lab"\ndeliver = "sink:"\nmailboxes = ["alice"]\naliases = { postmaster = ["alice"], abuse = ["alice"] }\n',
                               hostname="mx1.good.lab").start()

    def stop(self):
        if self.postern:
            self.postern.stop()
        for part in self.parts:
            part.stop()
        self.spaces.close()
