#include "dmarcrpt/xml.h"

#include <algorithm>

#include "base/text.h"

namespace postern::dmarcrpt {

namespace {

bool is_white(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_white(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_white(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view local(std::string_view name) {
  const auto colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > XmlReader::kNameMax || is_digit(name.front()) || name.front() == '-') return false;
  return std::ranges::all_of(name, [](char c) {
    return is_alpha(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == ':' ||
           static_cast<unsigned char>(c) >= 0x80;
  });
}

std::string utf8_of(std::uint32_t code) {
  std::string out;
  const auto octet = [&out](std::uint32_t value) { out += static_cast<char>(value); };
  if (code < 0x80) {
    octet(code);
  } else if (code < 0x800) {
    octet(0xC0U | (code >> 6U));
    octet(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    octet(0xE0U | (code >> 12U));
    octet(0x80U | ((code >> 6U) & 0x3FU));
    octet(0x80U | (code & 0x3FU));
  } else {
    octet(0xF0U | (code >> 18U));
    octet(0x80U | ((code >> 12U) & 0x3FU));
    octet(0x80U | ((code >> 6U) & 0x3FU));
    octet(0x80U | (code & 0x3FU));
  }
  return out;
}

// Of "amp", "#38" or "#x26"; empty where it is none.
std::string entity(std::string_view name) {
  if (name == "amp") return "&";
  if (name == "lt") return "<";
  if (name == "gt") return ">";
  if (name == "quot") return "\"";
  if (name == "apos") return "'";
  if (name.size() < 2 || name.size() > 9 || name.front() != '#') return {};
  name.remove_prefix(1);
  std::uint32_t code = 0;
  const bool hex = name.front() == 'x';
  if (hex) name.remove_prefix(1);
  if (name.empty()) return {};
  for (const char c : name) {
    std::uint32_t digit = 0;
    if (is_digit(c))
      digit = static_cast<std::uint32_t>(c - '0');
    else if (hex && ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f')
      digit = static_cast<std::uint32_t>(ascii_lower(c) - 'a' + 10);
    else
      return {};
    code = code * (hex ? 16U : 10U) + digit;
    if (code > 0x10FFFF) return {};
  }
  if (code == 0 || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return utf8_of(code);
}

}  // namespace

XmlReader::XmlReader(std::string_view document) : document_(document) {
  if (document_.starts_with("\xEF\xBB\xBF")) at_ = 3;
}

std::unexpected<Error> XmlReader::wrong(std::string what) const {
  return fail(ErrorKind::protocol, "XML at octet " + std::to_string(at_) + ": " + std::move(what));
}

void XmlReader::add(std::string_view octets) {
  if (open_.empty()) return;
  std::string& text = open_.back().text;
  if (text.size() < kTextMax) text += octets.substr(0, kTextMax - text.size());
}

bool XmlReader::skip_past(std::string_view mark) {
  const auto found = document_.find(mark, at_);
  if (found == std::string_view::npos) return false;
  at_ = found + mark.size();
  return true;
}

Result<void> XmlReader::read_text(std::size_t end) {
  while (at_ < end) {
    const auto ampersand = std::min(document_.find('&', at_), end);
    const std::string_view plain = document_.substr(at_, ampersand - at_);
    if (open_.empty() && !trimmed(plain).empty()) return wrong("text outside of any element");
    add(plain);
    at_ = ampersand;
    if (at_ == end) break;
    const auto semicolon = document_.find(';', at_);
    const std::string value = semicolon < end && semicolon - at_ <= 12
                                  ? entity(document_.substr(at_ + 1, semicolon - at_ - 1))
                                  : std::string();
    if (value.empty() || open_.empty()) return wrong("an entity that is not known");
    add(value);
    at_ = semicolon + 1;
  }
  return {};
}

Result<XmlReader::Event> XmlReader::next() {
  if (empty_element_) {
    empty_element_ = false;
    name_ = local(open_.back().name);
    text_.clear();
    open_.pop_back();
    return Event::end;
  }
  for (;;) {
    const auto bracket = std::min(document_.find('<', at_), document_.size());
    POSTERN_TRY_VOID(read_text(bracket));
    const std::string_view rest = document_.substr(at_);
    if (rest.empty()) {
      if (!open_.empty()) return wrong("the document ends within <" + printable(open_.back().name) + ">");
      if (!seen_root_) return wrong("there is no element");
      return Event::finished;
    }
    if (rest.starts_with("<!--")) {
      at_ += 4;
      if (!skip_past("-->")) return wrong("a comment without an end");
    } else if (rest.starts_with("<?")) {
      if (!skip_past("?>")) return wrong("a processing instruction without an end");
    } else if (rest.starts_with("<![CDATA[")) {
      at_ += 9;
      const std::size_t begin = at_;
      if (open_.empty() || !skip_past("]]>")) return wrong("CDATA in a wrong place, or without an end");
      add(document_.substr(begin, at_ - 3 - begin));
    } else if (rest.starts_with("<!")) {
      return wrong("a document type, which reports do not have");
    } else {
      return read_tag();
    }
  }
}

Result<XmlReader::Event> XmlReader::read_tag() {
  // A '>' may stand within an attribute's quotes
  std::size_t end = at_ + 1;
  char quote = '\0';
  for (; end < document_.size(); ++end) {
    const char c = document_[end];
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '>') {
      break;
    } else if (c == '<') {
      return wrong("'<' within a tag");
    }
  }
  if (end >= document_.size()) return wrong("a tag without an end");
  std::string_view tag = document_.substr(at_ + 1, end - at_ - 1);
  if (tag.starts_with('/')) {
    tag = trimmed(tag.substr(1));
    if (open_.empty() || open_.back().name != tag)
      return wrong("</" + printable(tag, 80) + "> ends nothing that is open");
    at_ = end + 1;
    name_ = local(tag);
    text_ = trimmed(open_.back().text);
    open_.pop_back();
    return Event::end;
  }
  empty_element_ = tag.ends_with('/');
  if (empty_element_) tag.remove_suffix(1);
  const auto blank = std::ranges::find_if(tag, is_white);
  const std::string_view name = tag.substr(0, static_cast<std::size_t>(blank - tag.begin()));
  if (!is_name(name)) return wrong("<" + printable(name, 80) + "> is no name");
  if (open_.empty() && seen_root_) return wrong("more than one element at the top");
  if (open_.size() >= kDepthMax) return wrong("nested deeper than " + std::to_string(kDepthMax));
  seen_root_ = true;
  at_ = end + 1;
  open_.push_back({name, {}});
  name_ = local(name);
  return Event::start;
}

}  // namespace postern::dmarcrpt
