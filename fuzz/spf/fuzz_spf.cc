// The whole of check_host(): client, sender, HELO and zone mutated together. The input is lines: flags and the client;
// the sender; the HELO; then the zone, a line for each record or failure:
//   OWNER T text    OWNER A 192.0.2.1    OWNER M host    OWNER P host    OWNER C host    OWNER ! n (a failure)
// with octets as they are. It ends, keeps every limit, says the same when it runs again, and shows nothing that is not
// printable.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "dns/fixture.h"
#include "spf/evaluate.h"

using namespace postern;
using namespace postern::spf;

namespace {

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

void add_record(dns::Zone& zone, std::map<std::pair<dns::Name, dns::Type>, dns::Answer>& answers,
                std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || line.size() < space + 3) return;
  const auto owner = dns::Name::parse(line.substr(0, space));
  if (!owner) return;
  const char type = line[space + 1];
  const std::string_view value = line.substr(space + 3);
  const auto answer = [&](dns::Type of) -> dns::Answer& {
    dns::Answer& found = answers[{*owner, of}];
    found.status = dns::Status::ok;
    return found;
  };
  const auto host = dns::Name::parse(value);
  const auto address = ip::Address::parse(value);
  if (type == 'T') {
    answer(dns::Type::txt).texts.emplace_back(value);
  } else if (type == 'A' && address) {
    answer(address->is_v4() ? dns::Type::a : dns::Type::aaaa).addresses.push_back(*address);
  } else if (type == 'M' && host) {
    answer(dns::Type::mx).mx.push_back({0, *host});
  } else if (type == 'P' && host) {
    answer(dns::Type::ptr).names.push_back(*host);
  } else if (type == 'C' && host) {
    answer(dns::Type::cname).names.assign(1, *host);
  } else if (type == '!' && !value.empty()) {
    zone.set_all(*owner, static_cast<dns::Status>(3 + static_cast<unsigned char>(value[0]) % 7));
  }
}

Evaluation run(const Query& query, const dns::Zone& zone, std::uint32_t lookups, std::uint32_t& asked) {
  dns::FixtureResolver resolver(zone);
  dns::Budget budget(lookups);
  auto task = check(query, resolver, budget);
  task.start();
  POSTERN_CHECK(task.done());
  asked = budget.asked();
  return task.take();
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
}

void check_consistent(const Evaluation& got) {
  const bool error = got.outcome == Outcome::temperror || got.outcome == Outcome::permerror;
  POSTERN_CHECK(error != got.problem.empty());
  POSTERN_CHECK(got.outcome == Outcome::fail || got.explanation.empty());
  POSTERN_CHECK(got.explanation.size() <= kExplanationMax);
  POSTERN_CHECK(is_printable(got.explanation) && is_printable(got.problem) && is_printable(got.mechanism) &&
                is_printable(got.record));
  POSTERN_CHECK(got.lookups <= kTermsMax);
  // An include or redirect that finds no record ends the check, so that its void comes on top of the others.
  POSTERN_CHECK(got.void_lookups <= kVoidMax + 1);
  POSTERN_CHECK(got.void_lookups <= kVoidMax || got.outcome == Outcome::permerror);
  POSTERN_CHECK(got.trace.size() <= Evaluation::kTraceMax);
  std::uint32_t before = 0;
  for (const Step& step : got.trace) {
    POSTERN_CHECK(is_printable(step.term) && !step.result.empty());
    POSTERN_CHECK(step.depth <= kTermsMax && step.lookups <= got.lookups);
    if (&step != &got.trace.back()) {
      POSTERN_CHECK(step.lookups >= before);
    }
    before = step.lookups;
  }
  if (got.outcome == Outcome::none) POSTERN_CHECK(got.trace.empty() && got.record.empty());
  if (!error && got.outcome != Outcome::none) {
    POSTERN_CHECK(!got.mechanism.empty() && !got.mechanism_domain.empty() && !got.record.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view first = take_line(text);
  Query query;
  const unsigned flags = first.empty() ? 0 : static_cast<unsigned char>(first[0]);
  query.client = ip::Address::parse(first.substr(std::min<std::size_t>(1, first.size())))
                     .value_or(ip::Address::v4({192, 0, 2, 1}));
  query.identity = (flags & 1U) != 0 ? Identity::helo : Identity::mail_from;
  query.mail_from = take_line(text);
  query.helo = take_line(text);
  query.receiver = (flags & 2U) != 0 ? "mx.receiver.example" : "";
  query.now = 1'800'000'000'000;

  dns::Zone zone;
  std::map<std::pair<dns::Name, dns::Type>, dns::Answer> answers;
  while (!text.empty()) add_record(zone, answers, take_line(text));
  for (auto& [key, answer] : answers) zone.set(key.first, key.second, std::move(answer));

  const std::uint32_t lookups = (flags & 4U) != 0 ? (flags >> 3U) : dns::Budget::kLookups;
  std::uint32_t asked = 0;
  std::uint32_t asked_again = 0;
  const Evaluation got = run(query, zone, lookups, asked);
  POSTERN_CHECK(asked <= kLookupsMax && asked <= lookups);
  check_consistent(got);
  const Evaluation again = run(query, zone, lookups, asked_again);
  POSTERN_CHECK(asked == asked_again && got.outcome == again.outcome && got.explanation == again.explanation &&
                got.problem == again.problem && got.trace.size() == again.trace.size());

  const std::string field = received_spf(query, got, "mx.receiver.example");
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\r') {
      POSTERN_CHECK(field.substr(i, 3) == "\r\n\t");
      i += 2;
    } else {
      POSTERN_CHECK(field[i] >= 0x20 && field[i] < 0x7F);
    }
  }
  return 0;
}
