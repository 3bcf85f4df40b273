// Lists: a pattern of answers (the first line) either is refused with a remedy or matches what it says; and whatever a
// list answers (four octets each, behind the line), it lists, or it does not, or it does not answer us.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "signals/lists.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(text.find('\n'), text.size());
  const std::string_view pattern_text = text.substr(0, line);
  std::string_view rest = text.substr(std::min(line + 1, text.size()));

  const auto pattern = signals::AnswerPattern::parse(pattern_text);
  if (!pattern) {
    POSTERN_CHECK(pattern.error().what.contains("write one as"));
    POSTERN_CHECK(std::ranges::all_of(pattern.error().what, [](char c) { return c >= 0x20 && c < 0x7F; }));
  }
  signals::ListOptions options;
  options.name = "fuzz";
  options.zone = "list.example";
  options.answers.push_back({std::string(pattern_text), 7});
  const auto lists = signals::Lists::compile({options});
  POSTERN_CHECK(lists.has_value() == pattern.has_value());
  if (!lists) return 0;

  dns::Answer answer;
  answer.status = dns::Status::ok;
  bool matches = false;
  bool within = true;
  for (; rest.size() >= 4 && answer.addresses.size() < dns::kRecordsMax; rest.remove_prefix(4)) {
    const auto octet = [rest](std::size_t i) { return static_cast<std::uint8_t>(rest[i]); };
    const ip::Address said = ip::Address::v4({octet(0), octet(1), octet(2), octet(3)});
    answer.addresses.push_back(said);
    matches = matches || pattern->matches(said);
    within = within && octet(0) == 127 && !(octet(1) == 255 && octet(2) == 255);
    if (octet(0) != 127) POSTERN_CHECK(!pattern->matches(said));
  }
  signals::ListVerdicts verdicts;
  verdicts.lists.resize(1);
  signals::ListVerdict& verdict = verdicts.lists[0];
  lists->judge(0, answer, verdict);
  POSTERN_CHECK(verdict.answered != !verdict.problem.empty());
  POSTERN_CHECK(!verdict.listed || (matches && within));
  POSTERN_CHECK(!verdict.answered || verdict.listed == matches);
  POSTERN_CHECK(within || !verdict.answered);
  POSTERN_CHECK(verdict.said.size() <= signals::ListVerdict::kSaidMax);
  POSTERN_CHECK(lists->score(verdicts) == (verdict.listed ? 7 : 0));
  POSTERN_CHECK((verdicts.listed() & ~verdicts.answered()) == 0);
  return 0;
}
