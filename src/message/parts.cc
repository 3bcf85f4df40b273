#include "message/parts.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace postern::message {

namespace {

struct Head {
  std::string type = "text/plain";
  std::string boundary;
  std::string encoding;
};

// `line` without its end; `rest` begins behind it.
std::string_view take_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string parameter(std::string_view value, std::string_view name) {
  for (auto at = value.find(';'); at != std::string_view::npos; at = value.find(';', at + 1)) {
    std::string_view one = trim(value.substr(at + 1));
    if (!istarts_with(one, name) || one.size() <= name.size() || one[name.size()] != '=') continue;
    one.remove_prefix(name.size() + 1);
    if (one.starts_with('"')) {
      one.remove_prefix(1);
      return std::string(one.substr(0, one.find('"')));
    }
    return std::string(trim(one.substr(0, one.find(';'))));
  }
  return {};
}

void take_field(Head& head, std::string_view field) {
  const auto colon = field.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = trim(field.substr(0, colon));
  const std::string_view value = trim(field.substr(colon + 1));
  if (iequals(name, "Content-Type")) {
    head.type = lower(trim(value.substr(0, value.find(';'))));
    head.boundary = parameter(value, "boundary");
  } else if (iequals(name, "Content-Transfer-Encoding")) {
    head.encoding = lower(trim(value.substr(0, value.find(';'))));
  }
}

// Takes the header off `rest`, with the empty line behind it.
Head take_head(std::string_view& rest) {
  Head head;
  std::string field;
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    const bool folded = !line.empty() && (line.front() == ' ' || line.front() == '\t');
    if (!folded) {
      take_field(head, field);
      field.clear();
    }
    if (line.empty()) break;
    if (field.size() < 4096) {
      if (folded) field += ' ';
      field += trim(line);
    }
  }
  take_field(head, field);
  return head;
}

std::string decode_base64(std::string_view body) {
  std::string clean;
  for (const char c : body) {
    if (is_alpha(c) || is_digit(c) || c == '+' || c == '/') clean += c;
  }
  if (clean.size() % 4 == 1) clean.pop_back();
  while (clean.size() % 4 != 0) clean += '=';
  if (auto decoded = from_base64(clean)) return std::move(*decoded);
  // Bits left over that are not zero: drop the last group
  clean.resize(clean.size() - 4);
  return from_base64(clean).value_or(std::string());
}

std::string decode_quoted(std::string_view body) {
  std::string out;
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '=') {
      out += body[i];
    } else if (body.substr(i + 1).starts_with("\r\n")) {
      i += 2;
    } else if (body.substr(i + 1).starts_with("\n")) {
      i += 1;
    } else if (const auto octet = from_hex(body.substr(i + 1, 2)); octet && octet->size() == 1) {
      out += *octet;
      i += 2;
    } else {
      out += '=';
    }
  }
  return out;
}

struct Walk {
  std::vector<Part> parts;
  std::size_t octets_left = 0;

  void leaf(const Head& head, std::string_view body) {
    if (parts.size() >= kPartsMax || body.size() > octets_left) return;
    octets_left -= body.size();  // decoding never makes it longer
    Part part{head.type, {}};
    if (head.encoding == "base64")
      part.body = decode_base64(body);
    else if (head.encoding == "quoted-printable")
      part.body = decode_quoted(body);
    else
      part.body = body;
    parts.push_back(std::move(part));
  }

  void entity(std::string_view text, std::size_t depth) {
    const Head head = take_head(text);
    if (depth < kPartDepthMax && head.type == "message/rfc822") return entity(text, depth + 1);
    if (depth >= kPartDepthMax || !head.type.starts_with("multipart/") || head.boundary.empty())
      return leaf(head, text);
    const std::string mark = "--" + head.boundary;
    std::optional<std::size_t> begin;
    const std::string_view all = text;
    while (!text.empty() && parts.size() < kPartsMax) {
      const std::size_t at = all.size() - text.size();
      const std::string_view line = trim(take_line(text));
      if (!line.starts_with(mark)) continue;
      const std::string_view tail = line.substr(mark.size());
      if (!tail.empty() && tail != "--") continue;
      if (begin) entity(all.substr(*begin, at - *begin), depth + 1);
      begin = all.size() - text.size();
      if (tail == "--") return;
    }
    if (begin) entity(all.substr(*begin), depth + 1);  // cut short
  }
};

}  // namespace

std::vector<Part> leaf_parts(std::string_view message, std::size_t octets_max) {
  Walk walk{.parts = {}, .octets_left = octets_max};
  walk.entity(message, 0);
  return std::move(walk.parts);
}

}  // namespace postern::message
