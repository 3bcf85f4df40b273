// Any octets as a field body: what parse() reads, format() writes and parse() reads the same; what it writes is ASCII
// (or UTF-8), keeps within its lines, and is claimed by whoever it names; the lenient reader reads whatever the strict
// one does, with the same result.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "authres/authres.h"
#include "base/text.h"

namespace {

using namespace postern;

void check(bool condition) {
  if (!condition) std::abort();
}

// Values that format() has no reason to change.
bool kept(std::string_view value) {
  return value.size() <= authres::kValueMax &&
         std::ranges::none_of(value, [](char c) { return (static_cast<unsigned char>(c) < 0x20) || c == 0x7F; });
}

void same(const authres::Results& a, const authres::Results& b, bool values) {
  check(!values || !kept(a.authserv_id) || a.authserv_id == b.authserv_id);
  check(a.version == b.version && a.methods.size() == b.methods.size());
  for (std::size_t i = 0; i < a.methods.size(); ++i) {
    const authres::Method& left = a.methods[i];
    const authres::Method& right = b.methods[i];
    check(left.method == right.method && left.version == right.version && left.result == right.result);
    check(!values || !kept(left.reason) || left.reason == right.reason);
    check(left.properties.size() == right.properties.size());
    for (std::size_t k = 0; k < left.properties.size(); ++k) {
      check(left.properties[k].ptype == right.properties[k].ptype &&
            left.properties[k].name == right.properties[k].name);
      check(!values || !kept(left.properties[k].value) || left.properties[k].value == right.properties[k].value);
    }
  }
}

void check_lines(std::string_view text) {
  while (true) {
    const std::size_t end = text.find("\r\n");
    check(text.substr(0, end).size() <= 998 - std::string_view("ARC-Authentication-Results: i=50; ").size());
    check(text.substr(0, end).find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 2);
    check(text.starts_with('\t'));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto read = authres::parse(body);
  const auto lenient = authres::parse_lenient(body);
  const auto arc = authres::parse_arc(body);
  const auto arc_lenient = authres::parse_arc_lenient(body);
  if (arc) check(arc_lenient && arc->instance == arc_lenient->instance);

  const message::HeaderSection header("Authentication-Results:" + std::string(body) + "\r\n");
  if (!header.fields().empty()) {
    static_cast<void>(authres::claims(header.fields().front(), "mx.example.org"));
    static_cast<void>(authres::consolidated(header, read ? read->authserv_id : "mx.example.org"));
  }
  if (!read) return 0;
  check(lenient.has_value());
  same(*read, *lenient, true);

  for (const bool utf8 : {false, true}) {
    const std::string text = authres::format(*read, utf8);
    check(utf8 ? is_utf8(text) : is_ascii(text));
    if (text.size() > authres::kFieldMax) continue;
    check_lines(text);
    const auto again = authres::parse(text);
    check(again.has_value());
    same(*read, *again, utf8);
    check(authres::format(*again, utf8) == text);

    const message::HeaderSection written("Authentication-Results: " + text + "\r\n");
    const bool has_name = std::ranges::any_of(read->authserv_id, [](char c) { return is_alpha(c) || is_digit(c); });
    if (utf8 && kept(read->authserv_id) && is_ascii(read->authserv_id) && has_name) {
      check(authres::claims(written.fields().at(0), read->authserv_id));
    }
  }
  if (header.fields().size() == 1) {
    const auto merged = authres::parse(authres::consolidated(header, read->authserv_id));
    check(!kept(read->authserv_id) || !merged || merged->methods.size() == read->methods.size());
  }
  return 0;
}
