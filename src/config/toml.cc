// The one file that includes the TOML library: text in, Nodes out.
//
// toml++ 3.3.0 takes for granted what its own parser does not keep: for a control character after '[' its assertion
// fails, and with NDEBUG the same claim is an assumption for the optimizer, which is worse. With both off it reports
// the error.
#undef NDEBUG
#define TOML_ASSERT(expr) static_cast<void>(0)
#include <toml++/toml.h>

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "config/node.h"

namespace postern::config {

namespace {

Place place_of(const toml::source_region& region) {
  return Place{static_cast<int>(region.begin.line), static_cast<int>(region.begin.column)};
}

std::int64_t day_of(const toml::date& date) {
  const std::chrono::year_month_day day{std::chrono::year(date.year), std::chrono::month(date.month),
                                        std::chrono::day(date.day)};
  return std::chrono::sys_days(day).time_since_epoch().count();
}

// Recursion is bounded: refuse_unparsed() for dotted keys, the library's own limit for nested values.
Node convert(const toml::node& from) {
  Node node;
  node.place = place_of(from.source());
  switch (from.type()) {
    case toml::node_type::string:
      node.kind = Node::Kind::string;
      node.text = from.as_string()->get();
      break;
    case toml::node_type::integer:
      node.kind = Node::Kind::integer;
      node.integer = from.as_integer()->get();
      break;
    case toml::node_type::floating_point:
      node.kind = Node::Kind::real;
      node.real = from.as_floating_point()->get();
      break;
    case toml::node_type::boolean:
      node.kind = Node::Kind::boolean;
      node.boolean = from.as_boolean()->get();
      break;
    case toml::node_type::array:
      node.kind = Node::Kind::array;
      for (const toml::node& item : *from.as_array()) node.items.push_back(convert(item));
      break;
    case toml::node_type::table:
      node.kind = Node::Kind::table;
      for (const auto& [key, value] : *from.as_table()) {
        node.members.push_back(Member{std::string(key.str()), place_of(key.source()), convert(value)});
      }
      // The library keeps tables sorted by key; the operator's order is the one that matters.
      std::sort(node.members.begin(), node.members.end(),
                [](const Member& a, const Member& b) { return a.place < b.place; });
      break;
    default:
      node.kind = Node::Kind::time;
      if (const auto* date = from.as_date(); date != nullptr) node.day = day_of(date->get());
      break;
  }
  return node;
}

}  // namespace

std::expected<Node, TomlError> parse_toml(std::string_view text) {
  if (auto refused = refuse_unparsed(text)) return std::unexpected(std::move(*refused));
  try {
    const toml::table table = toml::parse(text);
    return convert(table);
  } catch (const toml::parse_error& error) {
    return std::unexpected(TomlError{place_of(error.source()), printable(error.description(), 300)});
  }
}

}  // namespace postern::config
