#include "web/chart.h"

#include <algorithm>
#include <cmath>

#include "web/html.h"
#include "web/url.h"

namespace postern::web {

namespace {

constexpr double kWidth = 720, kHeight = 260, kLeft = 56, kRight = 8, kTop = 10, kBottom = 28;

std::string number(double value) {
  std::string out = decimal(value, 1);
  if (out.ends_with(".0")) out.resize(out.size() - 2);
  return out;
}

// The next of 1, 2, 5, 10, 20, ... that is not smaller.
double round_up(double value) {
  if (value <= 1) return 1;
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double factor : {1.0, 1.2, 1.6, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0})
    if (value <= factor * power) return factor * power;
  return 10 * power;
}

std::string short_count(double value) {
  if (value >= 1e6) return number(value / 1e6) + "M";
  if (value >= 1e4) return number(value / 1e3) + "k";
  return number(value);
}

std::string clock_text(WallMs time, WallMs step) {
  const std::string text = iso8601(time);
  return step >= 2 * 3'600'000 ? text.substr(5, 5) : text.substr(11, 5);
}

void legend(std::string& out, const std::vector<ChartSeries>& series) {
  out += "<ul class=\"legend\">";
  for (const ChartSeries& one : series) {
    double sum = 0;
    for (const double value : one.values) sum += value;
    out += "<li><span class=\"swatch " + one.css + "\" aria-hidden=\"true\"></span>" + escape(one.name) + " <b>" +
           count_text(static_cast<std::uint64_t>(sum)) + "</b></li>";
  }
  out += "</ul>";
}

void draw_axes(std::string& out, double top, WallMs from, WallMs step, std::size_t steps) {
  const double plot = kHeight - kTop - kBottom;
  for (int i = 0; i <= 2; ++i) {
    const double y = kTop + plot - plot * i / 2;
    if (i == 1 && top < 2) continue;
    out += "<line class=\"grid\" x1=\"" + number(kLeft) + "\" x2=\"" + number(kWidth - kRight) + "\" y1=\"" +
           number(y) + "\" y2=\"" + number(y) + "\"/>";
    out += "<text class=\"axis\" text-anchor=\"end\" x=\"" + number(kLeft - 6) + "\" y=\"" + number(y + 7) + "\">" +
           short_count(top * i / 2) + "</text>";
  }
  constexpr std::size_t kMarks = 5;
  for (std::size_t i = 0; i < kMarks; ++i) {
    const std::size_t at = steps * i / kMarks;
    const double x = kLeft + (kWidth - kLeft - kRight) * static_cast<double>(at) / static_cast<double>(steps);
    out += "<text class=\"axis\" x=\"" + number(x) + "\" y=\"" + number(kHeight - 6) + "\">" +
           clock_text(from + static_cast<WallMs>(at) * step, step) + "</text>";
  }
}

}  // namespace

std::string time_chart(std::string_view id, std::string_view title, WallMs from, WallMs step,
                       const std::vector<ChartSeries>& series) {
  const std::size_t steps = series.empty() ? 0 : series.front().values.size();
  std::vector<double> sums(steps, 0);
  for (const ChartSeries& one : series)
    for (std::size_t i = 0; i < steps; ++i) sums[i] += one.values[i];
  const double highest = sums.empty() ? 0 : *std::ranges::max_element(sums);
  const std::string name(id);
  std::string out = "<figure class=\"chart\" id=\"" + name + "\"><figcaption id=\"" + name + "-title\">" +
                    escape(title) + "</figcaption>";
  legend(out, series);
  const double top = round_up(highest);
  out += "<div class=\"drawn\"><svg viewBox=\"0 0 720 260\" role=\"img\" aria-labelledby=\"" + name +
         "-title\" class=\"plot\">";
  if (steps > 0) draw_axes(out, top, from, step, steps);
  const double plot = kHeight - kTop - kBottom;
  const double width = steps == 0 ? 0 : (kWidth - kLeft - kRight) / static_cast<double>(steps);
  std::vector<double> base(steps, 0);
  for (const ChartSeries& one : series) {
    // One path a series: the whole chart is a few kilobytes
    std::string path;
    for (std::size_t i = 0; i < steps; ++i) {
      if (one.values[i] <= 0) continue;
      const double low = kTop + plot - plot * base[i] / top;
      const double high = plot * one.values[i] / top;
      const double x = kLeft + width * static_cast<double>(i) + width * 0.1;
      path += "M" + number(x) + " " + decimal(low, 2) + "v-" + decimal(high, 2) + "h" + decimal(width * 0.8, 2) + "v" +
              decimal(high, 2) + "z";
      base[i] += one.values[i];
    }
    if (!path.empty()) out += "<path class=\"" + one.css + "\" d=\"" + path + "\"/>";
  }
  out += "</svg></div>";
  std::vector<Column> columns{{.title = "From (UTC)"}};
  for (const ChartSeries& one : series) columns.push_back({.title = one.name, .number = true});
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = steps; i-- > 0;) {
    if (sums[i] <= 0) continue;
    std::vector<std::string> row{escape(iso8601(from + static_cast<WallMs>(i) * step).substr(5, 11))};
    row[0][5] = ' ';
    for (const ChartSeries& one : series) row.push_back(number(one.values[i]));
    rows.push_back(std::move(row));
  }
  // Always: a chart that a script draws says nothing else to who does not see it
  return out += "<details><summary>Figures of this chart</summary><div class=\"figures\">" +
                table(title, columns, rows, "Nothing in this time.") + "</div></details></figure>\n";
}

std::string bar_chart(std::string_view id, std::string_view title, const std::vector<Bar>& bars) {
  double largest = 1;
  for (const Bar& bar : bars) {
    double sum = 0;
    for (const BarPart& part : bar.parts) sum += part.value;
    largest = std::max(largest, sum);
  }
  const std::string name(id);
  std::vector<Column> columns{{.title = ""}};
  if (!bars.empty())
    for (const BarPart& part : bars.front().parts) columns.push_back({.title = part.name, .number = true});
  columns.push_back({.title = "Share of the largest"});
  std::vector<std::vector<std::string>> rows;
  for (const Bar& bar : bars) {
    std::vector<std::string> row{escape(bar.name)};
    std::string svg = "<svg viewBox=\"0 0 200 12\" preserveAspectRatio=\"none\" class=\"bar\" aria-hidden=\"true\">";
    double x = 0;
    for (const BarPart& part : bar.parts) {
      row.push_back(count_text(static_cast<std::uint64_t>(part.value)));
      const double wide = 200 * part.value / largest;
      if (wide > 0)
        svg += "<rect class=\"" + part.css + "\" x=\"" + decimal(x, 1) + "\" y=\"0\" height=\"12\" width=\"" +
               decimal(std::max(wide, 0.5), 1) + "\"/>";
      x += wide;
    }
    row.push_back(svg + "</svg>");
    rows.push_back(std::move(row));
  }
  return "<section class=\"bars\" id=\"" + name + "\">" + table(title, columns, rows, "Nothing in this time.") +
         "</section>\n";
}

}  // namespace postern::web
