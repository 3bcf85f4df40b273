#include "cli/transcript.h"

#include <utility>

#include "base/text.h"

namespace postern::cli {

namespace {
constexpr std::size_t kLinesShown = 12;   // of one piece sent
constexpr std::size_t kLineShown = 1000;  // octets
}  // namespace

std::int64_t Transcript::elapsed_ms() const {
  return std::chrono::duration_cast<milliseconds>(Clock::now() - start_).count();
}

void Transcript::line(char direction, std::string_view text) {
  if (silent_) return;
  const char* const colour = !colour_ ? "" : direction == '>' ? "\x1b[36m" : direction == '<' ? "\x1b[32m" : "\x1b[33m";
  const std::string arrow = direction == '>' ? "->" : direction == '<' ? "<-" : "**";
  std::fprintf(out_, "%8lld ms %s%s %s%s\n", static_cast<long long>(elapsed_ms()), colour, arrow.c_str(),
               printable(text, kLineShown).c_str(), colour_ ? "\x1b[0m" : "");
}

void Transcript::wire(bool sent, std::string_view bytes) {
  std::string& partial = partial_[sent ? 1 : 0];
  std::size_t shown = 0, hidden = 0, hidden_octets = 0;
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    if (end == std::string_view::npos) {
      if (partial.size() < kLineShown) partial += bytes.substr(0, kLineShown);
      break;
    }
    const std::string_view piece = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    if (sent && shown >= kLinesShown && piece != ".\r") {
      ++hidden;
      hidden_octets += piece.size() + 1;
      partial.clear();
      continue;
    }
    if (hidden > 0) {
      line('>', "... " + std::to_string(hidden) + " more lines, " + std::to_string(hidden_octets) + " octets ...");
      hidden = 0;
    }
    std::string text = std::exchange(partial, {}) + std::string(piece);
    if (text.ends_with('\r')) text.pop_back();
    line(sent ? '>' : '<', text);
    ++shown;
  }
  if (hidden > 0) {
    line('>', "... " + std::to_string(hidden) + " more lines, " + std::to_string(hidden_octets) + " octets ...");
  }
}

void Transcript::note(std::string_view text) { line('*', text); }

void Transcript::end() {
  for (const bool sent : {false, true}) {
    std::string& partial = partial_[sent ? 1 : 0];
    if (!partial.empty()) line(sent ? '>' : '<', partial + " (no line end)");
    partial.clear();
  }
  std::fflush(out_);
}

}  // namespace postern::cli
