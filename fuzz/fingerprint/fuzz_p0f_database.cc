// p0f databases: what is read matches SYNs without trouble, and an error names a line in printable words.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "base/text.h"
#include "fingerprint/p0f_database.h"

using namespace postern;
using namespace postern::fingerprint;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto database = P0fDatabase::parse(text);
  if (!database) {
    POSTERN_CHECK(is_digit(database.error().what.front()));
    for (const char c : database.error().what) POSTERN_CHECK(c >= ' ' && c <= '~');
    return 0;
  }
  POSTERN_CHECK(database->size() > 0 && database->size() <= P0fDatabase::kSignaturesMax);
  SynFacts syn{.ttl = 60, .header_length = 60, .mss = 1460, .window = 64240, .window_scale = 7};
  for (const char* layout : {"", "mss", "mss,sok,ts,nop,ws", "mss,nop,nop,sok", "mss,eol+1"}) {
    syn.options = *OptionLayout::parse(layout);
    for (const std::uint32_t quirks : {0U, 1U, 3U, 4U, 32U}) {
      syn.quirks = Quirks(quirks);
      for (const ip::Family family : {ip::Family::v4, ip::Family::v6}) {
        syn.family = family;
        if (const auto match = database->match(syn)) POSTERN_CHECK(!match->text().empty() && match->line > 0);
      }
    }
  }
  return 0;
}
