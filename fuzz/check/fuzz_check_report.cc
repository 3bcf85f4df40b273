// A kept report, as --watch reads it back: bounded, and what was read writes and reads as itself. And a text at
// _postern-check.DOMAIN: no text is a proof but the one that was made.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "check/proof.h"
#include "check/watch.h"

using namespace postern;
using namespace postern::check;

namespace {

std::string text_of(const Report& report) {
  std::string out;
  json::Writer writer(out);
  append_json(report, writer);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const std::string secret(kProofSecretMin, 's');
  static const dns::Name domain = *dns::Name::parse("example.org");
  static const std::string ticket(32, 'a');
  static const std::string proof = make_proof(secret, domain, ticket, 1795000000000)->text;
  POSTERN_CHECK(!is_proof(text, secret, domain, ticket, 1794999000000) || text == proof);
  const auto value = json::parse(text);
  if (!value) return 0;
  auto report = parse_report(*value);
  if (!report) return 0;
  POSTERN_CHECK(report->findings.size() <= kFindingsMax);
  const std::string once = text_of(*report);
  const auto again = json::parse(once);
  POSTERN_CHECK(again.has_value());
  const auto second = parse_report(*again);
  POSTERN_CHECK(second && second->findings.size() == report->findings.size());
  POSTERN_CHECK(compare(*report, *report).empty());
  judge_history(*report, *report);
  return 0;
}
