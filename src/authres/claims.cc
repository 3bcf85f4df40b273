#include <algorithm>
#include <optional>

#include "authres/authres.h"
#include "authres/lexer.h"
#include "base/text.h"
#include "dns/name.h"

namespace postern::authres {
namespace {

constexpr std::string_view kFieldName = "authentication-results";
constexpr std::size_t kNameOctetsMax = 4 * dns::kNameMax;
// Octets in front of the ";" that ends an authserv-id, and words there that have to be converted to A-labels, as far as
// they are looked at: reading them all six ways is slow, and no honest field comes near. Beyond: in doubt, ours.
constexpr std::size_t kHeadMax = 2 * kNameOctetsMax;
constexpr std::size_t kConversionsMax = 4;

bool is_name_octet(char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_wide(char c) { return static_cast<unsigned char>(c) >= 0x80; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

std::string_view body_of(const message::Field& field) {
  if (!field.name.empty()) return field.body;
  return field.raw.substr(field.raw.find(':') + 1);
}

// The octets of `text` that are not in comments; an unclosed one reaches to the end.
std::string without_comments(std::string_view text) {
  std::string out;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool pair = c == '\\' && i + 1 < text.size();
    if (depth == 0 && c == '"') quoted = !quoted;
    if (!quoted && c == '(') ++depth;
    if (depth == 0) {
      out += c;
      if (pair) out += text[i + 1];
    }
    if (!quoted && c == ')' && depth > 0) {
      --depth;
      if (depth == 0) out += ' ';
    }
    if (pair) ++i;
  }
  return out;
}

// How far whoever honours comments, quotes, both or neither reads before the ";" that ends the authserv-id: the
// longest.
struct Head {
  std::string_view text;
  std::size_t end = 0;    // in the body
  bool too_long = false;  // there is no end within kHeadMax
};
Head head_of(std::string_view body) {
  std::size_t start = 0;
  while (start < body.size() && (is_blank(body[start]) || body[start] == ';')) ++start;
  body = body.substr(start, kHeadMax + 1);
  std::size_t longest = 0;
  for (const auto [comments, quotes] : {std::pair{false, false}, {true, false}, {false, true}, {true, true}}) {
    int depth = 0;
    bool quoted = false;
    std::size_t i = 0;
    for (; i < body.size(); ++i) {
      const char c = body[i];
      if (c == '\\' && (quoted || depth > 0)) {
        ++i;
      } else if (quotes && depth == 0 && c == '"') {
        quoted = !quoted;
      } else if (comments && !quoted && c == '(') {
        ++depth;
      } else if (comments && !quoted && c == ')' && depth > 0) {
        --depth;
      } else if (c == ';' && !quoted && depth == 0) {
        break;
      }
    }
    longest = std::max(longest, std::min(i, body.size()));
  }
  return {.text = body.substr(0, longest), .end = start + longest, .too_long = longest > kHeadMax};
}

// The octets that count in a name, lower case, and where something was left out between two of them.
struct Compact {
  std::string text;
  std::vector<char> gap;  // before text[i]; not of bool, whose bits are slow to set
};

// White space, controls, quotes, backslashes and (where `narrow`) octets beyond ASCII are what one reader or another
// skips inside a name. Full-width forms and the full stops that IDNA maps are read as what they look like.
Compact compact(std::string_view text, bool narrow) {
  Compact out;
  out.text.reserve(text.size());
  out.gap.reserve(text.size());
  bool gap = true;
  const auto put = [&out, &gap](char c) {
    out.text += ascii_lower(c);
    out.gap.push_back(gap ? 1 : 0);
    gap = false;
  };
  while (!text.empty()) {
    const char c = text[0];
    const std::size_t length = std::max<std::size_t>(utf8_length(text), 1);
    if (length == 3) {
      const auto code =
          static_cast<std::uint32_t>(((text[0] & 0x0F) << 12) | ((text[1] & 0x3F) << 6) | (text[2] & 0x3F));
      if (code >= 0xFF01 && code <= 0xFF5E) {
        put(static_cast<char>(code - 0xFF01 + '!'));
      } else if (code == 0x3002 || code == 0xFF61 || code == 0x2024 || code == 0xFE52) {
        put('.');
      } else if (!narrow && code != 0x200B && code != 0x200C && code != 0x200D && code != 0x2060 && code != 0xFEFF) {
        for (const char octet : text.substr(0, length)) put(octet);
      } else {
        gap = true;
      }
    } else if (is_blank(c) || is_control(c) || c == '"' || c == '\\' || (is_wide(c) && (narrow || length == 1)) ||
               text.starts_with("\xC2\xAD")) {
      gap = true;
    } else {
      for (const char octet : text.substr(0, length)) put(octet);
    }
    text.remove_prefix(length);
  }
  return out;
}

// Does `id` stand there as a name of its own, not as a part of a longer one?
bool stands_in(const Compact& where, std::string_view id) {
  const auto ends_name = [&where](std::size_t i) {  // does a name that goes on at i end before it?
    return i >= where.text.size() || where.gap[i] != 0 || !is_name_octet(where.text[i]);
  };
  for (std::size_t at = where.text.find(id); at != std::string::npos; at = where.text.find(id, at + 1)) {
    std::size_t end = at + id.size();
    while (end < where.text.size() && where.text[end] == '.' && where.gap[end] == 0) ++end;
    const bool right = ends_name(at + id.size()) || ends_name(end);
    std::size_t begin = at;
    while (begin > 0 && where.gap[begin] == 0 && where.text[begin - 1] == '.') --begin;
    const bool left =
        where.gap[at] != 0 || begin == 0 || where.gap[begin] != 0 || !is_name_octet(where.text[begin - 1]);
    if (left && right) return true;
  }
  return false;
}

// Is one of the names there the same domain, U-labels and A-labels aside? Yes where that is too much to find out.
bool same_domain_stands_in(const Compact& where, const dns::Name& id) {
  const auto dots = static_cast<std::ptrdiff_t>(id.labels()) - 1;
  std::size_t conversions = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= where.text.size(); ++i) {
    const bool inside = i < where.text.size() && (is_name_octet(where.text[i]) || is_wide(where.text[i]));
    if (inside) continue;
    std::string_view word = std::string_view(where.text).substr(start, i - start);
    start = i + 1;
    while (word.starts_with('.')) word.remove_prefix(1);
    while (word.ends_with('.')) word.remove_suffix(1);
    if (word.empty() || word.size() > kNameOctetsMax || is_ascii(word) || std::ranges::count(word, '.') != dots)
      continue;
    if (++conversions > kConversionsMax) return true;
    if (const auto name = dns::Name::from_unicode(word); name && *name == id) return true;
  }
  return false;
}

char hex_digit(char c) { return static_cast<char>(is_digit(c) ? c - '0' : ascii_lower(c) - 'a' + 10); }
bool is_hex(char c) { return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f'); }

// RFC 2047 encoded-words decoded wherever they stand: no authserv-id may be one, but some readers decode first.
std::string decoded_words(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t begin = text.find("=?");
    out += text.substr(0, begin);
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin + 2);
    const std::size_t charset = text.substr(0, 64).find('?');
    if (charset == std::string_view::npos || charset + 2 >= text.size() || text[charset + 2] != '?') continue;
    const char encoding = ascii_lower(text[charset + 1]);
    const std::string_view content = text.substr(charset + 3);
    const std::size_t end = content.find('?');
    if (end == std::string_view::npos) break;
    const std::string_view word = content.substr(0, end);
    if (encoding == 'b') {
      std::string base64(word.substr(0, word.find('=')));
      while (base64.size() % 4 != 0) base64 += '=';
      out += from_base64(base64).value_or("");
    } else {
      for (std::size_t i = 0; i < word.size(); ++i) {
        if (word[i] == '=' && i + 2 < word.size() && is_hex(word[i + 1]) && is_hex(word[i + 2])) {
          out += static_cast<char>(hex_digit(word[i + 1]) * 16 + hex_digit(word[i + 2]));
          i += 2;
        } else {
          out += word[i];
        }
      }
    }
    text = content.substr(std::min(content.size(), end + 2));
  }
  return out;
}

bool names_us(std::string_view head, const std::string& id, const std::optional<dns::Name>& domain) {
  const auto found_in = [&](std::string_view reading) {
    for (const bool narrow : {true, false}) {
      if (!narrow && is_ascii(reading)) break;
      const Compact text = compact(reading, narrow);
      if (stands_in(text, id)) return true;
      // White space, comments and the like inside a name that is otherwise an A-label
      if (domain && domain->text() != id && stands_in(text, domain->text())) return true;
      if (domain && !narrow && same_domain_stands_in(text, *domain)) return true;
    }
    return false;
  };
  return found_in(head) || (head.contains('(') && found_in(without_comments(head)));
}

// 5: "an MTA MUST remove such a header field if the SMTP connection relaying the message is not from a trusted
// internal MTA": one of a version that it does not support.
bool of_another_version(std::string_view body) {
  Lexer lexer(body);
  if (!lexer.skip_cfws() || !lexer.value() || !lexer.skip_cfws() || !is_digit(lexer.peek())) return false;
  return lexer.number().value_or(0) != 1;  // 0: a number over 32 bits
}

}  // namespace

bool is_results_field(const message::Field& field) {
  if (!field.name.empty() && iequals(field.name, kFieldName)) return true;
  std::size_t matched = 0;
  for (const char c : field.raw.substr(0, field.raw.find(':'))) {
    if (is_blank(c) || is_control(c) || is_wide(c)) continue;
    if (matched == kFieldName.size() || ascii_lower(c) != kFieldName[matched]) return false;
    ++matched;
  }
  return matched == kFieldName.size() && field.raw.contains(':');
}

bool claims(const message::Field& field, std::string_view authserv_id) {
  if (!is_results_field(field)) return false;
  const std::string_view body = body_of(field);
  const Head head = head_of(body);
  if (head.too_long || of_another_version(head.text)) return true;

  std::string id = compact(authserv_id, false).text;
  while (id.ends_with('.')) id.pop_back();
  if (id.empty()) return false;
  const auto domain = dns::Name::from_unicode(id);

  if (names_us(head.text, id, domain)) return true;
  // The form of RFC 8617 4.1.1 under the other name: "i=1; authserv-id; ..."
  if (compact(head.text, true).text.starts_with("i=")) {
    const Head second = head_of(body.substr(head.end));
    if (second.too_long || names_us(second.text, id, domain)) return true;
  }
  const std::string_view start = body.substr(static_cast<std::size_t>(head.text.data() - body.data()), kHeadMax);
  if (!start.contains("=?")) return false;
  const std::string decoded = decoded_words(start);
  return names_us(head_of(decoded).text, id, domain);
}

}  // namespace postern::authres
