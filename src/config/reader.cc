#include "config/reader.h"

#include "base/text.h"

namespace postern::config {

std::string quoted(std::string_view text) { return "\"" + printable(text, 120) + "\""; }

void Reader::problem_at(std::string_view about, Place place, std::string what) {
  problems.push_back(Problem{config.file, place.line, place.column, std::string(about), std::move(what)});
}

std::optional<std::string> Reader::string(const Node& node, std::string_view expected) {
  if (node.kind == Node::Kind::string) return node.text;
  problem(node.place, "found " + node.describe() + ", expected " + std::string(expected));
  return std::nullopt;
}

std::optional<bool> Reader::boolean(const Node& node) {
  if (node.kind == Node::Kind::boolean) return node.boolean;
  problem(node.place, "found " + node.describe() + ", expected true or false, without quotes");
  return std::nullopt;
}

std::optional<std::vector<Reader::Text>> Reader::strings(const Node& node, std::string_view expected) {
  if (node.kind == Node::Kind::string) return std::vector<Text>{{node.place, node.text}};
  if (node.kind != Node::Kind::array) {
    problem(node.place, "found " + node.describe() + ", expected a list of " + std::string(expected));
    return std::nullopt;
  }
  std::vector<Text> out;
  bool good = true;
  for (const Node& item : node.items) {
    if (item.kind == Node::Kind::string) {
      out.push_back({item.place, item.text});
    } else {
      problem(item.place, "found " + item.describe() + " in a list of " + std::string(expected));
      good = false;
    }
  }
  if (!good) return std::nullopt;
  return out;
}

std::optional<std::size_t> Reader::choice(const Node& node, const std::vector<std::string>& choices) {
  std::string expected;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    expected += (i == 0 ? "" : i + 1 == choices.size() ? " or " : ", ") + quoted(choices[i]);
  }
  const auto text = string(node, expected);
  if (!text) return std::nullopt;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (choices[i] == *text) return i;
  }
  auto near = nearest(*text, choices);
  for (const std::string& candidate : choices) {
    if (!near && text->size() > 2 && candidate.starts_with(*text)) near = candidate;  // "warn"
  }
  problem(node.place, quoted(*text) + " is not known; " +
                          (near ? "did you mean " + quoted(*near) + "? " : std::string()) + "expected " + expected);
  return std::nullopt;
}

std::vector<ip::Prefix> Reader::prefixes(const Node& node) {
  std::vector<ip::Prefix> out;
  const auto texts = strings(node, "addresses and prefixes, such as \"2001:db8::/32\"");
  if (!texts) return out;
  for (const Text& text : *texts) {
    auto prefix = ip::Prefix::parse(text.text);
    if (prefix)
      out.push_back(*prefix);
    else
      problem(text.place, prefix.error().what);
  }
  return out;
}

std::vector<ip::Endpoint> Reader::endpoints(const Node& node) {
  std::vector<ip::Endpoint> out;
  const auto texts = strings(node, "addresses with a port, such as \"[::]:25\" or \"0.0.0.0:25\"");
  if (!texts) return out;
  for (const Text& text : *texts) {
    auto endpoint = ip::Endpoint::parse(text.text);
    if (!endpoint)
      problem(text.place, endpoint.error().what);
    else if (endpoint->port == 0)
      problem(text.place, quoted(text.text) + " has port 0; write the port to use");
    else
      out.push_back(*endpoint);
  }
  return out;
}

std::string Reader::path(std::string_view text) const {
  if (text.starts_with('/')) return std::string(text);
  return config.base_directory + "/" + std::string(text);
}

}  // namespace postern::config
