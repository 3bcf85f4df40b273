// Saved SYNs: what is read has a signature that p0f's format can hold, and some system, the same every time.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "fingerprint/os_table.h"

using namespace postern;
using namespace postern::fingerprint;

namespace {

const OsTable& table() {
  static const OsTable with_database = [] {
    auto database = P0fDatabase::parse(
        "[tcp:request]\nlabel = g:unix:A:\nsig = *:64:0:*:*,*:mss,sok:df,id+:0\nlabel = s:unix:B:c\n"
        "sig = *:64:0:*:mss*4,*:mss,nop,nop,sok:df,id+:0\nsig = *:255-:0:*:%2,0:mss::*\nlabel = s:!:T:\n"
        "sig = 6:64:8:*:mtu*4,*:mss::0\n");
    POSTERN_CHECK(database.has_value());
    return OsTable(std::make_shared<const P0fDatabase>(std::move(*database)));
  }();
  return with_database;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view saved(reinterpret_cast<const char*>(data), size);
  const auto syn = parse_syn(saved);
  if (!syn) {
    POSTERN_CHECK(!syn.error().what.empty() && table().match(saved).os == Os::unknown);
    return 0;
  }
  const std::string text = signature(*syn);
  POSTERN_CHECK(std::ranges::count(text, ':') == 7);
  POSTERN_CHECK(std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; }));
  // p0f's names for options and quirks are the same in both directions.
  const auto layout = OptionLayout::parse(syn->options.text());
  POSTERN_CHECK(layout.has_value() && layout->text() == syn->options.text());
  POSTERN_CHECK(window_multiple(*syn).factor <= syn->window);
  const OsMatch match = table().match(*syn);
  POSTERN_CHECK(match.os != Os::unknown);
  POSTERN_CHECK((match.os == Os::unrecognised) == (match.how == How::none) &&
                match.label.empty() == (match.how == How::none));
  return 0;
}
