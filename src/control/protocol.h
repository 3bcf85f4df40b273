// The lines of the control socket: what server and client agree on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace postern::control {

inline constexpr std::size_t kLineMax = 1 << 20;  // octets of a request or an answer, with its newline
inline constexpr std::size_t kClientsMax = 64;
inline constexpr int kDepthMax = 16;            // of a request's JSON
inline constexpr std::int64_t kIdleMs = 30000;  // a client says something, or takes its answer, within this
inline constexpr std::int64_t kCloseMs = 1000;

// {"ok":true, ...} with the members of `result`, which is an object.
[[nodiscard]] std::string ok_line(const json::Value& result);
// {"ok":false,"error":"...","kind":"not_found"}
[[nodiscard]] std::string error_line(const Error& error);
[[nodiscard]] std::string unknown_command(const json::Value& command);
// "not_found" -> ErrorKind::not_found; invalid for what is not known
[[nodiscard]] ErrorKind parse_error_kind(std::string_view text);

}  // namespace postern::control
