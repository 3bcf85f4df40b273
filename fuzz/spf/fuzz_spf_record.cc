// Record bytes: a record that parses has only terms that parse, in printable US-ASCII; whatever it is, the expansion of
// its domains is a name or nothing, and the same every time.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "dns/name.h"
#include "spf/record.h"

using namespace postern;
using namespace postern::spf;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // Explanations are the other text that DNS brings.
  const MacroValues values{.sender = "a.b-c@\xff.example.org",
                           .local_part = "a.b-c",
                           .sender_domain = "example.org",
                           .domain = "example.org",
                           .helo = "[192.0.2.1]..",
                           .receiver = {},
                           .validated_name = {},
                           .client = ip::Address::v4({192, 0, 2, 1}),
                           .now = -1};
  if (check_macro_string(text, MacroLetters::all, true)) {
    POSTERN_CHECK(expand_text(text, values, 300).size() <= 300);
  }
  if (!is_spf_record(text)) return 0;
  auto record = Record::parse(text);
  if (!record) {
    POSTERN_CHECK(!record.error().reason.empty());
    return 0;
  }
  POSTERN_CHECK(text.size() <= kRecordMax);
  POSTERN_CHECK(std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; }));
  std::size_t octets = 0;
  bool all = false;
  while (const auto term = record->next_mechanism()) {
    POSTERN_CHECK(!term->is_modifier() && term->cidr4 <= 32 && term->cidr6 <= 128);
    octets += term->text.size() + 1;
    all = all || term->kind == TermKind::all;
    if (term->domain_spec.empty()) continue;
    const auto name = expand_domain(term->domain_spec, term->use, values);
    if (name) {
      POSTERN_CHECK(!name->empty() && name->size() <= dns::kNameMax);
    }
    POSTERN_CHECK(name == expand_domain(term->domain_spec, term->use, values));
  }
  POSTERN_CHECK(octets <= text.size());
  POSTERN_CHECK(!(all && record->redirect()));
  return 0;
}
