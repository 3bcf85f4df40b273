#include "message/header_section.h"

#include "base/text.h"

namespace postern::message {
namespace {

constexpr std::string_view kBlank = " \t";

bool starts_blank(std::string_view text) { return !text.empty() && (text[0] == ' ' || text[0] == '\t'); }

// Octets of the line that `text` starts with, its CRLF included.
std::size_t line_length(std::string_view text) {
  const std::size_t end = text.find("\r\n");
  return end == std::string_view::npos ? text.size() : end + 2;
}

Field field_of(std::string_view raw) {
  Field field{.name = {}, .body = {}, .raw = raw};
  std::string_view whole = raw;
  if (whole.ends_with("\r\n")) whole.remove_suffix(2);
  const std::size_t colon = whole.find(':');
  if (colon == std::string_view::npos) {
    field.body = whole;
    return field;
  }
  std::string_view name = whole.substr(0, colon);
  // RFC 5322 4.5.8: obsolete white space before the colon; inside a name there is none (2.2: 33 to 126 only)
  while (!name.empty() && kBlank.contains(name.back())) name.remove_suffix(1);
  const bool valid = !name.empty() && name.find_first_of(" \t\r\n") == std::string_view::npos;
  field.name = valid ? name : std::string_view();
  field.body = valid ? whole.substr(colon + 1) : whole;
  return field;
}

}  // namespace

HeaderSection::HeaderSection(std::string text) : text_(std::make_unique<const std::string>(std::move(text))) {
  std::string_view rest = *text_;
  while (!rest.empty() && !rest.starts_with("\r\n")) {
    std::size_t length = line_length(rest);
    // RFC 5322 2.2.3: a line that starts with white space continues the one before it
    while (starts_blank(rest.substr(length))) length += line_length(rest.substr(length));
    fields_.push_back(field_of(rest.substr(0, length)));
    rest.remove_prefix(length);
  }
}

HeaderSection::HeaderSection(HeaderSection&&) noexcept = default;
HeaderSection& HeaderSection::operator=(HeaderSection&&) noexcept = default;

std::vector<const Field*> HeaderSection::all(std::string_view name) const {
  std::vector<const Field*> found;
  for (const Field& field : fields_) {
    if (!field.name.empty() && iequals(field.name, name)) found.push_back(&field);
  }
  return found;
}

std::size_t HeaderSection::count(std::string_view name) const { return all(name).size(); }

std::string unfolded(std::string_view body) {
  std::string out;
  out.reserve(body.size());
  while (!body.empty()) {
    const std::size_t end = body.find("\r\n");
    out.append(body.substr(0, end));
    if (end == std::string_view::npos) break;
    body.remove_prefix(end + 2);
    if (!starts_blank(body)) out.append("\r\n");
  }
  return out;
}

}  // namespace postern::message
