#include "config/keys.h"

#include <algorithm>

#include "base/text.h"

namespace postern::config {

std::array<std::span<const Key>, 11> key_tables() {
  return {general_keys(), outbound_keys(), outbound_tls_keys(), number_keys(), authentication_keys(), policy_keys(),
          list_keys(),    signing_keys(),  defence_keys(),      web_keys(),    submission_keys()};
}

std::vector<const Key*> keys_of(std::string_view section) {
  std::vector<const Key*> out;
  for (const std::span<const Key> table : key_tables()) {
    for (const Key& key : table) {
      if (key.section == section) out.push_back(&key);
    }
  }
  return out;
}

std::string full_name(const Key& key) {
  std::string out(key.section);
  if (!out.empty()) out += '.';
  return out += key.name;
}

std::string show_number(Unit unit, std::uint64_t value) {
  if (unit == Unit::bytes) return human_bytes(value);
  if (unit == Unit::milliseconds) return human_duration(static_cast<std::int64_t>(value));
  return std::to_string(value);
}

std::string range_text(const Key& key) {
  return show_number(key.unit, key.min) + " to " + show_number(key.unit, key.max);
}

namespace {

std::uint64_t number(const Reader& reader, std::string_view section, std::string_view name) {
  for (const Key* key : keys_of(section)) {
    if (key->name == name) return key->get(reader.config);
  }
  check_failed("a key that is compared is in the table", __FILE__, __LINE__);
}

// Reported at whichever of the two was written, the first before the second.
void at_most(Reader& reader, std::string_view section, std::string_view small, std::string_view large,
             std::string_view why) {
  const std::string small_key = std::string(section) + "." + std::string(small);
  const std::string large_key = std::string(section) + "." + std::string(large);
  const auto small_at = reader.places.find(small_key);
  const auto large_at = reader.places.find(large_key);
  if (small_at == reader.places.end() && large_at == reader.places.end()) return;  // defaults fit each other
  const std::uint64_t limit = number(reader, section, large);
  if (limit == 0 || number(reader, section, small) <= limit) return;  // 0 is worked out at start
  const Place place = small_at != reader.places.end() ? small_at->second : large_at->second;
  reader.problem_at(small_key, place, "is larger than " + large_key + "; " + std::string(why));
}

}  // namespace

void check_together(Reader& reader) {
  fill_in_users(reader);
  check_policy(reader);
  check_outbound(reader);
  check_signing(reader);
  check_web(reader);
  at_most(reader, "queue", "retry_first", "retry_max",
          "the wait between attempts starts at the one and ends at the other");
  at_most(reader, "queue", "retry_max", "expire_after", "mail would expire before it is tried again");
  at_most(reader, "queue", "destination_concurrency", "concurrency",
          "one destination cannot have more attempts than all");
  at_most(reader, "records", "rotate_bytes", "max_bytes", "records would be deleted before they are rotated");
  at_most(reader, "spool", "segment_bytes", "max_bytes", "the first segment alone would fill the spool");
  at_most(reader, "defence.greylist", "delay", "window", "a retry would come too late before it may come");
  if (reader.config.dns.recurse && !reader.config.dns.servers.empty()) {
    reader.problem_at(
        "dns.recurse", reader.places.at("dns.recurse"),
        "cannot go together with dns.server: either resolvers are asked or the authoritative servers; take "
        "one of the two out");
  }
  if (reader.config.inbound.sessions.bytes_in_flight < reader.config.inbound.limits.message_size) {
    const auto small = reader.places.find("limits.message_size");
    const auto large = reader.places.find("limits.bytes_in_flight");
    const Place place = small != reader.places.end()   ? small->second
                        : large != reader.places.end() ? large->second
                                                       : Place{};
    reader.problem_at("limits.message_size", place,
                      "is larger than limits.bytes_in_flight, so that no message of that size could come in; raise the "
                      "other or lower this");
  }
}

}  // namespace postern::config
