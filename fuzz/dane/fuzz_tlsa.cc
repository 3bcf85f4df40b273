// TLSA sets as they stand in an answer: octet 0 of the input says how validated and complete it is, then records, each
// with its length in one octet. Whatever they are, a decision comes of it that the four rules of RFC 7672 2.2 allow.
#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"
#include "dane/dane.h"
#include "dns/fixture.h"

namespace {
void must(bool condition) {
  if (!condition) std::abort();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  BinaryReader in(std::string_view(reinterpret_cast<const char*>(data), size));
  const std::uint8_t flags = in.u8();
  dns::Answer answer;
  while (in.remaining() > 0 && answer.tlsa.size() < dns::kRecordsMax) {
    const std::size_t length = std::min<std::size_t>(in.u8(), in.remaining());
    const std::string_view rdata = in.bytes(length);
    if (!dns::read_rdata(rdata, 0, rdata.size(), dns::Type::tlsa, answer)) ++answer.dropped;
  }
  answer.status = answer.tlsa.empty() ? dns::Status::nodata : dns::Status::ok;
  if ((flags & 4U) != 0) answer.status = dns::Status::servfail;
  answer.security = (flags & 1U) != 0 ? dns::Security::secure : dns::Security::insecure;
  const bool set = !answer.tlsa.empty() || answer.dropped > 0;
  bool any_usable = false;
  for (const dns::Tlsa& record : answer.tlsa) {
    must(!dane::presentation(record).empty());
    any_usable = any_usable || dane::usable(record);
  }
  const bool temporary = (flags & 4U) != 0;
  const bool secure = (flags & 1U) != 0;
  dns::Zone zone;
  zone.set(*dns::Name::parse("_25._tcp.mx.example"), dns::Type::tlsa, answer);
  dns::FixtureResolver resolver(std::move(zone));
  dns::Budget budget;
  const auto out = run_ready(dane::discover(
      {.host = *dns::Name::parse("mx.example"), .addresses_secure = (flags & 2U) != 0}, resolver, budget));
  dane::Need expected = dane::Need::nothing;
  if ((flags & 2U) != 0) {
    if (temporary)
      expected = dane::Need::refuse;
    else if (secure && set)
      expected = any_usable ? dane::Need::prove : dane::Need::encrypt;
  }
  must(out.need == expected);
  must((out.need == dane::Need::prove) == !out.records.empty());
  return 0;
}
