// Reader: turns Nodes into the values of a Config, and collects what is wrong with them. The functions of keys_*.cc use
// it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/node.h"

namespace postern::config {

class Reader {
 public:
  explicit Reader(std::string file) { config.file = std::move(file); }

  Config config;
  inbound::ListenerOptions* listener = nullptr;      // while a [[listen]] is read
  directory::DomainOptions* domain = nullptr;        // while a [[domain]] is read
  std::string key;                                   // being read, "limits.errors"
  std::map<std::string, Place, std::less<>> places;  // of every key that was read
  std::vector<Problem> problems;

  void problem(Place place, std::string what) { problem_at(key, place, std::move(what)); }
  void problem_at(std::string_view about, Place place, std::string what);

  // Each reports what was found and what was expected where the type is another.
  std::optional<std::string> string(const Node& node, std::string_view expected);
  std::optional<bool> boolean(const Node& node);
  struct Text {
    Place place;
    std::string text;
  };
  // A list of strings, or one string alone.
  std::optional<std::vector<Text>> strings(const Node& node, std::string_view expected);
  // One of `choices`, with a suggestion for others; the index.
  std::optional<std::size_t> choice(const Node& node, const std::vector<std::string>& choices);

  std::vector<ip::Prefix> prefixes(const Node& node);
  std::vector<ip::Endpoint> endpoints(const Node& node);
  // Relative paths start in the folder of the configuration file.
  [[nodiscard]] std::string path(std::string_view text) const;
};

[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace postern::config
