// A reply as the wire brings it: nothing is read beyond it, nothing grows past the bounds of an Answer, and a name that
// was read is a Name that writes and reads as itself.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "dns/wire.h"

using namespace postern;
using namespace postern::dns;

namespace {

constexpr std::array kTypes{Type::a,   Type::ns,    Type::cname,  Type::ptr,        Type::mx,
                            Type::txt, Type::aaaa,  Type::tlsa,   Type::soa,        Type::srv,
                            Type::ds,  Type::rrsig, Type::dnskey, Type::nsec3param, Type::caa};

void check_name(const Name& name) {
  POSTERN_CHECK(Name::parse(name.text()) == name);
  std::string wire;
  append_name(wire, name);
  POSTERN_CHECK(wire.size() <= 255);
  const auto again = read_name(wire, 0);
  POSTERN_CHECK(again && again->name == name && again->end == wire.size());
}

void check_answer(const Answer& answer, Type type) {
  const std::size_t count = answer.addresses.size() + answer.texts.size() + answer.mx.size() + answer.names.size() +
                            answer.tlsa.size() + answer.rdata.size();
  POSTERN_CHECK((count > 0) == (answer.status == Status::ok));
  POSTERN_CHECK(count <= kRecordsMax);
  POSTERN_CHECK(answer.security == Security::insecure);
  std::size_t octets = 0;
  for (const auto& text : answer.texts) octets += text.size();
  for (const auto& tlsa : answer.tlsa) {
    POSTERN_CHECK(!tlsa.data.empty());
    octets += tlsa.data.size();
  }
  POSTERN_CHECK(octets <= kAnswerOctetsMax);
  if (type == Type::a) {
    for (const auto& address : answer.addresses) POSTERN_CHECK(address.is_v4());
  }
  check_name(answer.canonical);
  for (const auto& name : answer.names) check_name(name);
  for (const auto& mx : answer.mx) check_name(mx.host);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view packet(reinterpret_cast<const char*>(data), size);
  const auto question = size > 12 ? read_name(packet, 12) : std::nullopt;
  const Name asked = question && question->name ? *question->name : *Name::parse("a.test");
  for (const Type type : kTypes) {
    if (const auto reply = parse_reply(packet, asked, type)) check_answer(reply->answer, type);
    Answer answer;
    if (read_rdata(packet, 0, size, type, answer)) {
      answer.status = Status::ok;
      check_answer(answer, type);
    }
  }
  const std::string query = query_packet(7, asked, Type::mx);
  const auto echoed = read_name(query, 12);
  POSTERN_CHECK(echoed && echoed->name == asked);
  return 0;
}
