#include "base/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/json.h"
#include "base/text.h"
#include "base/time.h"

namespace postern::log {

namespace {

constexpr std::size_t kValueMax = 1024;  // octets of a value before escaping; longer ones are cut, with "..."
// A field whose value would take event and fields past this is shown as key=... instead: with prefix, time and the cut
// marks of a dozen fields a line stays under PIPE_BUF (4096), where write(2) on a pipe is atomic.
constexpr std::size_t kFieldsMax = 3500;

std::atomic<Level> g_level{Level::info};

// sd-daemon(3), systemd.exec(5): JOURNAL_STREAM holds device:inode of the stream that the journal reads. It is
// inherited by children whose stderr goes elsewhere, so it must match.
bool stderr_is_journal() {
  const char* variable = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe): nothing here sets variables
  if (variable == nullptr) return false;
  const std::string_view text(variable);
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const auto device = parse_unsigned(text.substr(0, colon));
  const auto inode = parse_unsigned(text.substr(colon + 1));
  struct stat status{};
  return device && inode && ::fstat(STDERR_FILENO, &status) == 0 && status.st_dev == *device && status.st_ino == *inode;
}

Style detect_style() {
  if (stderr_is_journal()) return Style::journal;
  // no-color.org: present and not empty
  const char* no_color = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe)
  const bool plain = no_color != nullptr && *no_color != '\0';
  return !plain && ::isatty(STDERR_FILENO) == 1 ? Style::terminal : Style::plain;
}

struct LevelText {
  std::string_view priority, name, colour;
};
constexpr std::array<LevelText, 4> kLevels = {{{"<7>", "debug", "\x1b[2m"},
                                               {"<6>", "info", "\x1b[32m"},
                                               {"<4>", "warning", "\x1b[33m"},
                                               {"<3>", "error", "\x1b[31m"}}};

bool is_plain(std::string_view value) {
  if (value.empty()) return false;
  for (const char c : value) {
    if (c <= ' ' || c > '~' || c == '=' || c == '"' || c == '\\') return false;
  }
  return true;
}

void append_value(std::string& out, std::string_view value) {
  const auto head = utf8_head(value, kValueMax);
  if (is_plain(head)) {
    out += head;
  } else {
    json::append_escaped(out, head);  // logfmt quotes as JSON does
  }
  if (head.size() < value.size()) out += "...";
}

void append_line(std::string& out, std::string_view event, Fields fields) {
  out += event;
  for (const Field& field : fields) {
    out += ' ';
    out += field.key;
    out += '=';
    const std::size_t value_at = out.size();
    append_value(out, field.value);
    if (out.size() > kFieldsMax) {
      out.resize(value_at);
      out += "...";
    }
  }
}

void append_whole(std::string& line, Style style, Level level, WallMs now, std::string_view event, Fields fields) {
  const LevelText& text = kLevels.at(static_cast<std::size_t>(level));
  if (style == Style::journal) {
    line += text.priority;
  } else {
    append_iso8601(line, now);
    line += ' ';
    if (style == Style::terminal) line += text.colour;
    line += text.name;
    if (style == Style::terminal) line += "\x1b[0m";
    line += ' ';
  }
  append_line(line, event, fields);
  line += '\n';
}

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // nobody reads: there is no other place to say so
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace

void set_level(Level level) { g_level.store(level, std::memory_order_relaxed); }

bool enabled(Level level) { return level >= g_level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view event, Fields fields) {
  if (!enabled(level)) return;
  static const Style style = detect_style();
  thread_local std::string line;
  line.clear();
  append_whole(line, style, level, wall_now(), event, fields);
  const int saved = errno;  // callers log and then look at errno
  write_all(line);
  errno = saved;
}

std::string format_line(Style style, Level level, WallMs now, std::string_view event, Fields fields) {
  std::string out;
  append_whole(out, style, level, now, event, fields);
  return out;
}

std::string format(std::string_view event, Fields fields) {
  std::string out;
  append_line(out, event, fields);
  return out;
}

}  // namespace postern::log
