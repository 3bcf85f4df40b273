#include "cli/field_output.h"

#include <cstdio>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace postern::cli {

namespace {

std::string_view without_crlf(std::string_view field) {
  if (field.ends_with("\r\n")) field.remove_suffix(2);
  return field;
}

}  // namespace

void write_fields(json::Writer& writer, const std::vector<std::string>& fields) {
  writer.key("fields").begin_array();
  for (const std::string& field : fields) writer.string(without_crlf(field));
  writer.end_array();
}

std::string_view body_of_field(std::string_view field) {
  field = without_crlf(field);
  const std::size_t colon = field.find(':');
  return colon == std::string_view::npos ? std::string_view() : trim(field.substr(colon + 1));
}

std::vector<std::string> names_of(std::string_view text) {
  std::vector<std::string> names;
  for (const std::string_view part : split(text, ':')) {
    if (!trim(part).empty()) names.emplace_back(trim(part));
  }
  return names;
}

int put_fields(const std::vector<std::string>& fields, const MessageInput& message, bool json, bool whole) {
  std::string out;
  if (json) {
    json::Writer writer(out);
    writer.begin_object();
    write_fields(writer, fields);
    writer.end_object();
    out += '\n';
  } else {
    for (const std::string& field : fields) out += field;
    if (whole) out += message.text;
    if (message.bare_lf) {
      std::string lf;
      lf.reserve(out.size());
      for (std::size_t i = 0; i < out.size(); ++i) {
        if (out[i] != '\r' || i + 1 == out.size() || out[i + 1] != '\n') lf.push_back(out[i]);
      }
      out = std::move(lf);
    }
  }
  print(out);
  return kOk;  // finish_output() sees what could not be written
}

}  // namespace postern::cli
