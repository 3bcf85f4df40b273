// Any octets from Dovecot's side of its authentication protocol, in two pieces: the same end as in one, bounded, and
// never let in without a user's name.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sasl/dovecot.h"

namespace {
using namespace postern;

sasl::DovecotClient run(std::string_view text, std::size_t cut) {
  sasl::DovecotClient client({.mechanism = "LOGIN", .initial = std::nullopt});
  const auto feed = [&client](std::string_view piece) {
    while (!piece.empty()) {
      const std::size_t end = piece.find('\n');
      const std::size_t taken = end == std::string_view::npos ? piece.size() : end + 1;
      client.receive(piece.substr(0, taken));
      piece.remove_prefix(taken);
      if (client.state() == sasl::DovecotClient::State::challenge) client.respond("YQ==");
    }
  };
  feed(text.substr(0, cut));
  feed(text.substr(cut));
  return client;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const sasl::DovecotClient whole = run(text, 0);
  const sasl::DovecotClient cut = run(text, size / 2);
  POSTERN_CHECK(whole.state() == cut.state() && whole.login() == cut.login());
  if (whole.state() == sasl::DovecotClient::State::passed) POSTERN_CHECK(!whole.login().empty());
  if (whole.state() == sasl::DovecotClient::State::broken) POSTERN_CHECK(!whole.problem().empty());
  return 0;
}
