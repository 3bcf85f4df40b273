// Table: aligned columns for a terminal or a pipe. Pages may follow each other: columns keep their widths and only
// grow. fitted() makes a whole table at once, as wide as the terminal. Thread rule: values; no shared state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::cli {

enum class Colour : std::uint8_t { none, dim, red, yellow, green, bold };

// The text, between escape sequences where `enabled`.
[[nodiscard]] std::string coloured(std::string_view text, Colour colour, bool enabled);
// Whether standard output wants colour: a terminal that is not dumb, and NO_COLOR is not set.
[[nodiscard]] bool colour_wanted();
// Columns of the terminal on standard output; nothing where it is none, and nothing is folded or cut to a width then.
[[nodiscard]] std::optional<std::size_t> terminal_width();
// Of a text: one per UTF-8 character, without those that combine or are wide.
[[nodiscard]] std::size_t columns_of(std::string_view text);
// The text in lines of at most `width` columns, broken between words and indented; in one line where there is no width,
// or too little.
[[nodiscard]] std::string folded(std::string_view text, std::size_t indent, std::optional<std::size_t> width);

// "41.6 %"; "-" of nothing
[[nodiscard]] std::string percent(double share);
[[nodiscard]] std::string share_of(std::uint64_t part, std::uint64_t whole);
// The mark by share, `columns` times at 1; once at least for what is not nothing.
[[nodiscard]] std::string bar(std::uint64_t part, std::uint64_t whole, std::size_t columns = 20,
                              std::string_view mark = "#");

class Table {
 public:
  struct Column {
    std::string title;
    bool right = false;
    std::uint8_t spare = 0;  // fitted() leaves out the highest first where there is no room; 0: never
  };
  struct Cell {
    std::string text;
    Colour colour = Colour::none;
  };
  Table(std::vector<Column> columns, bool colour) : columns_(std::move(columns)), colour_(colour) {}
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  // The rows added since the last call, below the titles the first time; nothing at its end but newlines.
  [[nodiscard]] std::string take();

 private:
  void append_row(std::string& out, const std::vector<Cell>& row) const;
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
  std::vector<std::size_t> widths_;
  bool colour_;
  bool begun_ = false;
};

struct Barred {
  std::vector<Table::Cell> cells;
  std::uint64_t part = 0, whole = 0;  // of the bar behind the cells; whole 0: none
};
struct Fit {
  std::optional<std::size_t> width = {};  // of the page
  bool colour = false;
  std::string_view mark = "#";  // of bars
  Colour bars = Colour::green;
  bool cut_names = true;  // false: what the first column says is nothing without its end
};
// In `fit.width` columns as far as that goes: bars give way first, then the ends of names, then spare columns.
[[nodiscard]] std::string fitted(std::vector<Table::Column> columns, std::vector<Barred> rows, const Fit& fit);

}  // namespace postern::cli
