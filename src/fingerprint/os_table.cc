#include "fingerprint/os_table.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/text.h"

namespace postern::fingerprint {

namespace {

// How a system chooses the window of its SYN.
enum class Window : std::uint8_t {
  any,
  exact,     // this number
  segments,  // so many segments
  largest,   // as many whole segments as 16 bits hold
};

struct Row {
  std::string_view layout;
  Window window;
  std::uint16_t number;      // of exact and segments
  std::uint8_t scale_min;    // window scale
  std::uint8_t initial_ttl;  // 0: of no account
  Os os;                     // unrecognised: others look the same; p0f is not asked either
  std::string_view label;
};

// Windows since Vista. XP had it where scaling was switched on, and Solaris 10.
constexpr std::string_view kWindows = "mss,nop,ws,nop,nop,sok";
// Windows without window scaling. So are small devices, and a Linux with everything switched off.
constexpr std::string_view kBareWindows = "mss,nop,nop,sok";
// FreeBSD, and Windows with timestamps switched on: only window and TTL tell them apart.
constexpr std::string_view kFreebsd = "mss,nop,ws,sok,ts";
constexpr std::string_view kLinux = "mss,sok,ts,nop,ws";
constexpr std::string_view kLinuxWithoutTimestamps = "mss,nop,nop,sok,nop,ws";
constexpr std::string_view kApple = "mss,nop,ws,nop,nop,ts,sok,eol+1";
constexpr std::string_view kOpenbsd = "mss,nop,nop,sok,nop,ws,nop,nop,ts";
constexpr std::string_view kSolaris = "nop,ws,nop,nop,ts,nop,nop,sok,mss";

constexpr std::string_view kWindows10 = "Windows 10/11, Server 2016 or later";
constexpr std::string_view kWindows7 = "Windows 7/8, Server 2008/2012";
constexpr std::string_view kWindowsXp = "Windows XP, Server 2003";

// The first row that fits counts. Rows of a layout that ask for nothing else say what it is whatever was tuned.
constexpr std::array<Row, 36> kRows{{
    {kWindows, Window::segments, 34, 0, 64, Os::solaris, "Solaris 10"},
    {kWindows, Window::largest, 0, 0, 128, Os::windows, kWindows10},
    {kWindows, Window::exact, 65535, 3, 128, Os::windows, kWindows10},
    {kWindows, Window::exact, 65535, 0, 128, Os::windows, kWindowsXp},
    {kWindows, Window::exact, 16384, 0, 128, Os::windows, kWindowsXp},
    {kWindows, Window::exact, 8192, 0, 128, Os::windows, kWindows7},
    {kWindows, Window::any, 0, 0, 0, Os::windows, "Windows"},

    {kBareWindows, Window::exact, 65535, 0, 128, Os::windows, kWindowsXp},
    {kBareWindows, Window::exact, 16384, 0, 128, Os::windows, kWindowsXp},
    {kBareWindows, Window::exact, 8192, 0, 128, Os::windows, kWindows7},
    {kBareWindows, Window::largest, 0, 0, 128, Os::windows, kWindows10},
    {kBareWindows, Window::any, 0, 0, 128, Os::windows, "Windows"},
    {kBareWindows, Window::exact, 65535, 0, 0, Os::windows, "Windows"},
    {kBareWindows, Window::exact, 16384, 0, 0, Os::windows, "Windows"},
    {kBareWindows, Window::exact, 8192, 0, 0, Os::windows, "Windows"},
    {kBareWindows, Window::largest, 0, 0, 0, Os::unrecognised, ""},
    {kBareWindows, Window::segments, 20, 0, 0, Os::unrecognised, ""},
    {kBareWindows, Window::segments, 10, 0, 0, Os::unrecognised, ""},

    {kFreebsd, Window::exact, 65535, 0, 64, Os::freebsd, "FreeBSD"},
    {kFreebsd, Window::exact, 65535, 0, 128, Os::windows, "Windows, with timestamps"},
    {kFreebsd, Window::exact, 8192, 0, 128, Os::windows, "Windows, with timestamps"},
    {kFreebsd, Window::largest, 0, 0, 128, Os::windows, "Windows, with timestamps"},

    {kLinux, Window::exact, 65535, 0, 64, Os::android, "Android, or Linux with large receive buffers"},
    {kLinux, Window::largest, 0, 0, 64, Os::linux, "Linux 4.19 or later"},
    {kLinux, Window::segments, 20, 0, 64, Os::linux, "Linux 3.11 to 4.18"},
    {kLinux, Window::segments, 10, 0, 64, Os::linux, "Linux 3.0 to 3.10"},
    {kLinux, Window::segments, 4, 0, 64, Os::linux, "Linux 2.4 or 2.6"},
    {kLinux, Window::any, 0, 0, 0, Os::linux, "Linux"},

    {kLinuxWithoutTimestamps, Window::largest, 0, 0, 64, Os::linux, "Linux, without timestamps"},
    {kLinuxWithoutTimestamps, Window::any, 0, 0, 0, Os::linux, "Linux"},

    {kApple, Window::exact, 65535, 0, 64, Os::apple, "macOS or iOS"},
    {kApple, Window::any, 0, 0, 0, Os::apple, "macOS or iOS"},

    {kOpenbsd, Window::exact, 16384, 0, 64, Os::openbsd, "OpenBSD"},
    {kOpenbsd, Window::any, 0, 0, 0, Os::openbsd, "OpenBSD"},

    {kSolaris, Window::exact, 32850, 0, 64, Os::solaris, "Solaris 8 or 9"},
    {kSolaris, Window::any, 0, 0, 0, Os::solaris, "Solaris"},
}};

struct Layout {
  OptionLayout options;
  std::uint64_t hash = 0;
  std::size_t begin = 0;  // rows
  std::size_t end = 0;
};

// The rows of a layout stand together.
const std::vector<Layout>& layouts() {
  static const std::vector<Layout> all = [] {
    std::vector<Layout> out;
    for (std::size_t i = 0; i < kRows.size(); ++i) {
      if (i == 0 || kRows.at(i).layout != kRows.at(i - 1).layout) {
        auto options = OptionLayout::parse(kRows.at(i).layout);
        POSTERN_CHECK(options.has_value());
        out.push_back({*options, options->hash(), i, i});
      }
      out.back().end = i + 1;
    }
    return out;
  }();
  return all;
}

bool window_fits(const Row& row, const SynFacts& syn) {
  const unsigned window = syn.window;
  const unsigned mss = syn.mss;
  switch (row.window) {
    case Window::any:
      return true;
    case Window::exact:
      return window == row.number;
    case Window::segments:
      return mss != 0 && window == row.number * mss;
    case Window::largest:
      return mss != 0 && window != 0 && window % mss == 0 && window / mss == 65535 / mss;
  }
  return false;
}

bool fits(const Row& row, const SynFacts& syn) {
  return window_fits(row, syn) && syn.window_scale >= row.scale_min &&
         (row.initial_ttl == 0 || syn.initial_ttl() == row.initial_ttl);
}

Os os_of(const P0fDatabase::Match& match) {
  struct Name {
    std::string_view system;
    Os os;
  };
  constexpr std::array<Name, 9> kNames{{{"Windows", Os::windows},
                                        {"Linux", Os::linux},
                                        {"Mac OS X", Os::apple},
                                        {"MacOS X", Os::apple},
                                        {"iOS", Os::apple},
                                        {"FreeBSD", Os::freebsd},
                                        {"OpenBSD", Os::openbsd},
                                        {"NetBSD", Os::netbsd},
                                        {"Solaris", Os::solaris}}};
  if (match.group == "!") return Os::other;  // a tool, wherever it runs
  const auto* const found = std::ranges::find(kNames, match.system, &Name::system);
  if (found == kNames.end()) return Os::other;
  return found->os == Os::linux && match.flavour.contains("Android") ? Os::android : found->os;
}

How how_of(P0fDatabase::Quality quality) {
  switch (quality) {
    case P0fDatabase::Quality::specific:
      return How::p0f;
    case P0fDatabase::Quality::generic:
      return How::p0f_generic;
    case P0fDatabase::Quality::fuzzy:
      break;
  }
  return How::p0f_fuzzy;
}

}  // namespace

std::string_view to_string(Os os) { return evidence::info(evidence::Signal::os).values[static_cast<std::size_t>(os)]; }

std::string_view to_string(How how) {
  constexpr std::array<std::string_view, 6> kWords{"none", "exact", "layout", "p0f", "p0f_generic", "p0f_fuzzy"};
  return kWords.at(static_cast<std::size_t>(how));
}

OsMatch OsTable::match(const SynFacts& syn) const {
  const std::uint64_t hash = syn.options.hash();
  for (const Layout& layout : layouts()) {
    if (layout.hash != hash || layout.options != syn.options) continue;
    for (std::size_t i = layout.begin; i < layout.end; ++i) {
      const Row& row = kRows.at(i);
      if (!fits(row, syn)) continue;
      if (row.os == Os::unrecognised) return {.os = Os::unrecognised};
      return {row.os, std::string(row.label), row.initial_ttl == 0 ? How::layout : How::exact};
    }
  }
  if (database_ == nullptr) return {.os = Os::unrecognised};
  const auto match = database_->match(syn);
  if (!match) return {.os = Os::unrecognised};
  return {os_of(*match), match->text(), how_of(match->quality)};
}

OsMatch OsTable::match(std::string_view saved) const {
  if (saved.empty()) return {};
  const auto syn = parse_syn(saved);
  return syn ? match(*syn) : OsMatch{};
}

}  // namespace postern::fingerprint
