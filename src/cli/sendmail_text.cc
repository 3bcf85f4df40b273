// What `sendmail` understands: its options, and what programs write.
#include <algorithm>

#include "base/text.h"
#include "cli/sendmail.h"
#include "message/author.h"
#include "message/header_section.h"
#include "smtp/address.h"
#include "spool/envelope.h"

namespace postern::cli {

namespace {

// RFC 3461 4.1: NEVER, or some of the others
Result<std::uint8_t> parse_notify(std::string_view text) {
  std::uint8_t bits = 0;
  for (const std::string_view word : split(text, ',')) {
    if (iequals(word, "success"))
      bits |= spool::kNotifySuccess;
    else if (iequals(word, "failure"))
      bits |= spool::kNotifyFailure;
    else if (iequals(word, "delay"))
      bits |= spool::kNotifyDelay;
    else if (iequals(word, "never"))
      bits |= spool::kNotifyNever;
    else
      return fail(ErrorKind::invalid, "-N: \"" + printable(word, 32) + "\" is none of never, success, failure, delay");
  }
  if ((bits & spool::kNotifyNever) != 0 && bits != spool::kNotifyNever)
    return fail(ErrorKind::invalid, "-N: never stands alone");
  return bits;
}

SendmailOptions::Mode mode_of(std::string_view letter) {
  using Mode = SendmailOptions::Mode;
  if (letter == "m") return Mode::deliver;
  if (letter == "s") return Mode::smtp;
  if (letter == "p") return Mode::list;
  // -bi builds the table of aliases elsewhere, -bh and -bH look after hosts' states: there is nothing to do here
  return letter == "i" || letter == "h" || letter == "H" ? Mode::nothing : Mode::unknown;
}

bool is_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view name = line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1);
  return std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~' && c != ':'; });
}

// "root" and its like, which are no addresses of RFC 5322 and are written all the same
bool is_local_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_alpha(c) || is_digit(c) || c == '.' || c == '_' || c == '-' || c == '+';
  });
}

// The members of an address list: cut at commas outside of quotes, comments and brackets.
std::vector<std::string_view> split_members(std::string_view body) {
  std::vector<std::string_view> out;
  std::size_t begin = 0;
  int comment = 0;
  bool quoted = false;
  bool bracketed = false;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (c == '\\') {
      ++i;
    } else if (quoted) {
      quoted = c != '"';
    } else if (c == '"') {
      quoted = comment == 0;
    } else if (c == '(') {
      ++comment;
    } else if (c == ')' && comment > 0) {
      --comment;
    } else if (comment == 0 && (c == '<' || c == '>')) {
      bracketed = c == '<';
    } else if (c == ',' && comment == 0 && !bracketed) {
      out.push_back(body.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  out.push_back(body.substr(std::min(begin, body.size())));
  return out;
}

}  // namespace

Result<SendmailOptions> parse_sendmail(const std::vector<std::string>& arguments) {
  // Those with a value of their own; the value may be joined, or the next argument
  constexpr std::string_view kWithValue = "fFrCNRVhBALXpO";
  constexpr std::string_view kFlags = "tivnUGxm";
  SendmailOptions out;
  bool run_queue = false;
  std::size_t at = 0;
  for (; at < arguments.size(); ++at) {
    const std::string& word = arguments[at];
    if (word == "--") {
      ++at;
      break;
    }
    if (!word.starts_with('-') || word.size() < 2) break;
    // -o, -b, -q, -d and -e have what belongs to them joined, or none
    if (word[1] == 'o' || word[1] == 'q' || word[1] == 'd' || word[1] == 'e') {
      if (word == "-oi") out.dot_is_text = true;
      if (word[1] == 'q') run_queue = true;
      continue;
    }
    if (word[1] == 'b') {
      out.mode = mode_of(std::string_view(word).substr(2));
      if (out.mode == SendmailOptions::Mode::unknown)
        return fail(ErrorKind::invalid, word + " is not served; -bm, -bs and -bp are");
      continue;
    }
    for (std::size_t i = 1; i < word.size(); ++i) {
      const char letter = word[i];
      if (kFlags.find(letter) != std::string_view::npos) {
        if (letter == 't') out.from_header = true;
        if (letter == 'i') out.dot_is_text = true;
        continue;
      }
      if (kWithValue.find(letter) == std::string_view::npos)
        return fail(ErrorKind::invalid, std::string("there is no option -") + letter);
      std::string value = word.substr(i + 1);
      if (value.empty()) {
        if (at + 1 >= arguments.size()) return fail(ErrorKind::invalid, std::string("-") + letter + " needs a value");
        value = arguments[++at];
      }
      if (letter == 'f' || letter == 'r') {
        out.sender = value == "<>" ? std::string() : value;
      } else if (letter == 'F') {
        out.full_name = value;
      } else if (letter == 'C') {
        out.config = value;
      } else if (letter == 'V') {
        out.envid = value;
      } else if (letter == 'R') {
        out.ret = upper(value);
        if (out.ret == "HDR") out.ret = "HDRS";
        if (out.ret != "FULL" && out.ret != "HDRS") return fail(ErrorKind::invalid, "-R is full or hdrs");
      } else if (letter == 'N') {
        POSTERN_TRY(out.notify, parse_notify(value));
      }
      break;
    }
  }
  out.recipients.assign(arguments.begin() + static_cast<std::ptrdiff_t>(std::min(at, arguments.size())),
                        arguments.end());
  // The server tries its queue by itself: there is nothing to do, and nothing to read
  if (run_queue && out.mode == SendmailOptions::Mode::deliver && out.recipients.empty() && !out.from_header)
    out.mode = SendmailOptions::Mode::nothing;
  return out;
}

Result<std::string> sendmail_message(std::string_view input, bool dot_is_text) {
  std::string out;
  out.reserve(input.size() + input.size() / 32 + 4);
  bool first = true;
  while (!input.empty()) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    std::string_view line = input.substr(0, end);
    input.remove_prefix(std::min(end + 1, input.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line == "." && !dot_is_text) break;
    if (line.find_first_of(std::string_view("\r\0", 2)) != std::string_view::npos)
      return fail(ErrorKind::invalid, "the message has a carriage return in the middle of a line, or a NUL; encode it");
    // mbox's "From " line is no field
    if (first && line.starts_with("From ")) {
      first = false;
      continue;
    }
    if (out.empty() && !line.empty() && !is_field(line)) out += "\r\n";
    first = false;
    out += line;
    out += "\r\n";
  }
  return out;
}

Result<std::vector<std::string>> header_recipients(std::string_view message) {
  const message::HeaderSection header{std::string(message)};
  std::vector<std::string> out;
  for (const message::Field& field : header.fields()) {
    if (!iequals(field.name, "To") && !iequals(field.name, "Cc") && !iequals(field.name, "Bcc")) continue;
    if (trim(message::unfolded(field.body)).empty()) continue;
    // A word alone between two commas is a user of this machine, never the beginning of somebody's name
    const std::string body = message::unfolded(field.body);
    std::string others;
    for (const std::string_view part : split_members(body)) {
      const std::string_view name = trim(part);
      if (is_local_name(name))
        out.emplace_back(name);
      else if (!name.empty() && !name.starts_with('(') && name.find_first_of("@:;") == std::string_view::npos)
        return fail(ErrorKind::invalid, std::string(field.name) + ": \"" + printable(name, 128) + "\" is no address");
      else if (!name.empty())
        others.append(others.empty() ? "" : ", ").append(name);
    }
    if (others.empty()) continue;
    const auto all = message::parse_addresses(others);
    if (!all) return fail(ErrorKind::invalid, std::string(field.name) + ": " + all.error().what);
    // RFC 5321 4.1.2: "john doe"@example.org keeps its quotes on the way
    for (const message::Address& one : *all)
      out.push_back(smtp::Mailbox{.local = one.local, .domain = {.name = one.domain, .literal = {}}}.text());
  }
  return out;
}

}  // namespace postern::cli
