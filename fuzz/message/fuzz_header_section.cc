// Any octets: the raws of the fields, one after the other, are the section; each field's parts lie in its raw; and
// reading the section again from its own text finds the same fields.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "message/header_section.h"

namespace {

using postern::message::Field;
using postern::message::HeaderSection;

void check(bool condition) {
  if (!condition) std::abort();
}

bool is_fold(std::string_view text) { return text.starts_with(' ') || text.starts_with('\t'); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const HeaderSection header(text);
  check(header.text() == text);

  std::string joined;
  for (const Field& field : header.fields()) {
    check(!field.raw.empty());
    check(joined.empty() || !is_fold(field.raw));  // a fold belongs to the field above it
    check(field.raw.ends_with("\r\n") || joined.size() + field.raw.size() == text.size());
    check(field.raw.contains(field.name) && field.raw.contains(field.body));
    check(field.name.find_first_of(" \t\r\n:") == std::string_view::npos);
    joined += field.raw;
    if (!field.name.empty()) {
      check(header.count(field.name) >= 1);
      check(field.raw.starts_with(field.name));
    }
    const std::string flat = postern::message::unfolded(field.body);
    check(flat.size() <= field.body.size());
    check(!flat.contains("\r\n ") && !flat.contains("\r\n\t"));
  }
  check(text.starts_with(joined));
  check(joined.size() == text.size() || std::string_view(text).substr(joined.size()).starts_with("\r\n"));

  const HeaderSection again(joined);
  check(again.fields().size() == header.fields().size());
  for (std::size_t i = 0; i < header.fields().size(); ++i) check(again.fields()[i].raw == header.fields()[i].raw);
  return 0;
}
