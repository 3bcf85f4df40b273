#include "spf/macro.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "dns/name.h"

namespace postern::spf {

namespace {

constexpr std::string_view kBadOctet = "an octet that is not printable US-ASCII";
constexpr std::string_view kBadPercent = "a % that is not followed by {, %, - or _ (RFC 7208 7.3)";
constexpr std::string_view kBadMacro = "a macro that is not of the form %{letter digits r delimiters}";
constexpr std::string_view kBadLetter = "a macro letter that does not exist";
constexpr std::string_view kOnlyInExplanation = "the macros c, r and t stand only in explanations (RFC 7208 7.2)";
constexpr std::string_view kZeroDigits = "a macro that keeps zero parts";
constexpr std::string_view kEmptyDomain = "the domain is empty";
constexpr std::string_view kNoTopLabel = "the domain ends neither in a macro nor in a dot and a top-level label";
constexpr std::string_view kNumericTopLabel =
    "the top-level label is numeric; an address is written as ip4: or ip6: and no domain";

constexpr std::string_view kDelimiters = ".-+,/_=";
constexpr std::string_view kUnknown = "unknown";

// The parts of "%{" ... "}".
struct Macro {
  char letter = 0;  // lower case
  bool escape = false;
  bool reverse = false;
  std::size_t keep = 0;  // parts from the right; 0: all
  std::string_view delimiters;
};

// `text` begins after "%{"; what was read is taken off it, with the brace.
std::expected<Macro, std::string_view> take_macro(std::string_view& text, MacroLetters letters) {
  if (text.empty()) return std::unexpected(kBadMacro);
  Macro macro;
  macro.letter = ascii_lower(text.front());
  macro.escape = macro.letter != text.front();
  if (std::string_view("slodiphvcrt").find(macro.letter) == std::string_view::npos) return std::unexpected(kBadLetter);
  if (letters == MacroLetters::term && std::string_view("crt").contains(macro.letter)) {
    return std::unexpected(kOnlyInExplanation);
  }
  text.remove_prefix(1);
  bool digits = false;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
    digits = true;
    // No name has more parts than it has octets: what goes beyond means all of them.
    constexpr std::size_t kEnough = 1'000'000;
    macro.keep = std::min(kEnough, macro.keep * 10 + static_cast<std::size_t>(text.front() - '0'));
  }
  if (digits && macro.keep == 0) return std::unexpected(kZeroDigits);  // 7.3: the value MUST be nonzero
  if (!text.empty() && ascii_lower(text.front()) == 'r') {
    macro.reverse = true;
    text.remove_prefix(1);
  }
  const std::size_t end = std::min(text.find_first_not_of(kDelimiters), text.size());
  macro.delimiters = text.substr(0, end);
  text.remove_prefix(end);
  if (text.empty() || text.front() != '}') return std::unexpected(kBadMacro);
  text.remove_prefix(1);
  return macro;
}

// One "%..." at the front of `text`, checked; `use` is told.
std::string_view check_percent(std::string_view& text, MacroLetters letters, MacroUse& use) {
  use.any = true;
  const char next = text.size() > 1 ? text[1] : '\0';
  if (next == '%' || next == '_' || next == '-') {
    text.remove_prefix(2);
    return {};
  }
  if (next != '{') return kBadPercent;
  text.remove_prefix(2);
  const auto macro = take_macro(text, letters);
  if (!macro) return macro.error();
  use.local_part |= macro->letter == 's' || macro->letter == 'l';
  use.helo |= macro->letter == 'h';
  use.validated_name |= macro->letter == 'p';
  use.address |= macro->letter == 'i';
  return {};
}

// 7.1: toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum )
std::string_view check_top_label(std::string_view label) {
  bool digits_only = true;
  for (const char c : label) {
    if (!is_alpha(c) && !is_digit(c) && c != '-') return kNoTopLabel;
    digits_only = digits_only && is_digit(c);
  }
  if (label.empty() || label.front() == '-' || label.back() == '-') return kNoTopLabel;
  return digits_only ? kNumericTopLabel : std::string_view();
}

bool is_unreserved(char c) {  // RFC 3986 2.3
  return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

void append_escaped(std::string& out, std::string_view value) {
  constexpr std::string_view kHexUpper = "0123456789ABCDEF";
  for (const char c : value) {
    if (is_unreserved(c)) {
      out += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out += '%';
    out += kHexUpper[octet >> 4U];
    out += kHexUpper[octet & 0x0FU];
  }
}

// 7.3: for IPv6 the nibbles with dots between; upper case, as the public test suite has them.
std::string dotted(const ip::Address& client) {
  if (client.is_v4()) return client.text();
  constexpr std::string_view kHexUpper = "0123456789ABCDEF";
  std::string out;
  out.reserve(63);
  for (const std::uint8_t octet : client.octets()) {
    if (!out.empty()) out += '.';
    out += kHexUpper[octet >> 4U];
    out += '.';
    out += kHexUpper[octet & 0x0FU];
  }
  return out;
}

std::string readable(const ip::Address& client) {
  return client.is_v4() ? client.text() : ip::Address::v6(client.octets()).text();  // no scope
}

// 7.3: split, reversed, the right-hand parts joined with dots. Empty parts stay.
void append_transformed(std::string& out, std::string_view value, const Macro& macro) {
  const std::string_view delimiters = macro.delimiters.empty() ? "." : macro.delimiters;
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = value.find_first_of(delimiters);
    parts.push_back(value.substr(0, end));
    if (end == std::string_view::npos) break;
    value.remove_prefix(end + 1);
  }
  if (macro.reverse) std::ranges::reverse(parts);
  const std::size_t first = macro.keep == 0 || macro.keep >= parts.size() ? 0 : parts.size() - macro.keep;
  for (std::size_t i = first; i < parts.size(); ++i) {
    if (i > first) out += '.';
    out += parts[i];
  }
}

void append_value(std::string& out, const Macro& macro, const MacroValues& values) {
  std::string made;  // where the value is not there as text
  std::string_view value;
  switch (macro.letter) {
    case 's':
      value = values.sender;
      break;
    case 'l':
      value = values.local_part;
      break;
    case 'o':
      value = values.sender_domain;
      break;
    case 'd':
      value = values.domain;
      break;
    case 'h':
      value = values.helo;
      break;
    case 'p':
      value = values.validated_name.empty() ? kUnknown : values.validated_name;
      break;
    case 'r':
      value = values.receiver.empty() ? kUnknown : values.receiver;
      break;
    case 'v':
      value = values.client.is_v4() ? "in-addr" : "ip6";
      break;
    case 'i':
      made = dotted(values.client);
      value = made;
      break;
    case 'c':
      made = readable(values.client);
      value = made;
      break;
    default:  // 't'; the check lets nothing else through
      made = std::to_string(values.now / 1000);
      value = made;
      break;
  }
  std::string transformed;
  if (macro.keep != 0 || macro.reverse || !macro.delimiters.empty()) {
    append_transformed(transformed, value, macro);
    value = transformed;
  }
  if (macro.escape) {
    append_escaped(out, value);
  } else {
    out += value;
  }
}

// What `text`, checked, begins with: literal characters up to the next '%', or one macro.
std::string_view take_piece(std::string_view& text) {
  std::size_t end = 0;
  if (text.front() != '%') {
    end = text.find('%');
  } else {
    end = text.starts_with("%{") ? text.find('}') : 1;
    if (end != std::string_view::npos) ++end;
  }
  const std::string_view piece = text.substr(0, end);
  text.remove_prefix(piece.size());
  return piece;
}

void append_piece(std::string& out, std::string_view piece, const MacroValues& values) {
  if (piece.front() != '%') {
    out += piece;
  } else if (piece == "%%") {
    out += '%';
  } else if (piece == "%_") {
    out += ' ';
  } else if (piece == "%-") {
    out += "%20";
  } else if (piece.starts_with("%{")) {
    piece.remove_prefix(2);
    if (const auto macro = take_macro(piece, MacroLetters::all)) append_value(out, *macro, values);
  }
}

// 7.3: labels are taken off the left until the rest fits. A final dot says only that the name is whole (4.8).
std::optional<std::string_view> fit(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  while (name.size() > dns::kNameMax) {
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    name.remove_prefix(dot + 1);
  }
  if (name.empty()) return std::nullopt;
  return name;
}

}  // namespace

std::expected<MacroUse, std::string_view> check_macro_string(std::string_view text, MacroLetters letters, bool spaces) {
  MacroUse use;
  while (!text.empty()) {
    const char c = text.front();
    if (c == '%') {
      const std::string_view why = check_percent(text, letters, use);
      if (!why.empty()) return std::unexpected(why);
      continue;
    }
    if (!(c > 0x20 && c < 0x7F) && !(c == ' ' && spaces)) return std::unexpected(kBadOctet);
    text.remove_prefix(1);
  }
  return use;
}

std::expected<MacroUse, std::string_view> check_domain_spec(std::string_view text) {
  if (text.empty()) return std::unexpected(kEmptyDomain);
  MacroUse use;
  std::string_view literal = text;  // what stands after the last macro
  while (!text.empty()) {
    const char c = text.front();
    if (c == '%') {
      const std::string_view why = check_percent(text, MacroLetters::term, use);
      if (!why.empty()) return std::unexpected(why);
      literal = text;
      continue;
    }
    if (!(c > 0x20 && c < 0x7F)) return std::unexpected(kBadOctet);
    text.remove_prefix(1);
  }
  if (literal.empty()) return use;
  // domain-end = ( "." toplabel [ "." ] ); the dot is a literal one
  if (literal.ends_with('.')) literal.remove_suffix(1);
  const std::size_t dot = literal.rfind('.');
  if (dot == std::string_view::npos) return std::unexpected(kNoTopLabel);
  const std::string_view why = check_top_label(literal.substr(dot + 1));
  if (!why.empty()) return std::unexpected(why);
  return use;
}

std::optional<std::string> expand_domain(std::string_view text, const MacroUse& use, const MacroValues& values) {
  if (!use.any) {
    const auto name = fit(text);
    return name ? std::optional<std::string>(*name) : std::nullopt;
  }
  std::size_t pieces = 0;
  for (std::string_view rest = text; !rest.empty(); ++pieces) take_piece(rest);
  // Only the end of a long expansion stays (7.3), so that only its end is made.
  const bool cut = pieces > kPiecesMax;
  for (; pieces > kPiecesMax; --pieces) take_piece(text);
  std::string out;
  while (!text.empty()) append_piece(out, take_piece(text), values);
  if (cut && out.size() <= dns::kNameMax + 1) return std::nullopt;
  const auto name = fit(out);
  return name ? std::optional<std::string>(*name) : std::nullopt;
}

std::string expand_text(std::string_view text, const MacroValues& values, std::size_t max) {
  std::string out;
  for (std::size_t pieces = 0; !text.empty() && out.size() < max && pieces < kPiecesMax; ++pieces) {
    append_piece(out, take_piece(text), values);
  }
  if (out.size() > max) out.resize(max);
  return out;
}

}  // namespace postern::spf
