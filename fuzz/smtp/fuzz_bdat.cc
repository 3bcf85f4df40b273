// BDAT: chunks of any size and split are judged like the whole, and never take an octet too many.
#include <cstdint>
#include <string>

#include "../../tests/unit/smtp/naive_data.h"
#include "base/result.h"
#include "smtp/command.h"

using namespace postern::smtp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view all(reinterpret_cast<const char*>(data), size);
  const auto line = all.substr(0, all.find('\n'));
  const BdatArgument argument = parse_bdat(line);
  if (argument.status == BdatArgument::Status::overflow) POSTERN_CHECK(line.size() >= 20);
  all.remove_prefix(std::min(all.size(), line.size() + 1));
  BodyJudge judge(40);
  std::string seen;
  while (all.size() > 1) {
    const std::uint64_t chunk = static_cast<unsigned char>(all[0]) % 32U;
    const std::size_t split = 1U + static_cast<unsigned char>(all[0]) / 32U;
    all.remove_prefix(1);
    BdatReceiver receiver(chunk);
    std::uint64_t got = 0;
    while (receiver.left() > 0 && !all.empty()) {
      const BodyStep step = receiver.step(all.substr(0, split));
      POSTERN_CHECK(step.bytes.size() == step.consumed && step.consumed <= split);
      POSTERN_CHECK(step.end == (receiver.left() == 0));
      judge.see(step.bytes);
      seen += step.bytes;
      got += step.consumed;
      all.remove_prefix(step.consumed);
    }
    POSTERN_CHECK(got + receiver.left() == chunk);
    POSTERN_CHECK(judge.fault() == test::naive_fault(seen, 40));
  }
  BodyFault expected = test::naive_fault(seen, 40);
  if (expected == BodyFault::none && seen.ends_with('\r')) expected = BodyFault::bare_cr;
  POSTERN_CHECK(judge.finish() == expected);
  if (expected == BodyFault::none) POSTERN_CHECK(judge.ends_with_crlf() == (seen.empty() || seen.ends_with("\r\n")));
  return 0;
}
