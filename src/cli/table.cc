#include "cli/table.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace postern::cli {

namespace {

constexpr std::size_t kNarrowest = 30;  // columns of text; below it nothing is folded
constexpr std::size_t kBarMin = 5, kBarMax = 20;
constexpr std::size_t kNameMin = 16;  // columns that the first column keeps
constexpr std::size_t kGap = 2;       // between columns

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

std::optional<std::size_t> terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return std::nullopt;
  return size.ws_col;
}

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string folded(std::string_view text, std::size_t indent, std::optional<std::size_t> width) {
  const std::string margin(indent, ' ');
  if (width.value_or(0) < indent + kNarrowest) return margin + std::string(text) + "\n";
  std::string out, line;
  for (const std::string_view word : split(text, ' ')) {
    if (!line.empty() && indent + columns_of(line) + 1 + columns_of(word) > *width) {
      out += margin + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + std::string(word);
  }
  return out + margin + line + "\n";
}

std::string percent(double share) {
  const auto tenths = std::lround(share * 1000);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

std::string share_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "-" : percent(static_cast<double>(part) / static_cast<double>(whole));
}

std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t columns, std::string_view mark) {
  if (part == 0 || whole == 0) return {};
  const double share = std::min(static_cast<double>(part) / static_cast<double>(whole), 1.0);
  const auto full = static_cast<std::size_t>(std::lround(share * static_cast<double>(columns)));
  std::string out;
  for (std::size_t i = 0; i < std::max<std::size_t>(full, 1); ++i) out += mark;
  return out;
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
    const std::string space(widths_[i] - columns_of(row[i].text), ' ');
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
    for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], columns_of(row[i].text));
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

namespace {

std::vector<std::size_t> widths_of(const std::vector<Table::Column>& columns, const std::vector<Barred>& rows) {
  std::vector<std::size_t> out;
  out.reserve(columns.size());
  for (const Table::Column& column : columns) out.push_back(columns_of(column.title));
  for (const Barred& row : rows)
    for (std::size_t i = 0; i < row.cells.size(); ++i) out[i] = std::max(out[i], columns_of(row.cells[i].text));
  return out;
}

// Takes columns out, the highest of `spare` first and of those the last, until the others have room beside a first
// column that is cut as far as it may be.
void leave_out(std::vector<Table::Column>& columns, std::vector<Barred>& rows, std::vector<std::size_t>& widths,
               const Fit& fit) {
  const auto least = [&] {
    const std::size_t cut = std::max(kNameMin, columns_of(columns.front().title));
    std::size_t sum = fit.cut_names ? std::min(widths.front(), cut) : widths.front();
    for (std::size_t i = 1; i < widths.size(); ++i) sum += kGap + widths[i];
    return sum;
  };
  while (least() > *fit.width) {
    std::size_t leaves = 0;
    for (std::size_t i = 1; i < columns.size(); ++i)
      if (columns[i].spare > 0 && columns[i].spare >= columns[leaves].spare) leaves = i;
    if (leaves == 0) return;
    const auto place = static_cast<std::ptrdiff_t>(leaves);
    columns.erase(columns.begin() + place);
    widths.erase(widths.begin() + place);
    for (Barred& row : rows)
      if (row.cells.size() > leaves) row.cells.erase(row.cells.begin() + place);
  }
}

void shorten(std::string& text, std::size_t columns) {
  constexpr std::string_view kCut = "..";
  if (columns_of(text) <= columns) return;
  std::size_t octets = text.size();
  while (octets > 0 && columns_of(std::string_view(text).substr(0, octets)) + kCut.size() > columns)
    octets = utf8_head(text, octets - 1).size();
  text.resize(octets);
  text += kCut;
}

}  // namespace

std::string fitted(std::vector<Table::Column> columns, std::vector<Barred> rows, const Fit& fit) {
  std::vector<std::size_t> widths = widths_of(columns, rows);
  std::size_t room = kBarMax;
  if (fit.width) {
    leave_out(columns, rows, widths, fit);
    std::size_t taken = kGap * (widths.size() - 1);
    for (const std::size_t width : widths) taken += width;
    if (fit.cut_names && taken > *fit.width) {
      const std::size_t name = widths.front() - std::min(taken - *fit.width, widths.front());
      for (Barred& row : rows)
        if (!row.cells.empty()) shorten(row.cells.front().text, std::max(name, kNameMin));
    }
    room = *fit.width > taken + kGap ? std::min(*fit.width - taken - kGap, kBarMax) : 0;
  }
  const bool bars = room >= kBarMin && std::ranges::any_of(rows, [](const Barred& row) { return row.whole > 0; });
  if (bars) columns.push_back({""});
  Table table(std::move(columns), fit.colour);
  for (Barred& row : rows) {
    if (bars) row.cells.push_back({bar(row.part, row.whole, room, fit.mark), fit.bars});
    table.add(std::move(row.cells));
  }
  return table.take();
}

}  // namespace postern::cli
