// The checks of mail hosts over the network: reachability, SMTP, TLS, DANE against what is served, parity.
#include <array>

#include "check/probe.h"

namespace postern::check {

namespace {

using enum Category;

constexpr auto kChecks = std::to_array<Check>({
    {"reach.connect", reach, "Every address of every MX answers on port 25",
     "Passes where a TCP connection is made, fails where it is refused or times out; not tested where this machine has "
     "no way to the family, and where every address of every host is silent: a blocked port 25 here looks the same.",
     "RFC 5321 5.1, postern 6.3-29"},
    {"reach.host", reach, "Every MX host can be reached at all",
     "Passes where an address of the host answers, warns where it accepts connections and never greets, fails where "
     "none "
     "answers.",
     "RFC 5321 5.1, postern 6.2-27"},
    {"smtp.banner", smtp, "The server greets with 220",
     "Passes with 220. Warns with 4xx, which may be a limit or greylisting, with 5xx, and where it closes or stays "
     "silent; fails where what comes is not SMTP.",
     "RFC 5321 3.1, postern 6.3-30"},
    {"smtp.banner_name", smtp, "The greeting names the host",
     "Passes with the MX host's name; warns where it is no full name or has no address; any other name is shown.",
     "RFC 5321 4.2, postern 6.3-30"},
    {"smtp.delay", smtp, "The dialogue takes no longer than it must",
     "Shows a greeting after more than 5 s (a tarpit by design); warns after more than 30 s, or where the whole "
     "dialogue "
     "takes more than 60 s.",
     "RFC 5321 4.5.3.2, postern 6.3-31"},
    {"smtp.ehlo", smtp, "EHLO is taken",
     "Passes with 250; warns where only HELO is taken; fails where neither is, and where EHLO is not taken under TLS.",
     "RFC 5321 4.1.1.1, postern 6.3-32"},
    {"smtp.extensions", smtp, "What the server offers", "Shows the extensions and what they mean.",
     "RFC 5321 2.2, postern 6.3-33"},
    {"smtp.auth_in_clear", smtp, "No AUTH before TLS", "Fails where AUTH is offered on port 25 in clear.",
     "RFC 4954 9, RFC 8314, postern 6.3-33"},
    {"smtp.software", smtp, "The greeting tells no version", "Shows a version number in the greeting; else passes.",
     "postern 6.3-34"},
    {"tls.starttls", tls, "STARTTLS is offered and works",
     "Passes where the handshake succeeds, fails where STARTTLS is not offered or TLS fails; not tested where the "
     "server "
     "puts us off.",
     "RFC 3207, postern 6.5-46"},
    {"tls.version", tls, "The negotiated version of TLS",
     "TLS 1.3 and 1.2 pass; where nothing newer than 1.1 can be had, it fails.", "RFC 8996, postern 6.5-47"},
    {"tls.cipher", tls, "The negotiated cipher",
     "Passes for the ciphers of TLS 1.3 and ECDHE with AES-GCM, CCM or ChaCha20; warns for CBC, DHE, ARIA and "
     "Camellia; "
     "fails for RSA key exchange, RC4, 3DES, NULL, EXPORT, anonymous ones and CCM_8.",
     "NCSC-NL 2025-05, postern 6.5-48"},
    {"tls.group", tls, "The negotiated key exchange",
     "Passes for X25519, X448, P-256 and larger, brainpool and finite fields of 3072 bits; warns for 2048 bits and "
     "secp224r1; fails below.",
     "NCSC-NL 2025-05, postern 6.5-50"},
    {"tls.signature", tls, "The hash that signs the handshake",
     "Passes for SHA-256 and better, warns for SHA-224, fails for SHA-1 and MD5.", "RFC 9155, postern 6.5-51"},
    {"tls.extended_master_secret", tls, "Extended master secret", "Fails where TLS 1.2 or older lacks it.",
     "RFC 7627, postern 6.5-52"},
    {"tls.renegotiation", tls, "Secure renegotiation", "Fails where TLS 1.2 or older lacks it.",
     "RFC 5746, postern 6.5-52"},
    {"tls.certificate", tls, "The certificate", "Shows it; fails where none is sent.", "RFC 5280, postern 6.5-53"},
    {"tls.dates", tls, "The certificate is in date",
     "Fails where it is expired, not valid yet, or ends within 7 days (or a sixth of its life); warns within 14 days "
     "(or a third).",
     "RFC 5280 4.1.2.5, postern 6.5-53"},
    {"tls.lifetime", tls, "The certificate's lifetime", "Shows one of more than 398 days; else passes.",
     "postern 6.5-53"},
    {"tls.key", tls, "The certificate's key",
     "Passes for RSA from 3072 bits and ECDSA from P-256; warns for RSA of 2048 bits; fails below.",
     "NCSC-NL 2025-05, postern 6.5-54"},
    {"tls.certificate_signature", tls, "The hashes that sign the chain",
     "Passes for SHA-256 and better, warns for SHA-224, fails for SHA-1 and MD5; a root's own does not count.",
     "NCSC-NL 2025-05, postern 6.5-54"},
    {"tls.chain", tls, "The chain is whole and in order",
     "Warns where a certificate is not issued by the next, or the issuer is not sent. An end that is no root and not "
     "trusted here is shown.",
     "RFC 8446 4.4.2, postern 6.5-55"},
    {"tls.trust", tls, "The chain leads to a trusted root",
     "Shown only: senders without MTA-STS do not ask. Under MTA-STS without a matching record of DANE usage 3 it fails "
     "(testing: warns).",
     "RFC 8461 4.1, postern 6.5-55"},
    {"tls.name", tls, "The certificate is for the MX host",
     "By subjectAltName, a wildcard standing for one label. Shown only; under MTA-STS as tls.trust.",
     "RFC 8461 4.1, postern 6.5-56"},
    {"tls.same_certificate", tls, "One certificate on all addresses of a host", "Warns where they differ.",
     "postern 6.5-58"},
    {"tls.shared_key", tls, "A key for each host", "Of several MX hosts: shows a key that they share; else passes.",
     "postern 6.5-59"},
    {"tls.versions", tls, "All versions of TLS that are accepted",
     "Warns where TLS 1.0 or 1.1 is accepted beside newer ones, fails where nothing newer is, and where SSL 2.0 or 3.0 "
     "is.",
     "RFC 8996, RFC 7568, RFC 6176, postern 6.5-47", true},
    {"tls.ciphers", tls, "All ciphers that are accepted", "The worst of them counts, by the classes of tls.cipher.",
     "NCSC-NL 2025-05, postern 6.5-48", true},
    {"tls.order", tls, "The server prefers the better ciphers",
     "Passes where all ciphers of TLS 1.2 are of one class, or the server's own order has the better ones first; warns "
     "where the client decides; fails where worse ones come first.",
     "NCSC-NL 2025-05, postern 6.5-49", true},
    {"tls.groups", tls, "All key exchanges that are accepted", "The worst of them counts, by the classes of tls.group.",
     "NCSC-NL 2025-05, postern 6.5-50", true},
    {"tls.sni", tls, "The certificate does not depend on SNI",
     "Warns where the domain's name in SNI, or none, gets a certificate without the MX host's name, or no handshake.",
     "RFC 7672 8.1, RFC 6066 3, postern 6.5-56", true},
    {"tls.injection", tls, "Nothing in clear counts under TLS",
     "Fails where a command behind STARTTLS in clear is answered under TLS.", "RFC 3207 4.2, postern 6.3-40", true},
    {"tls.ocsp", tls, "The certificate's status is stapled",
     "Passes where an OCSP response in date says that it is good, fails where it says revoked; warns where it is out "
     "of "
     "date or cannot be read, and where the certificate demands one (RFC 7633) and none is sent; else shown: mail "
     "senders do not ask.",
     "RFC 6066 8, RFC 7633, postern 6.5-52"},
    {"tls.early_data", tls, "No early data (0-RTT)",
     "Fails where a ticket of TLS 1.3 allows early data, which can be replayed; passes where none does.",
     "RFC 8446 8, 2.3, postern 6.5-52"},
    {"tls.compression", tls, "No compression by TLS", "Fails where the server takes DEFLATE (CRIME).",
     "RFC 9325 3.3, CVE-2012-4929, postern 6.5-52", true},
    {"tls.client_renegotiation", tls, "Clients cannot renegotiate without end",
     "Warns where ten renegotiations in one connection of TLS 1.2 or older are all taken; passes where they are "
     "refused, or end before.",
     "RFC 5246 7.4.1.1, CVE-2011-1473, postern 6.5-52", true},
    {"tls.heartbleed", tls, "No Heartbleed", "Fails where a heartbeat is answered with more than was sent.",
     "RFC 6520 4, CVE-2014-0160, postern 6.5-52", true},
    {"tls.ccs_injection", tls, "No early ChangeCipherSpec",
     "Fails where ChangeCipherSpec is taken before there are keys.", "CVE-2014-0224, postern 6.5-52", true},
    {"tls.robot", tls, "No oracle in the key exchange of RSA (ROBOT)",
     "Fails where differently malformed key exchanges are answered differently, twice in the same way; passes where "
     "all are answered alike, and where RSA key exchange is not offered.",
     "RFC 5246 7.4.7.1, CVE-2017-13099, postern 6.5-52", true},
    {"tls.submission", tls, "Submission as SRV publishes it speaks TLS",
     "Of the targets of _submissions._tcp and _submission._tcp: passes with TLS 1.2 or 1.3, at once or by STARTTLS; "
     "fails "
     "where nothing answers, without TLS, and with older versions; not tested on ports other than 465 and 587.",
     "RFC 8314 3, RFC 6186, postern 6.5-46, 6.12-97"},
    {"tls.submission_certificate", tls, "The certificate is good for mail programs",
     "Fails where it is not trusted, out of date, or not for the name that SRV gives.",
     "RFC 7817, RFC 8314 4.1, postern 6.5-56, 6.12-97"},
    {"smtp.null_sender", smtp, "The null sender is taken", "Passes with 2xx, fails with 5xx, 4xx is shown.",
     "RFC 5321 4.5.5, postern 6.3-37", true},
    {"smtp.postmaster", smtp, "postmaster is taken",
     "Passes with 2xx, fails with 5xx, 4xx is shown; what "
     "postmaster at the mail host's own name gets is shown beside it.",
     "RFC 5321 4.5.1, postern 6.3-35", true},
    {"smtp.abuse", smtp, "abuse is taken", "Passes with 2xx, warns with 5xx, 4xx is shown.",
     "RFC 2142 2, postern 6.3-35", true},
    {"smtp.unknown_user", smtp, "Unknown users are refused", "Passes with 5xx at RCPT, warns with 2xx, 4xx is shown.",
     "RFC 5321 3.3, postern 6.3-36", true},
    {"smtp.relay", smtp, "No open relay",
     "Fails where a recipient elsewhere is taken: plain, with %, with !, quoted, by source route, with a sender of the "
     "domain; warns where the domain takes every local part and so could be meant.",
     "RFC 5321 7.9, postern 6.3-38", true},
    {"smtp.vrfy", smtp, "VRFY and EXPN tell nobody's address",
     "Warns where VRFY answers known and unknown users differently, or EXPN answers 250.",
     "RFC 5321 3.5.3, postern 6.3-34", true},
    {"smtp.line_ends", smtp, "Only CRLF.CRLF ends a message", "Fails where LF.LF, LF.CRLF, CR.CR or CR.CRLF does.",
     "RFC 5321 4.1.1.4, postern 6.3-39", true},
    {"smtp.submission_auth", smtp, "Submission takes logins under TLS alone",
     "Fails where AUTH is offered before TLS, warns where it is not offered under TLS.",
     "RFC 8314 3.3, RFC 4954 4, postern 6.12-97"},
    {"dane.every_certificate", dane, "Every certificate that is served matches",
     "Fails where one of several (RSA beside ECDSA) matches no TLSA record.", "RFC 7671 8, postern 6.5-57", true},
    {"dane.match", dane, "A TLSA record matches on every address",
     "Passes where a validated record matches the served chain: usage 3 by the server's own certificate, usage 2 by an "
     "issuer that is sent, with name and dates. Fails where none does; warns where none can be used. Without records "
     "the "
     "one to publish is shown.",
     "RFC 7672 3, postern 6.6-64"},
    {"dane.stale", dane, "TLSA records that match nothing",
     "Shows them: the next key's, that of a second certificate, or forgotten ones; passes where all match.",
     "RFC 7671 8, postern 6.6-65"},
    {"dane.intermediates", dane, "Usage 2 names more than one intermediate",
     "Warns where the only record of usage 2 is that of an intermediate authority; passes where there are others.",
     "RFC 7671 5.2, postern 6.6-66"},
    {"dane.young_certificate", dane, "A certificate younger than its records' TTL",
     "Shows one that is younger than two TTLs; else passes.", "RFC 7671 8.4, postern 6.6-67"},
    {"mta_sts.certificate", mta_sts, "The certificate satisfies MTA-STS",
     "Passes where it is trusted, in date, and has the MX host in its subjectAltName; fails otherwise in mode enforce, "
     "warns in testing.",
     "RFC 8461 4.1, postern 6.7-72"},
    {"mta_sts.agrees", mta_sts, "DANE and MTA-STS agree",
     "Fails where one proves the certificate and the other does not.", "RFC 8461 2, postern 6.7-73"},
    {"parity.reach", parity, "Both families answer",
     "Fails where fewer addresses answer over IPv6 than over IPv4, warns where it is the other way round.",
     "postern 6.14-103"},
    {"parity.extensions", parity, "Both families offer the same", "Warns where extensions or limits differ.",
     "postern 6.3-32, 6.14-103"},
    {"parity.tls", parity, "Both families encrypt alike",
     "Fails where IPv6 has no TLS or a weaker class than IPv4, warns where they differ.", "postern 6.14-103"},
    {"parity.certificate", parity, "Both families serve the same certificate", "Warns where they differ.",
     "postern 6.5-58, 6.14-103"},
    {"parity.dane", parity, "The TLSA records match over both families",
     "Fails where only IPv4 matches, warns where only IPv6 does.", "postern 6.14-103"},
    {"parity.latency", parity, "IPv6 is as near as IPv4",
     "Warns where connecting over IPv6 takes more than twice as long and 100 ms.", "postern 6.14-103"},
});

}  // namespace

std::span<const Check> server_checks() { return kChecks; }

}  // namespace postern::check
