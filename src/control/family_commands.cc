#include "control/family_commands.h"

#include <algorithm>

#include "base/text.h"

namespace postern::control {

namespace {

constexpr std::int64_t kListMax = 1000;  // rows of one answer; a row is under 500 octets

Task<Result<json::Value>> list(std::string lines, std::int64_t max) {
  json::Value::Array rows;
  const auto all = split(lines, '\n');
  for (auto line = all.rbegin(); line != all.rend() && rows.size() < static_cast<std::size_t>(max); ++line) {
    if (line->empty()) continue;
    if (auto row = json::parse(*line, 4); row) rows.push_back(std::move(*row));
  }
  co_return json::Value(json::Value::Object{{"destinations", json::Value(std::move(rows))}});
}

}  // namespace

void add_family_commands(Server& server, std::function<std::string()> lines) {
  server.handle("families_list", [lines = std::move(lines)](const json::Value& request) {
    return list(lines(), std::clamp<std::int64_t>(request.at("max").integer(kListMax), 1, kListMax));
  });
}

}  // namespace postern::control
