// A session's record of any octets, explained: in words without a control character, and as JSON.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "cli/why_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const auto line = json::parse({reinterpret_cast<const char*>(data), size});
  if (!line) return 0;
  std::vector<policy::Problem> problems;
  static const std::shared_ptr<const policy::Policy> kPolicy = policy::Policy::compile({}, problems);
  // The policy that judged, whatever fingerprint the input names.
  json::Value::Object members = line->object();
  if (size % 2 == 0) members.insert_or_assign("policy", json::Value(std::string(kPolicy->fingerprint())));
  const insight::Why why = insight::explain_session({.session = json::Value(members), .deliveries = {*line}},
                                                    kPolicy.get(), {}, {evidence::country_code('U', 'S')});
  const std::string text = cli::why_text(why, false);
  for (const char c : text) POSTERN_CHECK(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  std::string out;
  json::Writer writer(out);
  append_json(why, writer);
  POSTERN_CHECK(json::parse(out).has_value());
  return 0;
}
