// Any octets as a file of the pickup folder: what is taken is bounded and clean, is written as it was read, and becomes
// an envelope whose addresses are canonical, or a refusal.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "inbound/pickup_file.h"
#include "inbound/pickup_message.h"
#include "message/header_reader.h"

namespace {
using namespace postern;

inbound::Settings make_settings() {
  directory::DomainOptions domain;
  domain.name = "example.org";
  domain.deliver = directory::Transport{};
  domain.mailboxes = {"alice"};
  domain.aliases = {{"team", {"alice", "bob@example.com"}}};
  inbound::Settings settings;
  settings.hostname = "mx.example.org";
  settings.submission.domain = "example.org";
  auto built = directory::Directory::build({domain});
  POSTERN_CHECK(built.has_value());
  settings.directory = *built;
  return settings;
}

void take(const inbound::PickupHead& pickup, std::string_view message) {
  static const inbound::Settings settings = make_settings();
  const inbound::PickupContext context{.settings = settings, .id = Id{}, .now = 1'700'000'000'000, .owner = 1000};
  message::HeaderReader reader;
  inbound::Head head;
  reader.see(message);
  if (!head.add(message, reader.in_header(), 1 << 20)) return;
  const std::string mended = inbound::mend_pickup_header(context, pickup, head, reader.header_octets()).text;
  POSTERN_CHECK(mended.starts_with("Received: by mx.example.org (Postern, from uid 1000)\r\n"));
  const auto envelope = inbound::make_pickup_envelope(context, pickup);
  if (!envelope) return;
  POSTERN_CHECK(!envelope->recipients.empty() && envelope->origin == spool::Origin::local);
  for (const auto& recipient : envelope->recipients)
    POSTERN_CHECK(recipient.forward_path.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto fixed = inbound::parse_pickup_fixed(text.substr(0, inbound::kPickupFixed));
  if (!fixed) return 0;
  const std::string_view rest = text.substr(inbound::kPickupFixed);
  const std::string_view head = rest.substr(0, fixed->head_size);
  fixed->checksum = crc32c(head);  // else the fuzzer would stand before the checksum for ever
  const auto parsed = inbound::parse_pickup_head(*fixed, head);
  if (!parsed) return 0;
  POSTERN_CHECK(!parsed->recipients.empty() && parsed->recipients.size() <= inbound::kPickupRecipientsMax);
  const std::string encoded = inbound::encode_pickup(*parsed);
  const auto again = inbound::parse_pickup_fixed(encoded);
  POSTERN_CHECK(again.has_value());
  const auto same = inbound::parse_pickup_head(*again, std::string_view(encoded).substr(inbound::kPickupFixed));
  POSTERN_CHECK(same.has_value() && *same == *parsed);
  take(*parsed, rest.substr(head.size()));
  return 0;
}
