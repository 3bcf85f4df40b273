// The log: one line per outcome, `event key=value ...`, stable keys, values quoted where they need it. Written to
// stderr, with a <N> priority prefix when stderr is the journal (sd-daemon(3)), with time and level otherwise; colour
// only on a terminal. An event name and its keys are an interface: docs/operate.md lists them. Never pass a secret.
// Thread rule: any thread; one write(2) per line.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/time.h"

namespace postern::log {

enum class Level : std::uint8_t { debug, info, warning, error };

struct Field {
  std::string_view key;
  std::string value;
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  template <std::integral Integer>
  Field(std::string_view k, Integer v) : key(k), value(std::to_string(v)) {}
};

using Fields = std::initializer_list<Field>;

void set_level(Level level);
[[nodiscard]] bool enabled(Level level);
void write(Level level, std::string_view event, Fields fields);
inline void debug(std::string_view event, Fields fields = {}) {
  if (enabled(Level::debug)) write(Level::debug, event, fields);
}
inline void info(std::string_view event, Fields fields = {}) { write(Level::info, event, fields); }
inline void warning(std::string_view event, Fields fields = {}) { write(Level::warning, event, fields); }
inline void error(std::string_view event, Fields fields = {}) { write(Level::error, event, fields); }

enum class Style : std::uint8_t { journal, terminal, plain };
// A whole line as it is written, newline included: what write() does, without its clock and its look at stderr.
[[nodiscard]] std::string format_line(Style style, Level level, WallMs now, std::string_view event, Fields fields);
// The line as it would be written, without prefix and newline.
[[nodiscard]] std::string format(std::string_view event, Fields fields);

}  // namespace postern::log
