#include "smtp/reply.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"

namespace postern::smtp {

namespace {

constexpr std::size_t kLineMax = 512;  // RFC 5321 4.5.3.1.5, with CRLF
constexpr std::string_view kHex = "0123456789abcdef";

constexpr bool is_plain(char c) { return (c >= ' ' && c <= '~') || c == '\t'; }

void append_number(std::string& out, unsigned value) {
  std::array<char, 12> digits{};
  const auto end = std::to_chars(digits.begin(), digits.end(), value).ptr;
  out.append(digits.begin(), end);
}

// RFC 2034 4: the class is the first digit of the code; codes of other classes carry none
bool carries_enhanced(int code, EnhancedCode enhanced) {
  const int klass = code / 100;
  return enhanced.present() && (klass == 2 || klass == 4 || klass == 5);
}

void append_head(std::string& out, int code, char separator, EnhancedCode enhanced) {
  append_number(out, static_cast<unsigned>(code));
  out.push_back(separator);
  if (!carries_enhanced(code, enhanced)) return;
  append_number(out, static_cast<unsigned>(code / 100));
  out.push_back('.');
  append_number(out, enhanced.subject);
  out.push_back('.');
  append_number(out, enhanced.detail);
  out.push_back(' ');
}

void append_plain(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (is_plain(c)) {
      out.push_back(c);
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out += "\\x";
    out.push_back(kHex[octet >> 4U]);
    out.push_back(kHex[octet & 15U]);
  }
}

// The longest piece at the front of `text` that fits in `room`, cut behind a blank where there is one in its second
// half.
std::size_t piece(std::string_view text, std::size_t room) {
  if (text.size() <= room) return text.size();
  const auto blank = text.rfind(' ', room - 1);
  return blank != std::string_view::npos && blank >= room / 2 ? blank + 1 : room;
}

void append_lines(std::string& out, int code, EnhancedCode enhanced, std::string_view text) {
  std::string head;
  append_head(head, code, ' ', enhanced);
  const std::size_t room = kLineMax - 2 - head.size();
  std::string clean;
  for (;;) {
    const auto newline = text.find('\n');
    clean.clear();
    append_plain(clean, text.substr(0, newline));
    std::string_view rest = clean;
    const bool last_line = newline == std::string_view::npos;
    do {
      const std::size_t taken = piece(rest, room);
      append_head(out, code, last_line && taken == rest.size() ? ' ' : '-', enhanced);
      out += rest.substr(0, taken);
      out += "\r\n";
      rest.remove_prefix(taken);
    } while (!rest.empty());
    if (last_line) return;
    text.remove_prefix(newline + 1);
  }
}

std::optional<std::uint16_t> take_number(std::string_view& text) {
  std::size_t n = 0;
  unsigned value = 0;
  while (n < text.size() && n < 3 && is_digit(text[n])) value = value * 10 + static_cast<unsigned>(text[n++] - '0');
  if (n == 0) return std::nullopt;
  text.remove_prefix(n);
  return static_cast<std::uint16_t>(value);
}

// RFC 2034 4: "d.ddd.ddd" then a blank or the end of the line, of the reply's own class; else it is mere text.
EnhancedCode take_enhanced(std::string_view& text, int code) {
  std::string_view rest = text;
  const auto klass = take_number(rest);
  if (!klass || static_cast<int>(*klass) != code / 100 || *klass == 3 || !rest.starts_with('.')) return {};
  rest.remove_prefix(1);
  const auto subject = take_number(rest);
  if (!subject || !rest.starts_with('.')) return {};
  rest.remove_prefix(1);
  const auto detail = take_number(rest);
  if (!detail || (!rest.empty() && rest.front() != ' ')) return {};
  if (!rest.empty()) rest.remove_prefix(1);
  text = rest;
  return {static_cast<std::uint8_t>(*klass), *subject, *detail};
}

}  // namespace

std::string EnhancedCode::text() const {
  if (!present()) return {};
  std::string out;
  append_number(out, klass);
  out.push_back('.');
  append_number(out, subject);
  out.push_back('.');
  append_number(out, detail);
  return out;
}

void append_reply(std::string& out, int code, EnhancedCode enhanced, std::string_view text, std::string_view tag) {
  POSTERN_CHECK(code >= 200 && code <= 599);
  if (text.size() + tag.size() + 24 <= kLineMax && std::ranges::all_of(text, is_plain)) {
    append_head(out, code, ' ', enhanced);
    out += text;
    if (!tag.empty()) {
      out += " [";
      out += tag;
      out.push_back(']');
    }
    out += "\r\n";
    return;
  }
  if (tag.empty()) {
    append_lines(out, code, enhanced, text);
  } else {
    append_lines(out, code, enhanced, std::string(text) + " [" + std::string(tag) + "]");
  }
}

void Reply::append_to(std::string& out) const { append_reply(out, code, enhanced, text, {}); }

std::string Reply::line() const {
  std::string out;
  append_head(out, code, ' ', enhanced);
  append_plain(out, std::string_view(text).substr(0, text.find('\n')));
  return out;
}

std::string Reply::all_lines() const {
  std::string joined = text;
  std::ranges::replace(joined, '\n', ' ');
  return Reply(code, enhanced, std::move(joined)).line();
}

Result<std::size_t> ReplyReader::feed(std::string_view input) {
  const auto error = [this](std::string what) {
    failed_ = true;
    return fail(ErrorKind::protocol, std::move(what));
  };
  if (failed_) return error("server's reply was unintelligible before");
  std::size_t at = 0;
  while (at < input.size() && !complete_) {
    if (cr_) {
      if (input[at] != '\n') return error("server's reply has a CR without LF");
      ++at;
      cr_ = false;
      if (auto ended = end_of_line(); !ended) {
        failed_ = true;
        return std::unexpected(std::move(ended).error());
      }
      continue;
    }
    const auto stop = std::min(input.find_first_of("\r\n", at), input.size());
    if (stop - at + line_.size() + 2 > kReplyLineMax) return error("server's reply line is longer than 2048 octets");
    line_.append(input.substr(at, stop - at));
    at = stop;
    if (at == input.size()) break;
    if (input[at] == '\n') return error("server's reply has an LF without CR");
    cr_ = true;
    ++at;
  }
  return at;
}

Result<void> ReplyReader::end_of_line() {
  if (++lines_ > kReplyLinesMax) return fail(ErrorKind::protocol, "server's reply has more than 128 lines");
  total_ += line_.size() + 2;
  if (total_ > kReplyMax) return fail(ErrorKind::protocol, "server's reply is longer than 16384 octets");
  std::string_view rest = line_;
  const auto code = rest.size() >= 3 ? parse_unsigned(rest.substr(0, 3)) : std::nullopt;
  if (!code || *code < 200 || *code > 599) {
    return fail(ErrorKind::protocol, "server's reply begins without a code from 200 to 599: " + printable(rest, 64));
  }
  rest.remove_prefix(3);
  const int number = static_cast<int>(*code);
  if (lines_ == 1) {
    reply_ = Reply(number, {}, {});
  } else if (reply_.code != number) {
    // RFC 5321 4.2.1: the code is the same on each line of a reply
    return fail(ErrorKind::protocol, "server's reply changes its code from " + std::to_string(reply_.code) + " to " +
                                         std::to_string(number) + " between lines");
  }
  // RFC 5321 4.2: a code alone, without a blank behind it, must be understood
  const bool more = rest.starts_with('-');
  if (!rest.empty()) {
    if (!more && rest.front() != ' ') {
      return fail(ErrorKind::protocol, "server's reply has neither blank nor hyphen behind its code");
    }
    rest.remove_prefix(1);
  }
  std::string_view text = rest;
  const EnhancedCode enhanced = take_enhanced(text, number);
  if (lines_ == 1) {
    reply_.enhanced = enhanced;
  } else {
    reply_.text.push_back('\n');
    if (enhanced != reply_.enhanced) text = rest;
  }
  reply_.text += text;
  line_.clear();
  complete_ = !more;
  return {};
}

Reply ReplyReader::take() {
  POSTERN_CHECK(complete_);
  Reply out = std::move(reply_);
  *this = ReplyReader();
  return out;
}

}  // namespace postern::smtp
