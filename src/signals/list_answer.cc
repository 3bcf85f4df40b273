#include "signals/list_answer.h"

#include <optional>
#include <vector>

#include "base/text.h"

namespace postern::signals {

namespace {

using Octets = std::bitset<256>;

constexpr std::size_t kPatternMax = 200;  // octets; four sets of a dozen ranges fit

std::unexpected<Error> wrong(std::string_view text, std::string_view reason) {
  return fail(ErrorKind::invalid, "answer \"" + printable(text, kPatternMax) + "\": " + std::string(reason) +
                                      "; write one as 127.0.0.2, 127.0.0.[2..11], 127.0.0.[2;4..7], 127.0.0.&8, " +
                                      "127.0.*.1 or 127.0.0.0/24");
}

std::optional<Octets> range_of(std::string_view text) {
  const std::size_t dots = text.find("..");
  const auto first = parse_unsigned(text.substr(0, dots), 255);
  const auto last = dots == std::string_view::npos ? first : parse_unsigned(text.substr(dots + 2), 255);
  if (!first || !last || *first > *last) return std::nullopt;
  Octets out;
  for (std::uint64_t i = *first; i <= *last; ++i) out.set(i);
  return out;
}

std::optional<Octets> octet_of(std::string_view text) {
  if (text == "*") return Octets().set();
  if (text.starts_with('&')) {
    const auto mask = parse_unsigned(text.substr(1), 255);
    if (!mask || *mask == 0) return std::nullopt;
    Octets out;
    for (std::uint64_t i = 0; i < out.size(); ++i)
      if ((i & *mask) != 0) out.set(i);
    return out;
  }
  if (!text.starts_with('[')) return text.contains("..") ? std::nullopt : range_of(text);
  if (!text.ends_with(']')) return std::nullopt;
  Octets out;
  for (const std::string_view part : split(text.substr(1, text.size() - 2), ';')) {
    const auto range = range_of(part);
    if (!range) return std::nullopt;
    out |= *range;
  }
  return out;
}

// The parts between dots that stand in no brackets.
std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> out;
  bool in_set = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '[') in_set = true;
    if (i < text.size() && text[i] == ']') in_set = false;
    if (i < text.size() && (text[i] != '.' || in_set)) continue;
    out.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  return out;
}

}  // namespace

Result<AnswerPattern> AnswerPattern::parse(std::string_view text) {
  if (text.size() > kPatternMax) return wrong(text, "it is too long");
  AnswerPattern out;
  out.text_ = text;
  if (text.contains('/')) {
    const auto prefix = ip::Prefix::parse(text);
    if (!prefix) return wrong(text, prefix.error().what);
    if (!prefix->address().is_v4() || prefix->length() < 8) return wrong(text, "it is no part of 127.0.0.0/8");
    for (std::size_t octet = 0; octet < 4; ++octet) {
      const int fixed = prefix->length() - 8 * static_cast<int>(octet);
      const unsigned rest = fixed >= 8 ? 0 : fixed <= 0 ? 255U : 255U >> static_cast<unsigned>(fixed);
      const unsigned first = prefix->address().v4_octets().at(octet);
      for (unsigned value = first; value <= first + rest; ++value) out.octets_.at(octet).set(value);
    }
  } else {
    const auto parts = parts_of(text);
    if (parts.size() != 4) return wrong(text, "it has not four octets");
    for (std::size_t octet = 0; octet < 4; ++octet) {
      const auto set = octet_of(parts[octet]);
      if (!set) return wrong(text, "\"" + printable(parts[octet], kPatternMax) + "\" is no octet");
      out.octets_.at(octet) = *set;
    }
  }
  if (out.octets_[0] != Octets().set(127)) return wrong(text, "lists answer within 127.0.0.0/8 (RFC 5782 2.1)");
  return out;
}

bool AnswerPattern::matches(const ip::Address& answer) const {
  if (!answer.is_v4()) return false;
  const auto octets = answer.v4_octets();
  for (std::size_t i = 0; i < 4; ++i)
    if (!octets_.at(i).test(octets.at(i))) return false;
  return true;
}

}  // namespace postern::signals
