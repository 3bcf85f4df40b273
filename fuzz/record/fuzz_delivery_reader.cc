// A delivery's line of any octets: read within the limits, and where it is JSON without doubled keys, as json::parse()
// reads it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/json_scanner.h"
#include "base/result.h"
#include "record/delivery_reader.h"
#include "record/session_record.h"

namespace {

using namespace postern;
using namespace postern::record;

// A key that stands twice makes the two differ: each holds another one.
bool has_doubles(std::string_view line, const json::Value& value) {
  std::string scratch;
  json::Scanner scanner(line, scratch);
  std::size_t members = 0;
  bool doubled = false;
  static_cast<void>(scanner.object([&](std::string_view key) {
    ++members;
    if (key != "outcomes") return scanner.skip();
    return scanner.array([&] {
      std::size_t states = 0;
      const bool whole = scanner.object([&](std::string_view name) {
        if (name == "state" && ++states > 1) doubled = true;
        return scanner.skip();
      });
      return whole;
    });
  }));
  return doubled || members != value.object().size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  DeliveryReader reader;
  const bool read = reader.read(line);
  const DeliveryView& view = reader.delivery();
  const auto value = json::parse(line);
  if (!value || !read || has_doubles(line, *value)) return 0;
  POSTERN_CHECK(view.id == value->at("id").string());
  POSTERN_CHECK(view.transport == value->at("transport").string());
  POSTERN_CHECK(view.tls == value->at("tls").string());
  POSTERN_CHECK(view.family == value->at("family").string());
  std::size_t delivered = 0;
  const auto& outcomes = value->at("outcomes").array();
  for (std::size_t i = 0; i < std::min(outcomes.size(), kRecipientsMax); ++i)
    delivered += outcomes[i].at("state").string() == "delivered" ? 1 : 0;
  if (value->at("beyond").is_null())
    POSTERN_CHECK(view.delivered == delivered);
  else
    POSTERN_CHECK(view.delivered >= delivered);
  return 0;
}
