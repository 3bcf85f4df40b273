// Rows of the catalogue: MX, its hosts, and their names.
#include <array>

#include "check/catalogue.h"

namespace postern::check {

namespace {

using enum Category;

constexpr std::array kChecks = {
    Check{
        "mx.present", mx, "The domain says where its mail goes",
        "Passes with MX records; warns where mail goes to the domain's own address for want of them; information where "
        "there is neither.",
        "RFC 5321 5.1, postern 6.2-16"},
    Check{"mx.null", mx, "A domain without mail says so, and one with mail does not",
          "Passes for a null MX alone, and where there is none and mail is received; fails for a null MX beside "
          "others, or "
          "with a preference that is not 0; information where no MX says anything.",
          "RFC 7505 3, postern 6.2-17"},
    Check{
        "mx.null_policy", mx, "A domain without mail sends none either",
        "Of null MX domains: passes with an SPF record that authorises nobody and ends in -all, and a DMARC policy of "
        "reject; else warns.",
        "RFC 7505 4.2, postern 6.2-18"},
    Check{"mx.target", mx, "MX targets are host names",
          "Fails for an address literal, localhost, names that cannot exist (.invalid, *.msv1.invalid, ...) and what "
          "is no "
          "host name; warns for underscores, which some senders take.",
          "RFC 5321 5.1, RFC 1123 2.1, RFC 6761, postern 6.2-19"},
    Check{"mx.alias", mx, "MX targets are no aliases",
          "Warns where a target is a CNAME; fails where that leads in a circle.",
          "RFC 2181 10.3, RFC 5321 5.1, postern 6.2-19"},
    Check{"mx.resolves", mx, "Every MX host has an address", "Fails for each host without one.",
          "RFC 5321 5.1, postern 6.2-20"},
    Check{"mx.ipv6", mx, "Every MX host has an IPv6 address",
          "Passes where all have; warns where some have; fails where none has.", "RFC 3974 3, postern 6.2-21"},
    Check{"mx.ipv4", mx, "Mail can come over IPv4, too",
          "Passes where every host has an IPv4 address; information where some have none; warns where none has.",
          "postern 6.2-22"},
    Check{"mx.address", mx, "The addresses can be reached from the Internet",
          "Fails for private, loopback, link-local, documentation, 6to4, Teredo, v4-mapped, multicast and reserved "
          "addresses.",
          "RFC 6890, RFC 7526, postern 6.2-23"},
    Check{"mx.duplicates", mx, "Each mail host is named once",
          "Warns where one name or one address stands under several MX records.", "postern 6.2-24"},
    Check{"mx.count", mx, "The number of addresses is sane",
          "Warns for more than ten addresses, and says how many past the thirtieth mail host were not looked at; "
          "senders give "
          "up before the last.",
          "RFC 5321 5.1, postern 6.2-24"},
    Check{"mx.networks", mx, "Mail hosts are in more than one network",
          "Passes with addresses in several /48 or /24; information for one host or one network.", "postern 6.2-25"},
    Check{"mx.dangling", mx, "The domains of the mail hosts are registered",
          "Of targets that DNS has nothing of: fails where the registrable domain does not exist, whoever registers "
          "which "
          "gets the mail; warns where its name servers do not serve it.",
          "postern 6.2-26"},

    Check{"reverse.ptr", reverse, "Every address of a mail host has a name", "Warns for each address without PTR.",
          "RFC 1912 2.1, postern 6.4-42"},
    Check{"reverse.confirmed", reverse, "The names lead back to the addresses",
          "Warns where no PTR name has the address (FCrDNS).", "RFC 8601 2.7.3, postern 6.4-43"},
    Check{"reverse.generic", reverse, "The names are those of mail hosts",
          "Warns for names that a provider makes for pools of customers.", "postern 6.4-44"},
    Check{"reverse.senders", reverse, "Hosts that SPF names have names, over both families",
          "Of single addresses in the SPF record, at most 16: fails where one has no PTR, or none that leads back.",
          "postern 6.4-45"},
    Check{"reverse.parity", reverse, "IPv6 addresses are named as the IPv4 addresses beside them",
          "Of each mail host: warns where IPv4 is better than IPv6 or the names differ in whether they lead back.",
          "postern 6.14-103"},
    Check{
        "reverse.lists", reverse, "The addresses are on no block list",
        "Asked are the lists of the operator ([[policy.list]] of --config), about each address and the domain: passes "
        "where none that answered has it, warns where one has. Not tested without lists, and where none answered.",
        "RFC 5782, postern 6.3-41"},
};

}  // namespace

std::span<const Check> mail_host_checks() { return kChecks; }

}  // namespace postern::check
