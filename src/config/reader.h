// Reader: turns Nodes into the values of a Config, and collects what is wrong with them. The functions of keys_*.cc use
// it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/node.h"

namespace postern::config {

enum class Unit : std::uint8_t { none, count, bytes, milliseconds };

class Reader {
 public:
  // `text` is the file, and outlives the reader.
  Reader(std::string file, std::string_view text) : text_(text) { config.file = std::move(file); }

  Config config;
  inbound::ListenerOptions* listener = nullptr;    // while a [[listen]] is read
  directory::DomainOptions* domain = nullptr;      // while a [[domain]] is read
  policy::RuleOptions* rule = nullptr;             // while a [[policy.rule]] is read
  policy::OverrideOptions* override_of = nullptr;  // while a [[policy.for]] is read
  policy::PinOptions* pin = nullptr;               // while a [[policy.pin]] is read
  mailauth::KeyOptions* dkim = nullptr;            // while a [[dkim]] is read
  signals::ListOptions* list = nullptr;            // while a [[policy.list]] is read
  outbound::RouteOptions* route = nullptr;         // while a [[route]] is read
  inbound::UserOptions* user = nullptr;            // while a [[login]] is read
  std::string* user_name = nullptr;                // likewise
  using UserLimit = std::uint32_t inbound::SubmissionLimits::*;
  std::vector<UserLimit> user_limits;  // that it names
  std::vector<std::pair<std::string, std::vector<UserLimit>>> limits_of_users;
  std::string key;                                   // being read, "limits.errors"
  std::map<std::string, Place, std::less<>> places;  // of every key that was read
  std::vector<Problem> problems;
  Place when_string;                // of the rule that is being read
  std::vector<Place> when_strings;  // of policy.rules: where each condition's string begins
  std::vector<Problem> warnings;    // what is taken, and should be known all the same

  void problem(Place place, std::string what) { problem_at(key, place, std::move(what)); }
  void problem_at(std::string_view about, Place place, std::string what);
  void warning(Place place, std::string what);
  void warning_at(std::string_view about, Place place, std::string what);

  // Each reports what was found and what was expected where the type is another.
  std::optional<std::string> string(const Node& node, std::string_view expected);
  std::optional<bool> boolean(const Node& node);
  struct Text {
    Place place;
    std::string text;
  };
  // A list of strings, or one string alone.
  std::optional<std::vector<Text>> strings(const Node& node, std::string_view expected);
  // A number, with or without a fraction.
  std::optional<double> real(const Node& node, double min, double max);
  struct Bounds {
    Unit unit = Unit::count;
    std::uint64_t min = 0, max = 0;
    std::string_view zero = {};  // what 0 stands for, where it is allowed besides
  };
  // Octets, milliseconds or a count.
  std::optional<std::uint64_t> number(const Node& node, const Bounds& bounds);
  // One of `choices`, with a suggestion for others; the index.
  std::optional<std::size_t> choice(const Node& node, const std::vector<std::string>& choices);

  std::vector<ip::Prefix> prefixes(const Node& node);
  std::vector<ip::Endpoint> endpoints(const Node& node);
  // Letters, digits, '-' and '_': of rules, lists and labels.
  std::optional<std::string> name(const Node& node, std::string_view example);
  // Domains and addresses of ours, in canonical form: "example.org", "bob@example.org".
  std::vector<std::string> recipients(const Node& node);
  // Relative paths start in the folder of the configuration file.
  [[nodiscard]] std::string path(std::string_view text) const;
  // Where the octet `offset` of a string's value stands in the file, whatever quotes and escapes it is written with.
  [[nodiscard]] Place within(Place string, std::size_t offset);

 private:
  std::string_view text_;
  std::vector<std::size_t> line_starts_;  // of text_, once they are asked for
};

// "50 MiB", "5m", "100"
[[nodiscard]] std::string show_number(Unit unit, std::uint64_t value);

[[nodiscard]] std::string quoted(std::string_view text);

}  // namespace postern::config
