// What a server may answer to a hello that was made by hand: the first octet says how the rest is cut. However it is
// cut, the same is read; what is read is within its bounds.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "check/hand.h"

namespace {

using namespace postern::check::hand;

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

struct Read {
  bool failed = false;
  FlightReader reader;
};

Read read(std::string_view input, std::size_t size) {
  Read out;
  RecordReader records;
  while (!input.empty()) {
    std::string_view piece = input.substr(0, size);
    input.remove_prefix(piece.size());
    while (!piece.empty()) {
      const auto taken = records.feed(piece);
      if (!taken) {
        out.failed = true;
        return out;
      }
      must(*taken > 0 && *taken <= piece.size(), "what was taken");
      piece.remove_prefix(*taken);
      if (!records.complete()) continue;
      const Record record = records.take();
      must(record.body.size() <= kRecordMax, "a long record");
      const auto state = out.reader.take(record);
      if (!state) {
        out.failed = true;
        return out;
      }
      if (*state != FlightReader::State::reading) return out;
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Read cut = read(input, std::size_t{1} + data[0]);
  const Read whole = read(input, input.size() + 1);
  const Flight& one = cut.reader.flight();
  const Flight& other = whole.reader.flight();
  must(cut.failed == whole.failed && one.hello == other.hello && one.suite == other.suite &&
           one.certificate == other.certificate && one.group == other.group && one.dh_bits == other.dh_bits,
       "the cut matters");
  must(one.certificate.size() <= kMessageMax, "a long certificate");
  must(one.dh_bits >= 0 && one.dh_bits <= 65535 * 8, "bits");
  static_cast<void>(alert_name(cut.reader.alert()));
  const Ssl2 old = read_ssl2(input);
  for (std::size_t i = 0; i < std::min<std::size_t>(input.size(), 12); ++i) {
    const Ssl2 before = read_ssl2(input.substr(0, i));
    must(before == Ssl2::more || before == old, "an answer of SSL 2.0 that changes");
  }
  return 0;
}
