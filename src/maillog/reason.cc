#include "maillog/reason.h"

#include <algorithm>

#include "base/text.h"
#include "ip/address.h"
#include "maillog/scan.h"

namespace postern::maillog {

namespace {

// A number that stands alone: how many digits; else 0.
std::size_t lone_number(std::string_view text, bool at_start) {
  if (!at_start) return 0;
  std::size_t n = 0;
  while (n < text.size() && is_digit(text[n])) ++n;
  if (n == 0) return 0;
  const bool ends = n == text.size() || text[n] == ' ' || text[n] == ',' || text[n] == ')' || text[n] == ';' ||
                    (text[n] == 's' && (n + 1 == text.size() || text[n + 1] == ' '));
  return ends ? n : 0;
}

// The length of a name that differs from one line to the next: "host mx.example[192.0.2.1] said: ...", "hostname
// mx.example does not resolve to address 192.0.2.1". `written` is what stands before it. 0 where there is none.
std::size_t host_name(std::string_view written, std::string_view text) {
  for (const std::string_view word : {"host ", "hostname "}) {
    if (!written.ends_with(word)) continue;
    if (written.size() > word.size() && is_alpha(written[written.size() - word.size() - 1])) continue;
    const std::string_view name = text.substr(0, text.find_first_of(" [:,;)"));
    const bool said = text.substr(name.size()).starts_with(" said") || text.substr(name.size()).starts_with('[');
    return said || name.contains('.') || text.substr(name.size()).starts_with(" does not resolve") ? name.size() : 0;
  }
  return 0;
}

// RFC 5321 4.2.1: what a server answered, behind a colon or at the start, is a code and no number that differs.
bool is_reply_code(std::string_view written, std::string_view text) {
  return text.size() > 3 && (text[0] == '2' || text[0] == '4' || text[0] == '5') && text[1] <= '5' &&
         is_digit(text[2]) && text[3] == ' ' && (written.empty() || written.ends_with(": "));
}

// Whether a dot or a colon is among the first five characters, behind digits alone: most words end this at once.
bool may_be_address(std::string_view text) {
  static constexpr auto kHex = [] {
    std::array<bool, 256> table{};
    for (const char c : std::string_view("0123456789abcdefABCDEF")) table[static_cast<unsigned char>(c)] = true;
    return table;
  }();
  for (const char c : text.substr(0, 5)) {
    if (c == '.' || c == ':') return true;
    if (!kHex[static_cast<unsigned char>(c)]) return false;
  }
  return false;
}

// How long a bare IP address is that stands at the start, "192.0.2.1" or "2001:db8::1", with a port or without; else 0.
[[gnu::noinline]] std::size_t address_length(std::string_view text) {
  const std::string_view word = text.substr(0, text.find_first_not_of("0123456789abcdefABCDEF:."));
  const std::size_t dot = word.substr(0, 4).find('.');
  std::string_view address = word.substr(0, 46);
  if (dot != kNone) address = word.substr(0, find_char(word, ':'));  // "192.0.2.1:25", "192.0.2.1: no"
  if (dot == kNone && word.substr(0, 5).find(':') == kNone) return 0;
  if (word.size() < text.size() &&
      (is_alpha(text[word.size()]) || text[word.size()] == '-' || text[word.size()] == '_'))
    return 0;  // "10.20.30.40.dyn.example"
  // "fe80::: no" ends with a colon of its own, and one of the sentence.
  for (int mark = 0; !ip::Address::parse(address); ++mark) {
    if (mark == 2 || (!address.ends_with('.') && !address.ends_with(':'))) return 0;
    address.remove_suffix(1);
  }
  std::size_t end = address.size();
  if (dot != kNone && end + 1 < word.size() && word[end] == ':' && is_digit(word[end + 1]))
    end = std::min(word.find_first_not_of("0123456789", end + 1), word.size());
  return end;
}

// Whether a host's name stands before its address: "mx.a.example[192.0.2.1]", "mx.a.example[private/lmtp]".
bool is_address(std::string_view bracket) {
  return bracket.find_first_of(".:/") != kNone && find_char(bracket, ' ') == kNone;
}

// Octets that stand for themselves wherever they are.
constexpr auto kPlain = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < table.size(); ++c)
    table[c] = c > ' ' && c != 0x7F && c != '<' && c != '[' && c != 'h' && !is_digit(static_cast<char>(c));
  return table;
}();

}  // namespace

std::string_view reason_of(std::string_view code, std::string_view enhanced, std::string_view text,
                           ReasonBuffer& buffer) {
  std::size_t size = 0;
  const auto put = [&](char c) {
    if (size < buffer.size()) buffer[size++] = c;
  };
  for (const std::string_view part : {code, enhanced}) {
    if (part.empty()) continue;
    for (const char c : part) put(c);
    put(' ');
  }
  const std::size_t head = size;
  while (!text.empty() && size < buffer.size()) {
    const char c = text.front();
    const bool begins = size > 0 && buffer[size - 1] == ' ';
    if (!begins && kPlain[static_cast<unsigned char>(c)]) {
      buffer[size++] = c;
      text.remove_prefix(1);
      continue;
    }
    if (c == '<' || c == '[') {
      const std::size_t close = find_char(text, c == '<' ? '>' : ']');
      if (close != kNone) {
        if (c == '[' && !begins && size > head && is_address(text.substr(1, close - 1))) {
          while (size > head && buffer[size - 1] != ' ') --size;
          for (const char of : std::string_view("host")) put(of);
          text.remove_prefix(close + 1);
          if (text.starts_with(':') && text.size() > 1 && is_digit(text[1])) {
            text.remove_prefix(1);
            while (!text.empty() && is_digit(text.front())) text.remove_prefix(1);
          }
          continue;
        }
        text.remove_prefix(close + 1);
        if (size == head || begins)
          while (text.starts_with(':') || text.starts_with(' ')) text.remove_prefix(1);
        else if (buffer[size - 1] == ':' && text.starts_with(':'))  // "RCPT TO:<a@b.example>: no"
          text.remove_prefix(1);
        continue;
      }
    }
    if (const std::size_t name = begins && size >= 5 ? host_name({buffer.data(), size}, text) : 0; name != 0) {
      text.remove_prefix(name);
      if (text.starts_with(' ')) text.remove_prefix(1);
      continue;
    }
    if (c == 'h' && (text.starts_with("http://") || text.starts_with("https://"))) break;
    if (const std::size_t digits = is_digit(c) ? lone_number(text, size == head || begins) : 0; digits != 0) {
      if (digits == 3 && is_reply_code({buffer.data(), size == head ? 0 : size}, text)) {
        for (std::size_t i = 0; i < digits; ++i) put(text[i]);
        text.remove_prefix(digits);
        continue;
      }
      put('N');
      text.remove_prefix(digits);
      continue;
    }
    if ((size == head || begins) && may_be_address(text)) {
      if (const std::size_t address = address_length(text); address != 0) {
        text.remove_prefix(address);
        if (text.starts_with(' ')) text.remove_prefix(1);
        if (size > head && (text.starts_with(':') || text.starts_with(',') || text.starts_with(';'))) --size;
        if (size == head)
          while (text.starts_with(':') || text.starts_with(' ')) text.remove_prefix(1);
        continue;
      }
    }
    if (static_cast<unsigned char>(c) >= ' ' && c != '\x7F') put(c);
    text.remove_prefix(1);
  }
  std::string_view out(buffer.data(), size);
  for (const std::string_view tail : {" see ", " see", " at "})
    if (out.size() > tail.size() && out.ends_with(tail)) out.remove_suffix(tail.size());
  while (!out.empty() && (out.back() == ' ' || out.back() == ',' || out.back() == ';' || out.back() == ':'))
    out.remove_suffix(1);
  return out;
}

std::string_view milter_reply(std::string_view text) {
  const std::size_t colon = text.find("]: ");
  return colon == kNone ? text : text.substr(colon + 3);
}

std::string_view reason_of(const Event& event, ReasonBuffer& buffer) {
  switch (event.kind) {
    case Kind::decision:
    case Kind::screen_decision:
    case Kind::screen_busy:
      return reason_of(event.code, event.enhanced, event.text, buffer);
    case Kind::milter:
      return event.action == "reject" ? reason_of("milter", {}, milter_reply(event.text), buffer) : std::string_view{};
    case Kind::content:
      return event.action == "reject" ? reason_of("message", event.stage, {}, buffer) : std::string_view{};
    case Kind::exim_reject:
      return reason_of(event.stage, {}, event.text, buffer);
    default:
      return {};
  }
}

}  // namespace postern::maillog
