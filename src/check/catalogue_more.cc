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
});

}  // namespace

std::span<const Check> more_checks() { return kChecks; }

}  // namespace postern::check
