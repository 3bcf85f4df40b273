#include "dns/name.h"

#include <idn2.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "base/text.h"

namespace postern::dns {

namespace {

struct Idn2Free {
  void operator()(std::uint8_t* p) const { idn2_free(p); }
};

bool is_host_character(char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.'; }

// RFC 5891 5: one label with characters beyond ASCII becomes its A-label. The result has dots where UTS 46 maps other
// full stops to them.
std::optional<std::string> to_a_label(std::string_view label) {
  if (label.size() > kNameMax || !is_utf8(label) || label.contains('\0')) return std::nullopt;
  const std::string text(label);
  std::uint8_t* raw = nullptr;
  const int status =
      idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(text.c_str()), &raw, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<std::uint8_t, Idn2Free> owned(raw);
  if (status != IDN2_OK) return std::nullopt;
  std::string out = reinterpret_cast<const char*>(raw);
  // UTS 46 may map a character to one that no U-label has (U+2100 to "a/c").
  if (!std::ranges::all_of(out, is_host_character)) return std::nullopt;
  return out;
}

}  // namespace

std::optional<Name> Name::parse(std::string_view text) {
  Name name;
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty()) return name;
  if (text.size() > kNameMax) return std::nullopt;
  std::size_t label = 0;
  for (const char c : text) {
    if (c != '.') {
      if (++label > kLabelMax) return std::nullopt;
    } else {
      if (label == 0) return std::nullopt;
      label = 0;
    }
  }
  if (label == 0) return std::nullopt;
  name.text_ = lower(text);
  return name;
}

std::optional<Name> Name::from_unicode(std::string_view text) {
  if (is_ascii(text)) return parse(text);
  // 4 octets of UTF-8 make at least one of an A-label, so that a longer text cannot become a name.
  if (text.size() > 4 * kNameMax) return std::nullopt;
  std::string out;
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    if (is_ascii(label)) {
      out += label;
    } else {
      const auto converted = to_a_label(label);
      if (!converted) return std::nullopt;
      out += *converted;
    }
    if (dot == std::string_view::npos) return parse(out);
    out += '.';
    text.remove_prefix(dot + 1);
  }
}

std::size_t Name::labels() const {
  return text_.empty() ? 0 : static_cast<std::size_t>(std::ranges::count(text_, '.')) + 1;
}

Name Name::suffix(std::size_t count) const {
  Name out;
  if (count == 0) return out;
  std::size_t from = text_.size();
  while (count > 0) {
    const std::size_t dot = from == 0 ? std::string::npos : text_.rfind('.', from - 1);
    if (dot == std::string::npos) return *this;
    from = dot;
    --count;
  }
  out.text_ = text_.substr(from + 1);
  return out;
}

bool Name::is_within(const Name& parent) const {
  if (parent.is_root()) return true;
  if (!text_.ends_with(parent.text_)) return false;
  const std::size_t rest = text_.size() - parent.text_.size();
  return rest == 0 || text_[rest - 1] == '.';
}

std::optional<std::string> Name::unicode() const {
  if (!text_.contains("xn--")) return text_;
  std::uint8_t* raw = nullptr;
  static_assert(sizeof(char) == sizeof(std::uint8_t));
  const int status = idn2_to_unicode_8z8z(text_.c_str(), reinterpret_cast<char**>(&raw), 0);
  const std::unique_ptr<std::uint8_t, Idn2Free> owned(raw);
  if (status != IDN2_OK) return std::nullopt;
  std::string out = reinterpret_cast<const char*>(raw);
  // What reads back as another name was no A-label.
  if (from_unicode(out) != *this) return std::nullopt;
  return out;
}

std::optional<Name> Name::below(std::string_view prefix) const {
  if (is_root()) return parse(prefix);
  if (prefix.size() > kNameMax) return std::nullopt;
  std::string text;
  text.reserve(prefix.size() + 1 + text_.size());
  text += prefix;
  text += '.';
  text += text_;
  return parse(text);
}

}  // namespace postern::dns
