// Any challenges of a server to our client's side of AUTH: no server is believed that cannot prove itself.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "sasl/client.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  if (size == 0) return 0;
  const auto mechanism = static_cast<sasl::Mechanism>(data[0] % 3);
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  static_cast<void>(sasl::choose_mechanism(text));
  sasl::ClientExchange client(mechanism, {.name = "user", .password = "pencil"}, "clientnonce");
  POSTERN_CHECK(from_base64(client.initial()).has_value());
  for (const std::string_view line : split(text, '\n')) {
    const std::string challenge = line.starts_with('+') ? to_base64(line.substr(1)) : std::string(line);
    // The iterations are the server's to choose, within a limit: a fuzzer has no time for many
    if (const auto first = sasl::scram::parse_server_first(from_base64(challenge).value_or("")); first) {
      POSTERN_CHECK(first->iterations >= sasl::kIterationsMin && first->iterations <= sasl::kIterationsMax);
      if (first->iterations > 5000) return 0;
    }
    const auto answer = client.respond(challenge);
    if (!answer) break;
    POSTERN_CHECK(from_base64(*answer).has_value());
  }
  if (mechanism == sasl::Mechanism::scram_sha_256) POSTERN_CHECK(!client.finished());
  return 0;
}
