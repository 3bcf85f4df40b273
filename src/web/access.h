// Who may see the operator's pages, and who may change something. Pure decisions over a request; checking a password,
// which takes its time, is password.h's. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "web/message.h"
#include "web/options.h"

namespace postern::web {

// Names that cannot be made to point here by somebody else's DNS (DNS rebinding): addresses of loopback, "localhost".
[[nodiscard]] bool is_loopback_name(std::string_view host);

enum class Entry : std::uint8_t {
  operator_,     // loopback, where nothing is configured, root or our own user: no password is asked
  ask,           // a password or token is needed, and `credentials` says which came
  foreign_host,  // loopback, but the Host field names something else
  proxied,       // loopback through a proxy, without a password configured
  other_user,    // loopback, but somebody else's process, without a password configured
  closed,        // not from loopback, and no password is configured
};
// Whoever comes over loopback without a password must be a program of root or of our own user, and no proxy that
// carries others here: with a public_url and no listener beside loopback there is one.
[[nodiscard]] Entry entry_of(const Request& request, const Options& options);

struct Credentials {
  enum class Kind : std::uint8_t { none, basic, bearer, malformed } kind = Kind::none;
  std::string user, secret;
};
// RFC 7617, RFC 6750. Bounded by the head.
[[nodiscard]] Credentials credentials_of(const Request& request);

// Whether a request that changes something comes from our own page: by Sec-Fetch-Site and Origin, which no page of
// another site can forge; where a client sends neither (it is no browser), by the field X-Postern, which a form cannot
// send.
[[nodiscard]] bool is_same_site(const Request& request, const Options& options);

// Over loopback, of root or our own user, and without a proxy. Nobody's rate is limited there.
[[nodiscard]] bool is_of_this_machine(const Request& request, const Options& options);

// Of a proxy on this machine, the client that it names last in X-Forwarded-For; else the peer.
[[nodiscard]] ip::Address client_of(const Request& request, const Options& options);

// The path of public_url, "" or "/postern": what stands before the paths of all pages.
[[nodiscard]] std::string_view base_path(const Options& options);

}  // namespace postern::web
