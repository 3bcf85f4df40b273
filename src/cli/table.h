// Table: aligned columns for a terminal or a pipe. Pages may follow each other: columns keep their widths and only
// grow.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::cli {

enum class Colour : std::uint8_t { none, dim, red, yellow, green, bold };

// The text, between escape sequences where `enabled`.
[[nodiscard]] std::string coloured(std::string_view text, Colour colour, bool enabled);
// Whether standard output wants colour: a terminal that is not dumb, and NO_COLOR is not set.
[[nodiscard]] bool colour_wanted();
// Columns of the terminal on standard output; 80 where it is none.
[[nodiscard]] std::size_t output_width();

class Table {
 public:
  struct Column {
    std::string title;
    bool right = false;
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

}  // namespace postern::cli
