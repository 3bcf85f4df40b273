// Any address as one of the Sender Rewriting Scheme: what we make of any sender is his again, and what is good stands
// for an address.
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/text.h"
#include "srs/rewriter.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const srs::Rewriter ours("0123456789abcdef", "example.org");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto mailbox = smtp::parse_mailbox(text, true);
  if (!mailbox) return 0;
  constexpr WallMs kNow = 1'795'000'000'000;
  // A fuzzer may learn the hash of what it had made here; a good address stands for one that can be written to
  if (const srs::Reversed known = ours.reverse(*mailbox, kNow); known.state == srs::State::good)
    POSTERN_CHECK(smtp::parse_mailbox(known.sender.text(), true).has_value());
  const std::string made = ours.forward(*mailbox, kNow);
  if (made == mailbox->text()) return 0;  // too long
  const auto back = smtp::parse_mailbox(made, true);
  POSTERN_CHECK(back.has_value());
  const srs::Reversed reversed = ours.reverse(*back, kNow);
  POSTERN_CHECK(reversed.state != srs::State::expired);
  if (mailbox->domain.empty()) return 0;  // <postmaster>
  POSTERN_CHECK(reversed.state == srs::State::good);
  if (back->local.starts_with("SRS1=")) return 0;  // it goes back to the hop before
  POSTERN_CHECK(reversed.sender == *mailbox);
  POSTERN_CHECK(ours.reverse(*back, kNow + 22LL * 86'400'000).state == srs::State::expired);
  return 0;
}
