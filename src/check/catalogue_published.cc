// Rows of the catalogue: what is published about TLS, and BIMI.
#include <array>

#include "check/catalogue.h"

namespace postern::check {

namespace {

using enum Category;

constexpr std::array kChecks = {
    Check{"dane.present", dane, "Every mail host has TLSA records",
          "Passes where all have; fails where some have none, or all of a signed zone have none; warns where the zones "
          "are "
          "not signed.",
          "RFC 7672 2.2, postern 6.6-60"},
    Check{"dane.secure", dane, "TLSA records are validated",
          "Fails where they stand in a zone that is not signed: nobody uses them.", "RFC 7672 2.2, postern 6.6-60"},
    Check{"dane.mx_secure", dane, "The MX records that lead to them are validated",
          "Warns where hosts have TLSA records and the domain is not signed: DANE is not used then.",
          "RFC 7672 2.2.1, postern 6.6-61"},
    Check{"dane.alias", dane, "TLSA records are found through aliases",
          "Of hosts that are CNAMEs: passes where the expanded name has TLSA records; information where only the name "
          "as given has.",
          "RFC 7672 2.2.2, postern 6.6-62"},
    Check{"dane.syntax", dane, "TLSA records can be used for mail",
          "Passes for usage 2 and 3 with a digest of the right length; warns for usage 0 and 1, which mail ignores, "
          "for selector 0 and for matching type 0; information for matching type 2; fails for records without data and "
          "digests of a wrong length.",
          "RFC 7672 3.1, postern 6.6-63"},
    Check{
        "dane.rollover", dane, "Keys can be changed without an outage",
        "Passes with two distinct usable records (current and next, or 3 x x and 2 x x); information for a single one.",
        "RFC 7671 8.1, postern 6.6-65"},
    Check{"dane.ttl", dane, "TLSA records do not live too long",
          "Passes up to 3600 seconds; information above; warns over 86400.", "RFC 7671 8.1, postern 6.6-67"},

    Check{"mta_sts.record", mta_sts, "The MTA-STS record is there and well formed",
          "Passes for exactly one v=STSv1 record with an id; warns where there is none; fails for several, for white "
          "space in "
          "front, and where the id is malformed; warns for a record at the domain itself or below a mail host.",
          "RFC 8461 3.1, postern 6.7-68"},
    Check{"mta_sts.policy", mta_sts, "The MTA-STS policy can be fetched",
          "Passes for 200 with a valid certificate, no redirect, up to 64 KiB, and a policy that parses; else fails.",
          "RFC 8461 3.3, postern 6.7-69"},
    Check{"mta_sts.families", mta_sts, "The policy can be fetched over both families",
          "Fails where one family of the policy host does not give the policy that the other gives; information where "
          "it has "
          "no IPv6 address.",
          "RFC 8461 3.3, postern 6.7-69, 6.7-73"},
    Check{"mta_sts.type", mta_sts, "The policy is text/plain", "Warns for another content type; senders may refuse it.",
          "RFC 8461 3.2, postern 6.7-69"},
    Check{"mta_sts.mode", mta_sts, "The policy is enforced",
          "Passes for enforce, warns for testing, information for none.", "RFC 8461 3.2, postern 6.7-70"},
    Check{"mta_sts.max_age", mta_sts, "The policy is remembered long enough",
          "Passes from a week on; warns under a day; information between; fails over a year.",
          "RFC 8461 3.2, postern 6.7-70"},
    Check{"mta_sts.mx", mta_sts, "The policy allows every MX host",
          "Fails in enforce where a host matches no pattern, warns in testing.", "RFC 8461 4.1, postern 6.7-71"},
    Check{"mta_sts.patterns", mta_sts, "Every pattern of the policy allows a host",
          "Warns for patterns that match no MX host, and for U-labels.", "RFC 8461 4.1, postern 6.7-71"},
    Check{"mta_sts.id", mta_sts, "The id changes whenever the policy does",
          "Not tested in a single run: --watch FILE tells it from the run before. Warns there where the policy changed "
          "and the "
          "id did not.",
          "RFC 8461 3.1, postern 6.7-73"},

    Check{
        "tls_rpt.record", tls_rpt, "TLS reports are asked for",
        "Passes for exactly one v=TLSRPTv1 record with a mailto or https address; warns where there is none; fails for "
        "several and for what is malformed.",
        "RFC 8460 3, postern 6.8-74"},
    Check{"tls_rpt.destination", tls_rpt, "TLS reports can be delivered",
          "Warns where the domain of an address takes no mail, or the host of an https address has no IPv6 or no "
          "address at all.",
          "RFC 8460 3, postern 6.8-75"},

    Check{"bimi.record", bimi, "The BIMI record is well formed",
          "Information where there is none; passes for one v=BIMI1 record with https addresses; fails for several and "
          "for "
          "malformed ones.",
          "draft-brand-indicators-for-message-identification 4, postern 6.12-96"},
    Check{"bimi.policy", bimi, "DMARC is strict enough for BIMI",
          "Of domains with a BIMI record: passes where p and sp are quarantine or reject; else fails.",
          "draft-brand-indicators-for-message-identification 7.1, postern 6.12-96"},
    Check{"bimi.logo", bimi, "The logo is an SVG file that can be fetched",
          "Passes for square SVG Tiny PS of at most 32 KiB over https; fails where it cannot be had, warns where it is "
          "something else. Only deep runs fetch it, and from port 443 alone.",
          "draft-svg-tiny-ps-abrotman, postern 6.12-96"},
};

}  // namespace

std::span<const Check> published_checks() { return kChecks; }

}  // namespace postern::check
