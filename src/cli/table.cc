#include "cli/table.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace postern::cli {

namespace {

// Columns on a terminal: one per UTF-8 character, near enough for what is shown here.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string_view sequence(Colour colour) {
  switch (colour) {
    case Colour::dim:
      return "\x1b[2m";
    case Colour::red:
      return "\x1b[31m";
    case Colour::yellow:
      return "\x1b[33m";
    case Colour::green:
      return "\x1b[32m";
    case Colour::bold:
      return "\x1b[1m";
    case Colour::none:
      break;
  }
  return {};
}

}  // namespace

std::size_t output_width() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 ? 80 : size.ws_col;
}

std::string coloured(std::string_view text, Colour colour, bool enabled) {
  if (!enabled || colour == Colour::none || text.empty()) return std::string(text);
  std::string out(sequence(colour));
  out += text;
  out += "\x1b[0m";
  return out;
}

bool colour_wanted() {
  // no-color.org: set and not empty
  const char* const no_colour = ::getenv("NO_COLOR");
  const char* const term = ::getenv("TERM");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  if (term == nullptr || std::string_view(term) == "dumb") return false;
  return ::isatty(STDOUT_FILENO) == 1;
}

void Table::append_row(std::string& out, const std::vector<Cell>& row) const {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string space(widths_[i] - width_of(row[i].text), ' ');
    if (i > 0) line += "  ";
    if (columns_[i].right) line += space;
    line += coloured(row[i].text, row[i].colour, colour_);
    if (!columns_[i].right && i + 1 < row.size()) line += space;
  }
  while (line.ends_with(' ')) line.pop_back();
  out += line + "\n";
}

std::string Table::take() {
  std::vector<Cell> titles;
  titles.reserve(columns_.size());
  for (const Column& column : columns_) titles.push_back({column.title, Colour::bold});
  widths_.resize(columns_.size());
  const auto widen = [this](const std::vector<Cell>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], width_of(row[i].text));
  };
  if (!begun_) widen(titles);
  for (const std::vector<Cell>& row : rows_) widen(row);
  std::string out;
  if (!begun_) append_row(out, titles);
  for (const std::vector<Cell>& row : rows_) append_row(out, row);
  begun_ = true;
  rows_.clear();
  return out;
}

}  // namespace postern::cli
