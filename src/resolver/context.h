// libunbound's context, made from Options: which servers, which trust anchors, which names are never answered from the
// library's own list of special zones. Internal to resolver, but for has_anchor(). Thread rule: make it anywhere;
// libunbound locks the rest.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dns/name.h"
#include "resolver/unbound.h"

struct ub_ctx;

namespace postern::resolver {

struct ContextFree {
  void operator()(ub_ctx* context) const;
};
using ContextPtr = std::unique_ptr<ub_ctx, ContextFree>;

struct Context {
  ContextPtr unbound;
  std::vector<ip::Endpoint> servers;  // asked by libunbound; empty: it recurses
  std::vector<dns::Name> anchors;     // the names of the trust anchors: what lies below is validated
  std::vector<dns::Name> insecure;    // but not what lies below these

  // Whether answers for the name may turn out bogus. False: nothing validates them.
  [[nodiscard]] bool validates(const dns::Name& name) const;
};

// What make_context() validates by: false where dnssec is off, or no trust anchor is there.
[[nodiscard]] bool has_anchor(const Options& options);
[[nodiscard]] Result<Context> make_context(const Options& options);

// The servers in the text of a resolv.conf(5), at most kServersMax.
[[nodiscard]] std::vector<ip::Endpoint> servers_in(std::string_view resolv_conf);
inline constexpr std::size_t kServersMax = 8;

// A name as libunbound reads it: RFC 1035 5.1, what is not a letter, digit, '-' or '_' as \DDD; with the trailing dot.
[[nodiscard]] std::string presentation(const dns::Name& name);

}  // namespace postern::resolver
