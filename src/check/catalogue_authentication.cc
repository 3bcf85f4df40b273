// Rows of the catalogue: SPF, DKIM, DMARC.
#include <array>

#include "check/catalogue.h"

namespace postern::check {

namespace {

using enum Category;

constexpr std::array kChecks = {
    Check{"spf.record", spf, "There is exactly one SPF record",
          "Passes for one TXT record that begins with v=spf1; fails for none and for several; warns for spf2.0 beside "
          "it.",
          "RFC 7208 3.2, 4.5, postern 6.9-76"},
    Check{"spf.syntax", spf, "The SPF record is well formed",
          "The record and what it includes: fails for a term that the grammar does not have.",
          "RFC 7208 4.6, 12, postern 6.9-77"},
    Check{"spf.lookups", spf, "SPF asks DNS at most ten times",
          "include, a, mx, ptr, exists and redirect of the record and of all it includes: passes up to 8, warns for 9 "
          "and 10, "
          "fails above.",
          "RFC 7208 4.6.4, postern 6.9-78"},
    Check{"spf.void", spf, "SPF does not ask for what does not exist",
          "Passes up to two void look-ups, warns at two, fails above.", "RFC 7208 4.6.4, postern 6.9-78"},
    Check{"spf.mx_hosts", spf, "Names under mx terms are few enough", "Fails where an mx term has more than ten hosts.",
          "RFC 7208 4.6.4, postern 6.9-78"},
    Check{"spf.include", spf, "What is included is there",
          "Fails for an include or redirect that leads to no SPF record, or back to where it came from.",
          "RFC 7208 5.2, 6.1, postern 6.9-79"},
    Check{"spf.all", spf, "The record ends in a decision",
          "Of the record, or of the one that its redirects end in: passes for -all and ~all; fails for ?all, for none, "
          "and "
          "for +all; warns for terms after all and for redirect beside it.",
          "RFC 7208 5.1, postern 6.9-80"},
    Check{"spf.ptr", spf, "The ptr mechanism is not used", "Warns where it is: slow, unreliable, and deprecated.",
          "RFC 7208 5.5, postern 6.9-81"},
    Check{"spf.breadth", spf, "The record does not authorise half of the Internet",
          "ip4, ip6, and a and mx with a prefix length: fails for IPv4 shorter than /8 and IPv6 shorter than /32, and "
          "where "
          "an include or redirect ends in +all; warns for IPv4 shorter than /16 and IPv6 shorter than /48. Terms that "
          "are "
          "no pass (-include, ?a) authorise nobody.",
          "postern 6.4-45, 6.9-81"},
    Check{"spf.ipv6", spf, "Mail over IPv6 passes SPF as mail over IPv4 does",
          "Warns where the record authorises IPv4 addresses alone, and a mail host has an IPv6 address.",
          "postern 6.9-82, 6.14-103"},
    Check{"spf.size", spf, "The record fits into one answer",
          "Passes up to 450 octets; warns above, and where all TXT records of the name have more than 1232.",
          "RFC 7208 3.4, postern 6.9-83"},
    Check{"spf.helo", spf, "Mail hosts have SPF records of their own",
          "Of the names of mail hosts: information where there is none.", "RFC 7208 2.3, postern 6.9-84"},

    Check{"dkim.names", dkim, "DKIM keys can be there",
          "Passes where _domainkey exists; information where it is NXDOMAIN.",
          "RFC 6376 3.6.2.1, RFC 8020, postern 6.10-85"},
    Check{
        "dkim.record", dkim, "DKIM key records are well formed",
        "The selectors given and those commonly used: fails for a record that does not parse, and for a given selector "
        "without a record; information for a revoked key, and where no common selector is there; not tested where DNS "
        "did "
        "not say of all of them.",
        "RFC 6376 3.6.1, postern 6.10-86"},
    Check{"dkim.key", dkim, "DKIM keys are strong",
          "RSA: passes from 2048 bits on, warns from 1024, fails below. Ed25519 passes.",
          "RFC 8301 3.2, postern 6.10-86"},
    Check{"dkim.single", dkim, "Each selector has one key", "Fails where several records stand at one selector.",
          "RFC 6376 3.6.2.2, postern 6.10-86"},
    Check{"dkim.flags", dkim, "Keys are for mail, with SHA-256, and no test",
          "Warns for t=y; fails for h= without sha256 and s= without email.",
          "RFC 6376 3.6.1, RFC 8301 3.1, postern 6.10-86"},
    Check{"dkim.live", dkim, "Mail is signed, and the signature passes",
          "From the records of this gateway (--config; on the page for the operator and with proof): passes where "
          "messages of the "
          "last 30 days had a valid aligned signature, warns where none of several had; not tested where none came.",
          "RFC 6376 6, postern 6.10-87"},
    Check{"dkim.age", dkim, "Keys are changed",
          "With --watch FILE, which keeps since when each key was seen: passes for one that came since, information "
          "for more "
          "than a year; not tested where the file is younger than that and the key was there before.",
          "postern 6.10-88"},

    Check{"dmarc.record", dmarc, "There is a DMARC record",
          "Passes for one at the domain or the organisational domain (tree walk); fails for none, for several, and for "
          "one that "
          "cannot be used; warns for other texts at the name, and for one at the domain itself.",
          "RFC 9989 4.7, 4.10, postern 6.11-89"},
    Check{"dmarc.policy", dmarc, "The policy protects the domain",
          "Passes for reject and quarantine; warns for none, for a missing p and for reject with t=y; fails for "
          "quarantine with t=y, which protects nothing.",
          "RFC 9989 4.7, postern 6.11-90"},
    Check{"dmarc.subdomains", dmarc, "Subdomains are protected as the domain is",
          "Warns where sp or np is weaker than p.", "RFC 9989 4.7, postern 6.11-90"},
    Check{
        "dmarc.tags", dmarc, "The record has the tags of today",
        "Warns for pct, rf, ri, which RFC 9989 removed, and for values that are ignored; information for unknown tags.",
        "RFC 9989 A, postern 6.11-91"},
    Check{
        "dmarc.rua", dmarc, "Aggregate reports are asked for, and can be delivered",
        "Warns without rua (information for a domain without mail), for more than two addresses, and where the domain "
        "of one takes no mail; fails for an address that is none.",
        "RFC 9989 4.7, postern 6.11-92"},
    Check{"dmarc.external", dmarc, "Report receivers elsewhere agree to receive",
          "Fails where the receiver's domain does not say so at DOMAIN._report._dmarc: no report is sent then.",
          "RFC 9990 4, postern 6.11-93"},
    Check{"dmarc.ruf", dmarc, "No failure reports with other people's mail are asked for",
          "Information where ruf asks for them.", "RFC 9991 6, postern 6.11-94"},
    Check{"dmarc.possible", dmarc, "Mail of the domain can pass DMARC",
          "Passes where SPF authorises somebody or a DKIM key was found, and where a sound SPF record says that nobody "
          "sends; fails where neither can align. Receivers read SPF from the left: of what stands behind an error that "
          "makes them give it up (permerror) nothing counts, and of a record with a syntax error nothing at all.",
          "RFC 7208 4.6, RFC 9989 4.4, postern 6.11-95"},
};

}  // namespace

std::span<const Check> authentication_checks() { return kChecks; }

}  // namespace postern::check
