#include "control/protocol.h"

#include <array>

#include "base/text.h"

namespace postern::control {

std::string ok_line(const json::Value& result) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().field("ok", true);
  for (const auto& [name, value] : result.object()) {
    writer.key(name);
    value.write(writer);
  }
  writer.end_object();
  if (out.size() + 1 > kLineMax)
    return error_line(Error{ErrorKind::limit, "the answer is longer than 1 MiB; ask for less"});
  return out += '\n';
}

std::string error_line(const Error& error) {
  std::string out;
  json::Writer(out)
      .begin_object()
      .field("ok", false)
      .field("error", std::string_view(error.what).substr(0, 4096))
      .field("kind", to_string(error.kind))
      .end_object();
  return out += '\n';
}

std::string unknown_command(const json::Value& command) {
  if (!command.is_string()) return "the request has no \"command\"";
  return "there is no command \"" + printable(command.string(), 64) + "\"; this server may be older than the client";
}

ErrorKind parse_error_kind(std::string_view text) {
  constexpr std::array kKinds = {ErrorKind::closed,    ErrorKind::timeout, ErrorKind::cancelled, ErrorKind::protocol,
                                 ErrorKind::limit,     ErrorKind::storage, ErrorKind::network,   ErrorKind::invalid,
                                 ErrorKind::not_found, ErrorKind::refused};
  for (const ErrorKind kind : kKinds) {
    if (to_string(kind) == text) return kind;
  }
  return ErrorKind::invalid;
}

}  // namespace postern::control
