#include "dkim/tag_list.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/text.h"

namespace postern::dkim {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trim_space(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// 3.2: tag-name = ALPHA *ALNUMPUNC
bool is_tag_name(std::string_view name) {
  const auto fits = [](char c) { return is_alpha(c) || is_digit(c) || c == '_'; };
  return !name.empty() && is_alpha(name.front()) && std::ranges::all_of(name, fits);
}

// 3.2: VALCHAR and white space, and the octets beyond ASCII that its note and RFC 8616 5 let in.
constexpr std::array<bool, 256> kValueOctets = [] {
  std::array<bool, 256> table{};
  for (std::size_t octet = 0x21; octet < table.size(); ++octet) table[octet] = octet != 0x7F;
  for (const char c : kSpace) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool is_tag_value(std::string_view value) {
  bool fits = true;
  for (const char c : value) fits = fits && kValueOctets[static_cast<unsigned char>(c)];
  return fits;
}

std::unexpected<Error> bad(std::string_view what, std::string_view where) {
  return fail(ErrorKind::invalid, std::string(what) + " \"" + printable(where, 40) + "\"");
}

constexpr std::int8_t kNoDigit = -1, kSkip = -2, kPad = -3;

constexpr std::array<std::int8_t, 256> kBase64 = [] {
  std::array<std::int8_t, 256> table{};
  table.fill(kNoDigit);
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < digits.size(); ++i) {
    table[static_cast<unsigned char>(digits[i])] = static_cast<std::int8_t>(i);
  }
  for (const char c : kSpace) table[static_cast<unsigned char>(c)] = kSkip;
  table['='] = kPad;
  return table;
}();

}  // namespace

Result<TagList> TagList::parse(std::string_view text) {
  TagList list;
  list.tags_.reserve(16);
  std::size_t at = 0;
  while (true) {
    const std::size_t end = std::min(text.find(';', at), text.size());
    const bool last = end == text.size();
    const std::string_view spec = text.substr(at, end - at);
    const std::string_view dense = trim_space(spec);
    if (dense.empty()) {
      // 3.2: one ";" may end the list; a list has at least one tag
      if (last && !list.tags_.empty()) return list;
      return bad("a tag is missing in", text);
    }
    const std::size_t equals = spec.find('=');
    if (equals == std::string_view::npos) return bad("a tag without \"=\":", dense);
    const Tag tag{.name = trim_space(spec.substr(0, equals)),
                  .value = trim_space(spec.substr(equals + 1)),
                  .value_offset = at + equals + 1,
                  .value_length = spec.size() - equals - 1};
    if (!is_tag_name(tag.name)) return bad("not the name of a tag:", tag.name);
    if (!is_tag_value(tag.value)) return bad("control characters in the tag", tag.name);
    // 3.2: a tag that occurs twice makes the whole list invalid
    if (list.find(tag.name) != nullptr) return bad("two tags", tag.name);
    if (list.tags_.size() == kTagsMax) {
      return fail(ErrorKind::invalid, "more than " + std::to_string(kTagsMax) + " tags");
    }
    list.tags_.push_back(tag);
    if (last) return list;
    at = end + 1;
  }
}

const Tag* TagList::find(std::string_view name) const {
  // Few and short: the first letter tells most apart.
  for (const Tag& tag : tags_) {
    if (!name.empty() && tag.name.front() == name.front() && tag.name == name) return &tag;
  }
  return nullptr;
}

std::optional<std::string_view> TagList::get(std::string_view name) const {
  const Tag* const tag = find(name);
  if (tag == nullptr) return std::nullopt;
  return tag->value;
}

std::vector<std::string_view> colon_list(std::string_view value) {
  std::vector<std::string_view> items;
  items.reserve(static_cast<std::size_t>(std::ranges::count(value, ':')) + 1);
  std::size_t at = 0;
  while (true) {
    const std::size_t end = std::min(value.find(':', at), value.size());
    items.push_back(trim_space(value.substr(at, end - at)));
    if (end == value.size()) return items;
    at = end + 1;
  }
}

std::optional<std::string> decode_base64_fws(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  std::size_t digits = 0;
  std::size_t pads = 0;
  for (const char c : text) {
    const std::int8_t digit = kBase64[static_cast<unsigned char>(c)];
    if (digit == kSkip) continue;
    if (digit == kNoDigit) return std::nullopt;
    if (digit == kPad) {
      if (++pads > 2) return std::nullopt;
      continue;
    }
    if (pads > 0) return std::nullopt;  // nothing follows padding
    bits = (bits << 6U) | static_cast<std::uint32_t>(digit);
    if (++digits % 4 == 0) {
      out.push_back(static_cast<char>((bits >> 16U) & 0xFFU));
      out.push_back(static_cast<char>((bits >> 8U) & 0xFFU));
      out.push_back(static_cast<char>(bits & 0xFFU));
      bits = 0;
    }
  }
  const std::size_t rest = digits % 4;
  // 2.10 leaves padding optional; where there is some, it must be the right number.
  if (rest == 1 || (pads > 0 && rest + pads != 4)) return std::nullopt;
  if (rest >= 2) out.push_back(static_cast<char>((bits >> (rest == 2 ? 4U : 10U)) & 0xFFU));
  if (rest == 3) out.push_back(static_cast<char>((bits >> 2U) & 0xFFU));
  return out;
}

}  // namespace postern::dkim
