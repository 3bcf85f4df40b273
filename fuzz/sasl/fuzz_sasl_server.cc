// Any lines of a client inside AUTH, in each mechanism: nobody gets in without the password, and what the server says
// is base64. The first octet chooses the mechanism; lines are cut at LF. A line that begins with '+' is encoded first,
// so that the fuzzer reaches what stands behind base64.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "sasl/server.h"

namespace {
using namespace postern;
using Want = sasl::ServerExchange::Want;

std::string line_of(std::string_view text) {
  return text.starts_with('+') ? to_base64(text.substr(1)) : std::string(text);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto mechanism = static_cast<sasl::Mechanism>(data[0] % 4);
  const bool has_initial = (data[0] & 4U) != 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  static const sasl::Verifier verifier = sasl::derive("pencil", "0123456789abcdef", sasl::kIterationsMin);
  sasl::ServerExchange server({.mechanism = mechanism,
                               .channel_binding = (data[0] & 8U) != 0 ? std::string(32, 'b') : std::string(),
                               .plus_offered = (data[0] & 16U) != 0,
                               .nonce = "servernonce"});
  const auto lines = split(text, '\n');
  std::size_t next = 0;
  std::string held;
  const auto take = [&]() -> std::string_view {
    held = next < lines.size() ? line_of(lines[next]) : std::string();
    ++next;
    return held;
  };
  Want want = has_initial ? server.start(take()) : server.start(std::nullopt);
  for (int turn = 0; turn < 8; ++turn) {
    if (want == Want::response) {
      POSTERN_CHECK(from_base64(server.challenge()).has_value());
      want = server.receive(take());
    } else if (want == Want::verifier) {
      POSTERN_CHECK(!server.name().empty() && server.name().size() <= sasl::kNameMax);
      want = server.verifier(verifier);
    } else if (want == Want::password) {
      POSTERN_CHECK(!server.name().empty() && !server.password().empty());
      want = server.checked(server.password() == "pencil");
    } else {
      break;
    }
  }
  if (want == Want::failed) POSTERN_CHECK(server.problem() != sasl::ServerExchange::Problem::none);
  // With a proof alone: the fuzzer knows no verifier's key, so SCRAM is never passed but by what a seed holds.
  if (want == Want::done) POSTERN_CHECK(!server.name().empty() && server.password().empty());
  return 0;
}
