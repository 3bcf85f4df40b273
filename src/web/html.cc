#include "web/html.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ranges>

#include "base/text.h"
#include "web/assets.h"
#include "web/url.h"

namespace postern::web {

namespace {

struct Item {
  std::string_view path, title;
};
constexpr std::array<Item, 6> kOperatorItems{{{"/", "Dashboard"},
                                              {"/queue", "Queue"},
                                              {"/memory", "Memory"},
                                              {"/signals", "Signals"},
                                              {"/backtest", "Backtest"},
                                              {"/why", "Why"}}};

constexpr std::size_t kCardColumns = 4;

void item(std::string& out, const Frame& frame, std::string_view path, std::string_view title) {
  const bool here = frame.here == path || (path != "/" && frame.here.starts_with(std::string(path) + "/"));
  out += "<li><a href=\"" + frame.base + std::string(path) + "\"" + (here ? " aria-current=\"page\"" : "") + ">" +
         std::string(title) + "</a></li>";
}

}  // namespace

std::string page(const Frame& frame, std::string_view title, std::string_view body, std::string_view module,
                 int refresh_s) {
  const auto asset_path = [&frame](std::string_view name) { return frame.base + "/assets/" + versioned(name); };
  std::string out = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  out += "<meta name=\"color-scheme\" content=\"light dark\">\n";
  if (refresh_s > 0) {
    // Where a script watches, it knows better when to look again
    const std::string again = "<meta http-equiv=\"refresh\" content=\"" + std::to_string(refresh_s) + "\">";
    out += module.empty() ? again + "\n" : "<noscript>" + again + "</noscript>\n";
  }
  out += "<title>" + escape(title) + " · " + escape(frame.hostname) + "</title>\n";
  out += "<link rel=\"stylesheet\" href=\"" + asset_path("style.css") + "\">\n";
  out += "<link rel=\"icon\" href=\"" + asset_path("icon.svg") + "\" type=\"image/svg+xml\">\n";
  if (!module.empty()) out += "<script type=\"module\" src=\"" + asset_path(module) + "\"></script>\n";
  out += "</head>\n<body data-base=\"" + escape(frame.base) + "\">\n";
  out += "<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header>\n";
  out += "<a class=\"brand\" href=\"" + frame.base + "/\"><span aria-hidden=\"true\">◧</span> Postern</a>";
  out += "<span class=\"host\">" + escape(frame.hostname) + "</span>\n<nav aria-label=\"Pages\"><ul>";
  if (frame.is_operator)
    for (const Item& one : kOperatorItems) item(out, frame, one.path, one.title);
  else if (frame.why)
    item(out, frame, "/why", "Why");
  if (frame.check || frame.is_operator) item(out, frame, "/check", "Check");
  if (frame.log_in && !frame.is_operator && (frame.here.starts_with("/why") || frame.here.starts_with("/check")))
    out += "<li><a href=\"" + frame.base + "/login?to=" + percent_encode(frame.here) + "\">Operator</a></li>";
  out += "</ul></nav>\n</header>\n<main id=\"main\" tabindex=\"-1\">\n<h1>" + escape(title) + "</h1>\n";
  out.append(body);
  out += "</main>\n<footer>";
  out += frame.is_operator ? "Times are UTC. Everything here is computed from the records of this server."
                           : "This page sets no cookie and loads nothing from elsewhere.";
  return out += "</footer>\n</body>\n</html>\n";
}

std::string table(std::string_view caption, const std::vector<Column>& columns,
                  const std::vector<std::vector<std::string>>& rows, std::string_view when_empty) {
  if (rows.empty()) return "<p class=\"empty\">" + escape(when_empty) + "</p>\n";
  // A wide table scrolls by itself, also by keyboard. On a phone each row of one with many columns, which are not
  // numbers alone, becomes a card, and its cells name their columns; the roles stay those of a table, which style
  // sheets take away.
  const bool numbers = std::ranges::all_of(columns | std::views::drop(1), &Column::number);
  const bool cards = columns.size() >= kCardColumns && !numbers;
  std::string out = "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"" + escape(caption) +
                    "\"><table" + (cards ? " class=\"cards\" role=\"table\"" : "") + "><caption>" + escape(caption) +
                    "</caption><thead" + (cards ? " role=\"rowgroup\"" : "") + "><tr" + (cards ? " role=\"row\"" : "") +
                    ">";
  for (const Column& column : columns)
    out += std::string("<th scope=\"col\"") + (cards ? " role=\"columnheader\"" : "") +
           (column.number ? " class=\"n\"" : "") + ">" + escape(column.title) + "</th>";
  out += std::string("</tr></thead><tbody") + (cards ? " role=\"rowgroup\"" : "") + ">\n";
  for (const auto& row : rows) {
    out += cards ? "<tr role=\"row\">" : "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool number = i < columns.size() && columns[i].number;
      if (i == 0)
        out += std::string("<th scope=\"row\"") + (cards ? " role=\"rowheader\"" : "") + ">" + row[i] + "</th>";
      else
        out += std::string("<td") + (cards ? " role=\"cell\"" : "") + (number ? " class=\"n\"" : "") +
               (cards && i < columns.size() && !columns[i].title.empty()
                    ? " data-label=\"" + escape(columns[i].title) + "\""
                    : "") +
               ">" + row[i] + "</td>";
    }
    out += "</tr>\n";
  }
  return out += "</tbody></table></div>\n";
}

std::string facts(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::string out = "<dl class=\"facts\">";
  for (const auto& [name, value] : rows)
    if (!value.empty()) out += "<div><dt>" + escape(name) + "</dt><dd>" + value + "</dd></div>";
  return out += "</dl>\n";
}

std::string notice(std::string_view kind, std::string_view text) {
  return "<p class=\"notice " + std::string(kind) + "\" role=\"status\">" + escape(text) + "</p>\n";
}

std::string badge(std::string_view word) {
  std::string_view sign = "·";
  if (word == "accept" || word == "pass" || word == "ham" || word == "ok" || word == "healthy") sign = "✓";
  if (word == "tag" || word == "greylist" || word == "throttle" || word == "warn" || word == "held") sign = "!";
  if (word == "reject" || word == "fail" || word == "spam" || word == "failed") sign = "✕";
  std::string shown(word);
  for (char& c : shown)
    if (c == '_') c = ' ';
  return "<span class=\"badge b-" + escape(word) + "\"><span aria-hidden=\"true\">" + std::string(sign) + "</span> " +
         escape(shown) + "</span>";
}

std::string count_text(std::uint64_t count) {
  std::string digits = std::to_string(count);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += "\u202F";
    out += digits[i];
  }
  return out;
}

std::string decimal(double value, int digits) {
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return {text.data(), static_cast<std::size_t>(size < 0 ? 0 : size)};
}

std::string share_text(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "–";
  const double percent = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  return decimal(percent, percent > 0 && percent < 10 ? 1 : 0) + "\u202F%";
}

std::string time_html(std::string_view iso8601) {
  std::string shown(iso8601.substr(0, 16));
  if (shown.size() > 10 && shown[10] == 'T') shown[10] = ' ';
  return "<time datetime=\"" + escape(iso8601) + "\">" + escape(shown) + "</time>";
}
std::string time_html(WallMs time) { return time_html(std::string_view(iso8601(time))); }

std::string link(const Frame& frame, std::string_view path, std::string_view text, std::string_view label) {
  return "<a href=\"" + escape(frame.base + std::string(path)) + "\"" +
         (label.empty() ? "" : " aria-label=\"" + escape(label) + "\"") + ">" + escape(text) + "</a>";
}

}  // namespace postern::web
