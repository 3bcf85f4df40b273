// Rows of the catalogue: the checker's own manners, and what stands beside mail.
#include <array>

#include "check/catalogue.h"

namespace postern::check {

namespace {

using enum Category;

constexpr auto kChecks = std::to_array<Check>({
    {"reach.visits", reach, "How often the address was visited",
     "Passes where this run connected to it; information where it was seen for another domain or run within ten "
     "minutes, and is not connected to again; not tested where it may not be connected to yet. One connection at a "
     "time, two polite ones a minute.",
     "postern 6.14-105"},
    {"reach.visitor", reach, "We have the name that we say",
     "Passes where the address we come from has the name of our EHLO, and it has that address; information otherwise: "
     "what servers refuse then may be us.",
     "RFC 5321 4.1.4, postern 6.14-105"},
    {"smtp.greylisting", smtp, "Strangers are let in, at the second try at the latest",
     "Passes where nothing was put off, or a second visit was taken; information where 4xx looks like greylisting or a "
     "limit; warns where a second visit after six minutes is put off, too. Never fails. The second visit is made with "
     "--retry-greylisted, and for whoever proved control of the domain.",
     "RFC 6647 5, postern 6.14-105"},
    {"name.security_txt", name, "Whoever finds a hole knows whom to tell",
     "Passes for a security.txt with a Contact and an Expires that is to come; warns where one of them is missing or "
     "wrong, or it has ended; information where there is none.",
     "RFC 9116 2.5, postern 6.12-98"},
    {"name.lookalikes", name, "Who has names that look like this one",
     "With --lookalikes alone: asks DNS for up to 80 names that are typed or read in its place; information where one "
     "of them has mail or an address, passes where none has.",
     "postern 6.12-100"},
    {"tls_rpt.endpoint", tls_rpt, "The https address of TLS reports can be reached",
     "Passes where a handshake succeeds over each family that it has addresses of, with a certificate of its name; "
     "warns otherwise. Nothing is posted. Only deep runs do it, and on port 443 alone.",
     "RFC 8460 3, postern 6.8-75"},
    {"bimi.certificate", bimi, "The mark certificate is one, and in date",
     "Passes where a= gives a chain in order, in date, for BIMI; with --ca its root must be there. Warns in the last "
     "30 "
     "days, else fails. Only deep runs fetch it, and from port 443 alone.",
     "draft-fetch-validation-vmc-wchuang, postern 6.12-96"},
    {"bimi.certificate_name", bimi, "The mark certificate is for the domain",
     "Passes where its subjectAltName has the domain, one above it, or a selector's name below _bimi; else fails.",
     "draft-fetch-validation-vmc-wchuang, postern 6.12-96"},
    {"bimi.certificate_logo", bimi, "The logo in the certificate is the one that is shown",
     "Passes where the SVG in its logotype extension equals that at l=, octet by octet, after decompression; else "
     "fails.",
     "RFC 3709 4.1, postern 6.12-96"},
});

}  // namespace

std::span<const Check> more_checks() { return kChecks; }

}  // namespace postern::check
