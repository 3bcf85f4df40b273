// Rows of the catalogue: the name and its zone.
#include <array>

#include "check/catalogue.h"

namespace postern::check {

namespace {

using enum Category;

constexpr std::array kChecks = {
    Check{"name.syntax", name, "The name is a domain name, in both its spellings",
          "Passes where A-labels and U-labels say the same name; fails where an A-label is none, and for what no mail "
          "address can have: underscores, and hyphens at an end of a label.",
          "RFC 5891 5, RFC 5321 4.1.2, postern 6.1-1"},
    Check{"name.exists", name, "The name exists in DNS",
          "Fails for NXDOMAIN, SERVFAIL, a failed validation and silence, each said as what it is: none of them is "
          "\"no record\". Not tested where the resolver here has no server that answers.",
          "RFC 8020, postern 6.1-2"},
    Check{"name.expiry", name, "The registration of the domain does not run out soon",
          "Not tested: registries are asked by RDAP, which is outside of mail and DNS.", "RFC 9083, postern 6.12-98"},

    Check{"dns.ns_count", dns, "The zone has at least two name servers",
          "Passes with two or more that have addresses, else warns.", "RFC 2182 5, postern 6.1-3"},
    Check{"dns.ns_networks", dns, "The name servers are in different networks",
          "Passes where the IPv4 addresses are in more than one /24 and the IPv6 addresses in more than one /48; else "
          "warns.",
          "RFC 2182 3.1, postern 6.1-3"},
    Check{"dns.ns_ipv6", dns, "Name servers have IPv6 addresses", "Passes with two of them; fails for one or none.",
          "RFC 3901 4, postern 6.1-4"},
    Check{"dns.ns_reach", dns, "Every name server answers over both families, by UDP and TCP",
          "Passes where all do; warns where some do not, and for a name without an address; fails where none does, and "
          "where a name's domain is not registered: whoever registers it owns the zone.",
          "RFC 7766 5, postern 6.1-5"},
    Check{"dns.ns_serial", dns, "All name servers have the same version of the zone",
          "Passes where the serials are equal on every address; else warns.", "RFC 1912 2.2, postern 6.1-6"},
    Check{"dns.ns_mail", dns, "All name servers say the same about mail",
          "Passes where MX and TXT are the same on every address; warns where TXT differs, fails where MX does.",
          "postern 6.1-6"},
    Check{"dns.delegation", dns, "The delegation names the servers that the zone names",
          "Passes where the NS sets of parent and child are equal; else warns.", "RFC 1034 4.2.2, postern 6.1-7"},
    Check{"dns.glue", dns, "The delegation has the addresses of servers inside the zone",
          "Passes where glue is the same as the zone's own A and AAAA records; warns where it is missing or differs.",
          "RFC 9471 3, postern 6.1-7"},
    Check{"dns.soa", dns, "The numbers of the SOA record are sane",
          "Information where expire is outside one to four weeks, or negative answers are kept for more than an hour.",
          "RFC 1912 2.2, RFC 2308 5, postern 6.1-8"},
    Check{"dns.edns", dns, "Name servers know EDNS, and large answers can be had over TCP",
          "Warns where a server answers EDNS with an error, or cuts an answer short and does not give it over TCP.",
          "RFC 6891 7, RFC 7766 5, postern 6.1-14"},
    Check{"dns.caa", dns, "CAA records say who may issue certificates",
          "Asked for the domain, its mail hosts and the MTA-STS host. Passes with an issue or issuewild record above "
          "or at "
          "the name; warns where there is none, or where one is malformed.",
          "RFC 8659 4.2, postern 6.1-15"},
    Check{"dns.ttl", dns, "Records live neither too short nor too long",
          "MX, A and AAAA: passes from 300 to 86400 seconds, warns under 60 and over 172800, information between.",
          "RFC 1912 2.2, postern 6.2-28"},
    Check{
        "dns.wildcard", dns, "No wildcard answers for names that mail policies stand at",
        "Warns where a TXT record answers at a name that nobody published, so that policies seem to exist everywhere. "
        "Revoked keys at every other selector are none of these.",
        "RFC 4592, RFC 8461 3.1, postern 6.12-99"},
    Check{"dns.srv", dns, "Mail clients find submission and IMAP by SRV",
          "Passes where a service is offered or denied with the target \".\"; warns where the target has no address, "
          "or is "
          "an alias; information where there is none.",
          "RFC 6186, RFC 8314 5.1, postern 6.12-97"},

    Check{
        "dnssec.domain", dnssec, "The domain is signed",
        "Passes where answers are validated; warns where they are insecure; fails for each name of the domain that is "
        "bogus, whatever was asked there.",
        "RFC 4033, postern 6.1-9"},
    Check{"dnssec.mx", dnssec, "The zones of the mail hosts are signed",
          "Each mail host's addresses: passes where validated, warns where insecure, fails where bogus.",
          "RFC 7672 2.1, postern 6.1-10"},
    Check{"dnssec.algorithm", dnssec, "The zone is signed with algorithms of today",
          "Passes for 13, 14, 15, 16; information for 8 and 10; fails for the others.", "RFC 8624 3.1, postern 6.1-11"},
    Check{"dnssec.digest", dnssec, "The delegation's digests are those of today",
          "Passes with SHA-256 or SHA-384; fails where all DS records are SHA-1 or unknown.",
          "RFC 8624 3.3, postern 6.1-11"},
    Check{"dnssec.nsec3", dnssec, "NSEC3 does no needless work",
          "Passes for NSEC and for 0 iterations; warns above; fails above 100, where validators stop to validate.",
          "RFC 9276 3.1, postern 6.1-11"},
    Check{"dnssec.signatures", dnssec, "Signatures do not run out soon",
          "Passes with three days or more left; warns under three days, fails under 24 hours.",
          "RFC 6781 4.4.2, postern 6.1-12"},
    Check{"dnssec.denial", dnssec, "What does not exist is denied with valid proofs",
          "The answer for TLSA at _25._tcp of each mail host in a signed zone. Fails where it is bogus or SERVFAIL: "
          "DANE clients "
          "must not deliver then.",
          "RFC 7672 2.1.1, postern 6.1-13"},

    Check{"routing.roa", routing, "The addresses have route origin authorisations",
          "Not tested: ROAs are not in DNS, and asking needs an RPKI validator.", "RFC 9582, postern 6.13-101"},
    Check{"routing.valid", routing, "The routes to the addresses are valid",
          "Not tested: needs a view of BGP and an RPKI validator.", "RFC 6811, postern 6.13-102"},
    Check{"routing.networks", routing, "The mail hosts are in more than one autonomous system",
          "Not tested: which AS announces an address is not in DNS. mx.networks looks at prefixes.", "postern 6.2-25"},
};

}  // namespace

std::span<const Check> dns_checks() { return kChecks; }

}  // namespace postern::check
