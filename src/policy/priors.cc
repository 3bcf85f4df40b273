#include "policy/priors.h"

#include <array>

namespace postern::policy {

namespace {

using evidence::Signal;

// A value that is not here starts at zero nats. What failed to be measured (spf == temperror) is not here on purpose.
constexpr std::array kPriors{
    Prior{Signal::country, "home", 3, 8},
    Prior{Signal::country, "abroad", 7, 2},

    Prior{Signal::rdns, "none", 2.5, 0.7},
    Prior{Signal::rdns, "unconfirmed", 1.5, 0.8},
    Prior{Signal::rdns, "generic", 4, 0.8},
    Prior{Signal::rdns, "confirmed", 1.5, 4},
    Prior{Signal::rdns, "mail", 0.5, 3.7},

    Prior{Signal::os, "windows", 5, 2},
    Prior{Signal::os, "linux", 3, 6.5},
    Prior{Signal::os, "android", 0.5, 0.1},
    Prior{Signal::os, "freebsd", 0.1, 0.5},
    Prior{Signal::os, "openbsd", 0.05, 0.2},

    Prior{Signal::known, "stranger", 6, 3.5},
    Prior{Signal::known, "seen", 1.2, 1.5},
    Prior{Signal::known, "known", 0.5, 2.5},
    Prior{Signal::known, "replied_to", 0.05, 2.5},

    Prior{Signal::early_talk, "no", 7, 9.8},
    Prior{Signal::early_talk, "yes", 3, 0.2},

    // RFC 5321 4.1.4 forbids to refuse for a mismatch of HELO; here it is one of many facts, at half its weight.
    Prior{Signal::helo, "name", 5, 8.6},
    Prior{Signal::helo, "unqualified", 1.2, 0.5},
    Prior{Signal::helo, "literal", 0.8, 0.3},
    Prior{Signal::helo, "wrong_literal", 0.5, 0.05},
    Prior{Signal::helo, "bare_address", 0.7, 0.1},
    Prior{Signal::helo, "own", 0.8, 0},
    Prior{Signal::helo, "localhost", 0.5, 0.2},
    Prior{Signal::helo, "invalid", 0.5, 0.25},
    Prior{Signal::helo_match, "ptr", 2, 5.5},
    Prior{Signal::helo_match, "organisation", 1, 2},
    Prior{Signal::helo_match, "address", 1.5, 1.5},
    Prior{Signal::helo_match, "differs", 5, 1},
    // A part of those that differ, and the worse one. Records made before it could be told have it as differs, which
    // keeps what it weighed for them.
    Prior{Signal::helo_match, "no_address", 3.5, 0.4},

    Prior{Signal::protocol, "http", 0.3, 0},
    Prior{Signal::protocol, "tls", 0.2, 0},
    Prior{Signal::pipelining, "no", 8.5, 9.7},
    Prior{Signal::pipelining, "yes", 1.5, 0.3},

    Prior{Signal::tls, "plain", 5, 2.5},
    Prior{Signal::tls, "failed", 0.5, 0.3},
    Prior{Signal::tls, "tls1_0", 0.4, 0.2},
    Prior{Signal::tls, "tls1_1", 0.1, 0.1},
    Prior{Signal::tls, "tls1_2", 2.5, 3},
    Prior{Signal::tls, "tls1_3", 1.5, 3.9},
    Prior{Signal::tls_retry, "yes", 1, 0.4},

    Prior{Signal::spf, "pass", 4.5, 7},
    Prior{Signal::spf, "none", 1.6, 1.4},
    Prior{Signal::spf, "neutral", 0.5, 0.3},
    Prior{Signal::spf, "softfail", 1, 0.4},
    Prior{Signal::spf, "fail", 0.8, 0.2},
    Prior{Signal::spf, "permerror", 0.2, 0.1},

    Prior{Signal::dkim, "pass", 4, 8},
    Prior{Signal::dkim, "none", 3, 1.5},
    Prior{Signal::dkim, "fail", 0.6, 0.3},
    Prior{Signal::dmarc, "pass", 3, 7.5},
    Prior{Signal::dmarc, "none", 2.6, 1.8},
    Prior{Signal::dmarc, "fail", 1.5, 0.3},
    Prior{Signal::arc, "pass", 0.3, 0.8},
    Prior{Signal::arc, "fail", 0.2, 0.1},
};

}  // namespace

std::span<const Prior> priors() { return kPriors; }

}  // namespace postern::policy
