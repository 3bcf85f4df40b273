// Rows of the catalogue: a configuration of ours beside what DNS says of it (`postern check --self`).
#include <array>

#include "check/catalogue.h"

namespace postern::check {

namespace {

using enum Category;

constexpr std::array kChecks = {
    Check{"mx.self", mx, "The MX records of our domain lead here",
          "Passes where a target is our host name or has one of our addresses; fails where none does.", "RFC 5321 5.1"},
    Check{"mx.self_address", mx, "Our host name has the addresses we listen on",
          "Fails where it has none; warns where a family that we have addresses of is missing, or where it leads "
          "elsewhere.",
          "RFC 5321 2.3.5"},
    Check{"reverse.self", reverse, "Our addresses are named as we name ourselves",
          "Of each source address: passes where a PTR name is our HELO name and leads back; warns for another "
          "confirmed name; fails "
          "without one.",
          "RFC 5321 4.1.4, RFC 8601 2.7.3"},
    Check{"spf.self", spf, "SPF authorises our addresses",
          "Of each source address and domain: fails where the result is not pass.", "RFC 7208 4"},
    Check{"dkim.self", dkim, "The keys we sign with are published",
          "Fails where the record is missing or has another key.", "RFC 6376 3.6.1"},
    Check{"tls.self", tls, "Our certificate has our host name",
          "Passes where a configured certificate has it and is valid; warns where it ends within 14 days; fails where "
          "none has the name.",
          "RFC 7672 3.2.3, RFC 8461 4.2"},
    Check{
        "tls.self_served", tls, "What is served is what is configured",
        "Of our addresses among the MX hosts: passes where the certificate that was served is a configured one; fails "
        "for another; not tested where none of them was reached.",
        "postern 6.5-53"},
    Check{"dane.self", dane, "TLSA records match our certificate",
          "Fails where there are records and none matches a certificate of ours; information where there is none.",
          "RFC 7672 3.1"},
    Check{"mta_sts.self", mta_sts, "The MTA-STS policy allows our host",
          "Fails in enforce where no pattern matches our host name.", "RFC 8461 4.1"},
};

}  // namespace

std::span<const Check> self_checks() { return kChecks; }

}  // namespace postern::check
