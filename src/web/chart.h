// Charts as SVG, drawn here, so that they are there at once and without a script; each with its figures as a table.
// Colours come from the style sheet by class. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace postern::web {

struct ChartSeries {
  std::string name;  // plain text
  std::string css;   // class: "c-accept"
  std::vector<double> values;
};

// Stacked bars over time. All series have as many values as there are steps.
[[nodiscard]] std::string time_chart(std::string_view id, std::string_view title, WallMs from, WallMs step,
                                     const std::vector<ChartSeries>& series);

struct BarPart {
  std::string name, css;
  double value = 0;
};
struct Bar {
  std::string name;
  std::vector<BarPart> parts;
};
// One line a bar, each as wide as its share of the largest; with the figures beside it.
[[nodiscard]] std::string bar_chart(std::string_view id, std::string_view title, const std::vector<Bar>& bars);

}  // namespace postern::web
