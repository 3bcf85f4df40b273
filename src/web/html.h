// The frame of every page, and the few things that pages are made of. Nothing here knows a request but for Frame.
// Texts are escaped by whoever adds them; functions that take plain text say so. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"

namespace postern::web {

struct Frame {
  std::string base;  // before every path of ours
  std::string here;  // path of the page, which the navigation marks
  bool is_operator = false;
  bool why = true, check = false;
  bool log_in = false;  // there is a password or a token that makes a visitor the operator
  std::string hostname, postmaster;
};

// `title` is plain text; `body` is HTML and becomes the main landmark. `module`: a script of ours, "dashboard.js".
[[nodiscard]] std::string page(const Frame& frame, std::string_view title, std::string_view body,
                               std::string_view module = {}, int refresh_s = 0);

struct Column {
  std::string title;  // plain text
  bool number = false;
};
// Cells are HTML. `caption` is plain text, read by screen readers and shown.
[[nodiscard]] std::string table(std::string_view caption, const std::vector<Column>& columns,
                                const std::vector<std::vector<std::string>>& rows, std::string_view when_empty);
// <dl> of pairs; values are HTML, empty ones are left out.
[[nodiscard]] std::string facts(const std::vector<std::pair<std::string, std::string>>& rows);
// A message to the reader: "good", "bad", "note". Plain text.
[[nodiscard]] std::string notice(std::string_view kind, std::string_view text);
// The verdict as a word with its colour and a sign, so that colour is not all there is.
[[nodiscard]] std::string badge(std::string_view word);

[[nodiscard]] std::string count_text(std::uint64_t count);  // "12 345"
[[nodiscard]] std::string share_text(std::uint64_t part, std::uint64_t whole);
[[nodiscard]] std::string decimal(double value, int digits);
// <time datetime="...">2026-11-21 06:13</time>, UTC
[[nodiscard]] std::string time_html(WallMs time);
[[nodiscard]] std::string time_html(std::string_view iso8601);
[[nodiscard]] std::string link(const Frame& frame, std::string_view path, std::string_view text,
                               std::string_view label = {});  // plain text; the label is for screen readers

}  // namespace postern::web
