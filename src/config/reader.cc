#include "config/reader.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/json.h"
#include "base/text.h"
#include "smtp/address.h"

namespace postern::config {

std::string quoted(std::string_view text) { return "\"" + printable(text, 120) + "\""; }

void Reader::problem_at(std::string_view about, Place place, std::string what) {
  problems.push_back(Problem{config.file, place.line, place.column, std::string(about), std::move(what)});
}

void Reader::warning(Place place, std::string what) { warning_at(key, place, std::move(what)); }

void Reader::warning_at(std::string_view about, Place place, std::string what) {
  warnings.push_back(Problem{config.file, place.line, place.column, std::string(about), std::move(what)});
}

std::optional<std::string> Reader::string(const Node& node, std::string_view expected) {
  if (node.kind == Node::Kind::string) return node.text;
  problem(node.place, "found " + node.describe() + ", expected " + std::string(expected));
  return std::nullopt;
}

std::optional<bool> Reader::boolean(const Node& node) {
  if (node.kind == Node::Kind::boolean) return node.boolean;
  problem(node.place, "found " + node.describe() + ", expected true or false, without quotes");
  return std::nullopt;
}

std::optional<double> Reader::real(const Node& node, double min, double max) {
  const auto shown = [](double number) {
    std::string out;
    json::Writer(out).number(number);
    return out;
  };
  std::optional<double> value;
  if (node.kind == Node::Kind::real) value = node.real;
  if (node.kind == Node::Kind::integer) value = static_cast<double>(node.integer);
  const std::string expected = "a number from " + shown(min) + " to " + shown(max);
  if (!value) {
    problem(node.place, "found " + node.describe() + ", expected " + expected);
  } else if (!std::isfinite(*value) || *value < min || *value > max) {
    problem(node.place, "is out of range; expected " + expected);
    value.reset();
  }
  return value;
}

std::optional<std::uint64_t> Reader::number(const Node& node, const Bounds& bounds) {
  std::string expected = bounds.unit == Unit::bytes ? "a size such as 1048576 or \"1 MiB\""
                         : bounds.unit == Unit::milliseconds
                             ? "a duration such as \"90s\", \"5m\" or a number of seconds"
                             : "a whole number without quotes";
  expected += ", from " + show_number(bounds.unit, bounds.min) + " to " + show_number(bounds.unit, bounds.max);
  if (!bounds.zero.empty()) expected += ", or 0 for " + std::string(bounds.zero);

  std::optional<std::uint64_t> value;
  if (node.kind == Node::Kind::integer && node.integer >= 0) {
    value = static_cast<std::uint64_t>(node.integer);
    if (bounds.unit == Unit::milliseconds) value = *value > UINT64_MAX / 1000 ? UINT64_MAX : *value * 1000;
  } else if (node.kind == Node::Kind::string && bounds.unit == Unit::bytes) {
    value = parse_bytes(node.text);
  } else if (node.kind == Node::Kind::string && bounds.unit == Unit::milliseconds) {
    if (const auto ms = parse_duration_ms(node.text); ms && *ms >= 0) value = static_cast<std::uint64_t>(*ms);
  }
  if (!value) {
    problem(node.place, "found " + node.describe() + ", expected " + expected);
    return std::nullopt;
  }
  const bool special = *value == 0 && !bounds.zero.empty();
  if (!special && (*value < bounds.min || *value > bounds.max)) {
    problem(node.place, "found " + node.describe() + ", which is out of range; expected " + expected);
    return std::nullopt;
  }
  return value;
}

std::optional<std::vector<Reader::Text>> Reader::strings(const Node& node, std::string_view expected) {
  if (node.kind == Node::Kind::string) return std::vector<Text>{{node.place, node.text}};
  if (node.kind != Node::Kind::array) {
    problem(node.place, "found " + node.describe() + ", expected a list of " + std::string(expected));
    return std::nullopt;
  }
  std::vector<Text> out;
  bool good = true;
  for (const Node& item : node.items) {
    if (item.kind == Node::Kind::string) {
      out.push_back({item.place, item.text});
    } else {
      problem(item.place, "found " + item.describe() + " in a list of " + std::string(expected));
      good = false;
    }
  }
  if (!good) return std::nullopt;
  return out;
}

std::optional<std::size_t> Reader::choice(const Node& node, const std::vector<std::string>& choices) {
  std::string expected;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    expected += (i == 0 ? "" : i + 1 == choices.size() ? " or " : ", ") + quoted(choices[i]);
  }
  const auto text = string(node, expected);
  if (!text) return std::nullopt;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (choices[i] == *text) return i;
  }
  auto near = nearest(*text, choices);
  for (const std::string& candidate : choices) {
    if (!near && text->size() > 2 && candidate.starts_with(*text)) near = candidate;  // "warn"
  }
  problem(node.place, quoted(*text) + " is not known; " +
                          (near ? "did you mean " + quoted(*near) + "? " : std::string()) + "expected " + expected);
  return std::nullopt;
}

std::vector<ip::Prefix> Reader::prefixes(const Node& node) {
  std::vector<ip::Prefix> out;
  const auto texts = strings(node, "addresses and prefixes, such as \"2001:db8::/32\"");
  if (!texts) return out;
  for (const Text& text : *texts) {
    auto prefix = ip::Prefix::parse(text.text);
    if (prefix)
      out.push_back(*prefix);
    else
      problem(text.place, prefix.error().what);
  }
  return out;
}

std::vector<ip::Endpoint> Reader::endpoints(const Node& node) {
  std::vector<ip::Endpoint> out;
  const auto texts = strings(node, "addresses with a port, such as \"[::]:25\" or \"0.0.0.0:25\"");
  if (!texts) return out;
  for (const Text& text : *texts) {
    auto endpoint = ip::Endpoint::parse(text.text);
    if (!endpoint)
      problem(text.place, endpoint.error().what);
    else if (endpoint->port == 0)
      problem(text.place, quoted(text.text) + " has port 0; write the port to use");
    else
      out.push_back(*endpoint);
  }
  return out;
}

std::optional<std::string> Reader::name(const Node& node, std::string_view example) {
  auto text = string(node, "a name, such as " + quoted(example));
  if (!text) return text;
  const bool good = !text->empty() && text->size() <= policy::kRuleNameMax && std::ranges::all_of(*text, [](char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '_';
  });
  if (good) return text;
  problem(node.place, quoted(*text) + " is not a name; write at most " + std::to_string(policy::kRuleNameMax) +
                          " letters, digits, '-' and '_'");
  return std::nullopt;
}

std::vector<std::string> Reader::recipients(const Node& node) {
  std::vector<std::string> out;
  const auto texts = strings(node, "domains and addresses of yours, such as \"example.org\"");
  if (!texts) return out;
  for (const Text& text : *texts) {
    if (text.text.find('@') != std::string::npos) {
      const auto mailbox = smtp::parse_mailbox(text.text, true);
      if (mailbox && !mailbox->domain.empty()) {
        out.push_back(lower(mailbox->text()));
        continue;
      }
    } else if (const auto name = smtp::parse_domain(text.text, true); name && !name->empty()) {
      out.push_back(name->text());
      continue;
    }
    problem(text.place, quoted(text.text) +
                            " is neither a domain nor an address; write \"example.org\" or "
                            "\"bob@example.org\"");
  }
  if (texts->empty()) problem(node.place, "names nobody; take the key out, or name a domain or an address");
  return out;
}

std::string Reader::path(std::string_view text) const {
  if (text.starts_with('/')) return std::string(text);
  return config.base_directory + "/" + std::string(text);
}

namespace {

// Walks over the text of a file and knows its place.
class Cursor {
 public:
  Cursor(std::string_view rest, Place place) : rest_(rest), place_(place) {}
  [[nodiscard]] bool starts_with(std::string_view text) const { return rest_.starts_with(text); }
  [[nodiscard]] bool done() const { return rest_.empty(); }
  [[nodiscard]] char front() const { return rest_.front(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] Place place() const { return place_; }
  void skip(std::size_t octets) {
    for (; octets > 0 && !rest_.empty(); --octets) {
      if (rest_.front() == '\n') {
        ++place_.line;
        place_.column = 1;
      } else if (rest_.size() < 2 || (static_cast<unsigned char>(rest_[1]) & 0xC0U) != 0x80) {
        ++place_.column;  // a character ends here
      }
      rest_.remove_prefix(1);
    }
  }

 private:
  std::string_view rest_;
  Place place_;
};

// Octets in UTF-8 of a code point.
std::size_t utf8_octets(std::uint64_t code) { return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4; }

// Skips what stands for the next octets of a basic string's value (TOML 1.0, "String"), and tells how many those are.
std::size_t skip_escape(Cursor& cursor) {
  const std::string_view rest = cursor.rest();
  const char letter = rest.size() < 2 ? '\0' : rest[1];
  if (letter == 'u' || letter == 'U') {
    const std::size_t digits = letter == 'u' ? 4 : 8;
    std::uint64_t code = 0;
    for (const char c : rest.substr(2, digits)) {
      code = code * 16 + static_cast<std::uint64_t>(is_digit(c) ? c - '0' : ascii_lower(c) - 'a' + 10);
    }
    cursor.skip(2 + digits);
    return utf8_octets(code);
  }
  constexpr std::string_view kSpace = " \t\r\n";
  if (letter != '\0' && kSpace.contains(letter)) {  // a line ending backslash: all white space goes
    cursor.skip(1);
    while (!cursor.done() && kSpace.contains(cursor.front())) cursor.skip(1);
    return 0;
  }
  cursor.skip(2);
  return 1;
}

}  // namespace

Place Reader::within(Place string, std::size_t offset) {
  if (line_starts_.empty()) {
    line_starts_.push_back(0);
    for (std::size_t at = text_.find('\n'); at != std::string_view::npos; at = text_.find('\n', at + 1)) {
      line_starts_.push_back(at + 1);
    }
  }
  if (string.line < 1 || static_cast<std::size_t>(string.line) > line_starts_.size()) return string;
  std::string_view rest = text_.substr(line_starts_[static_cast<std::size_t>(string.line) - 1]);
  if (string.line == 1 && rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
  Cursor cursor(rest, {string.line, 1});
  while (!cursor.done() && cursor.place() < string) cursor.skip(1);
  if (cursor.done() || (cursor.front() != '"' && cursor.front() != '\'')) return string;

  const char quote = cursor.front();
  const std::string three(3, quote);
  const bool multi = cursor.starts_with(three);
  cursor.skip(multi ? 3 : 1);
  if (multi && cursor.starts_with("\r\n"))
    cursor.skip(2);
  else if (multi && cursor.starts_with("\n"))
    cursor.skip(1);
  for (std::size_t octets = 0; !cursor.done();) {
    if (quote == '"' && cursor.front() == '\\') {
      Cursor escape = cursor;
      octets += skip_escape(escape);
      if (octets > offset) break;
      cursor = escape;
      continue;
    }
    if (octets >= offset) break;
    cursor.skip(1);
    ++octets;
  }
  return cursor.place();
}

}  // namespace postern::config
