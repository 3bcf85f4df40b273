// A packet of an authoritative server: nothing is read beyond it, its records are bounded and stand alone, and the
// readers of rarer records take any octets.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "dns/packet.h"
#include "dns/records.h"
#include "dns/wire.h"

using namespace postern;
using namespace postern::dns;

namespace {

void check(const std::vector<Record>& section) {
  for (const Record& record : section) {
    POSTERN_CHECK(Name::parse(record.owner.text()) == record.owner);
    POSTERN_CHECK(record.ttl <= 0x7FFFFFFFU);
    const auto type = static_cast<Type>(record.type);
    const Answer answer = records_of(section, record.owner, type);
    POSTERN_CHECK(answer.security == Security::insecure);
    for (const auto& rdata : answer.rdata) POSTERN_CHECK(is_well_formed(type, rdata));
    // What was read once reads the same when it stands alone.
    const auto again = plain_rdata(record.rdata, 0, record.rdata.size(), record.type);
    POSTERN_CHECK(again && *again == record.rdata);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view packet(reinterpret_cast<const char*>(data), size);
  (void)parse_soa(packet);
  (void)parse_srv(packet);
  (void)parse_ds(packet);
  (void)parse_dnskey(packet);
  (void)parse_rrsig(packet);
  (void)parse_nsec3param(packet);
  (void)parse_caa(packet);
  const auto question = size > 12 ? read_name(packet, 12) : std::nullopt;
  if (!question || !question->name || size < question->end + 4) return 0;
  const auto id = static_cast<std::uint16_t>((data[0] << 8U) | data[1]);
  const auto type = static_cast<Type>((data[question->end] << 8U) | data[question->end + 1]);
  const auto read = parse_packet(packet, id, *question->name, type);
  if (!read) return 0;
  POSTERN_CHECK(read->answer.size() + read->authority.size() + read->additional.size() <= kPacketRecordsMax);
  check(read->answer);
  check(read->authority);
  check(read->additional);
  return 0;
}
