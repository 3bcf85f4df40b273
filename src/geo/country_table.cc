#include "geo/country_table.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "geo/formats.h"

namespace postern::geo {

namespace {

constexpr std::array<const char*, 2> kTorFiles{"/usr/share/tor/geoip", "/usr/share/tor/geoip6"};
constexpr std::uint8_t kMixed = 255;
constexpr unsigned kIndexBits = 16;
constexpr std::int64_t kDay = std::int64_t{24} * 3600 * 1000;

// Where a MaxMind DB has its metadata: within its last 128 KiB, behind this.
constexpr std::string_view kMmdbMark = "\xab\xcd\xefMaxMind.com";
constexpr std::size_t kMmdbTail = std::size_t{128} * 1024;

std::string_view name_of(Format format) {
  switch (format) {
    case Format::tor:
      return "tor-geoipdb";
    case Format::registry:
      return "RIR statistics";
    case Format::mmdb:
      return "MaxMind DB";
    case Format::unknown:
      break;
  }
  return "unknown";
}

Result<FileFacts> read_content(const std::string& path, std::string_view content, Format format, Ranges& ranges) {
  switch (format) {
    case Format::tor:
      return read_tor(content, ranges);
    case Format::registry:
      return read_registry(content, ranges);
    case Format::mmdb:
      return read_mmdb(path, ranges);
    case Format::unknown:
      break;
  }
  return fail(ErrorKind::invalid,
              content.starts_with("\x1f\x8b") || content.starts_with("BZh") || content.starts_with("\xfd\x37zXZ")
                  ? "the file is compressed; unpack it"
                  : "the file holds no country data; give it geoip or geoip6 of tor-geoipdb, delegated statistics of a "
                    "regional registry, or a .mmdb with countries");
}

Result<Source> read_source(const std::string& path, Ranges& ranges) {
  POSTERN_TRY(const std::string content, read_file(path, CountryTable::kFileMax));
  const std::string name = printable(path, 1024);
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return fail_errno(ErrorKind::not_found, "opening " + name, errno);
  const Format format = sniff(content);
  const auto facts = read_content(path, content, format, ranges);
  if (!facts) {
    const bool has_line = !facts.error().what.empty() && is_digit(facts.error().what.front());
    return fail(facts.error().kind, name + (has_line ? ":" : ": ") + facts.error().what);
  }
  Source source{.path = path, .format = name_of(format), .ranges = facts->ranges, .unplaced = facts->unplaced};
  source.made_by_mtime = !facts->made;
  source.made = facts->made.value_or(static_cast<WallMs>(status.st_mtim.tv_sec) * 1000);
  return source;
}

}  // namespace

Format sniff(std::string_view content) {
  const std::size_t tail = content.size() > kMmdbTail ? content.size() - kMmdbTail : 0;
  if (content.substr(tail).contains(kMmdbMark)) return Format::mmdb;
  Format format = Format::unknown;
  // The first line that is neither blank nor a comment
  while (format == Format::unknown && !content.empty()) {
    const std::string_view line = detail::take_field(content, '\n').substr(0, kLineMax);
    if (line.empty() || line == "\r" || line.front() == '#') continue;
    if (line.contains('|'))
      format = Format::registry;
    else if (line.contains(','))
      format = Format::tor;
    else
      break;
  }
  return format;
}

template <class Start>
void CountryTable::Steps<Start>::append(Start start, std::uint8_t value) {
  if (!values_.empty() && values_.back() == value) return;
  starts_.push_back(start);
  values_.push_back(value);
}

template <class Start>
void CountryTable::Steps<Start>::finish() {
  if (starts_.empty()) append(0, 0);
  starts_.shrink_to_fit();
  values_.shrink_to_fit();
  first_.assign((std::size_t{1} << kIndexBits) + 1, static_cast<std::uint32_t>(starts_.size() - 1));
  std::size_t step = 0;
  for (std::size_t head = 0; head < first_.size() - 1; ++head) {
    const auto number =
        static_cast<Start>(static_cast<Start>(head) << (std::numeric_limits<Start>::digits - kIndexBits));
    while (step + 1 < starts_.size() && starts_[step + 1] <= number) ++step;
    first_[head] = static_cast<std::uint32_t>(step);
  }
}

template <class Start>
std::uint8_t CountryTable::Steps<Start>::at(Start number) const {
  const std::size_t head = static_cast<std::size_t>(number >> (std::numeric_limits<Start>::digits - kIndexBits));
  const auto begin = starts_.begin() + first_[head] + 1;
  const auto end = starts_.begin() + first_[head + 1] + 1;
  return values_[static_cast<std::size_t>(std::upper_bound(begin, end, number) - starts_.begin()) - 1];
}

template <class Start>
std::size_t CountryTable::Steps<Start>::memory() const {
  return starts_.capacity() * sizeof(Start) + values_.capacity() + first_.capacity() * sizeof(std::uint32_t);
}

CountryTable::CountryTable() {
  v4_.finish();
  v6_.finish();
}

// A /64 in which a step begins elsewhere than at its start is mixed: its steps are in the fine table, from its start
// on.
void CountryTable::build_v6(const std::vector<Step<Wide>>& steps) {
  v6_ranges_ = steps.size();
  std::uint8_t value = 0;  // what holds up to here
  for (std::size_t i = 0; i < steps.size();) {
    const std::uint64_t high = steps[i].start.high;
    std::size_t end = i;
    while (end < steps.size() && steps[end].start.high == high) ++end;
    if (end - i == 1 && steps[i].start.low == 0) {
      value = steps[i].country;
      v6_.append(high, value);
    } else {
      v6_.append(high, kMixed);
      if (steps[i].start.low != 0) {
        fine_starts_.push_back({high, 0});
        fine_values_.push_back(value);
      }
      for (std::size_t j = i; j < end; ++j) {
        fine_starts_.push_back(steps[j].start);
        fine_values_.push_back(steps[j].country);
      }
      value = steps[end - 1].country;
      const bool next_begins = end < steps.size() && steps[end].start.high == high + 1;
      if (high != UINT64_MAX && !next_begins) v6_.append(high + 1, value);
    }
    i = end;
  }
  fine_starts_.shrink_to_fit();
  fine_values_.shrink_to_fit();
  v6_.finish();
}

std::vector<std::string> CountryTable::default_paths() { return {kTorFiles.begin(), kTorFiles.end()}; }

Result<CountryTable> CountryTable::load(std::span<const std::string> paths) {
  std::vector<std::string> found(paths.begin(), paths.end());
  if (found.empty()) {
    found = default_paths();
    std::erase_if(found, [](const std::string& path) {
      struct stat status{};
      return ::stat(path.c_str(), &status) != 0 && errno == ENOENT;
    });
  }
  if (found.size() > kFilesMax) {
    return fail(ErrorKind::limit, "more than " + std::to_string(kFilesMax) + " country files");
  }
  CountryTable table;
  if (found.empty()) return table;
  Ranges ranges;
  for (const std::string& path : found) {
    POSTERN_TRY(Source source, read_source(path, ranges));
    table.sources_.push_back(std::move(source));
  }
  Steps<std::uint32_t> v4;
  for (const auto& step : flatten(std::move(ranges.v4))) v4.append(step.start, step.country);
  v4.finish();
  table.v4_ = std::move(v4);
  table.v6_ = {};
  table.build_v6(flatten(std::move(ranges.v6)));
  return table;
}

Country CountryTable::country(const ip::Address& address) const {
  if (address.is_v4()) return CountryNumbers::country(v4_.at(narrow(address)));
  const Wide number = wide(address);
  const std::uint8_t value = v6_.at(number.high);
  if (value != kMixed) return CountryNumbers::country(value);
  const auto after = std::ranges::upper_bound(fine_starts_, number);
  return CountryNumbers::country(fine_values_[static_cast<std::size_t>(after - fine_starts_.begin()) - 1]);
}

std::size_t CountryTable::ranges(ip::Family family) const { return family == ip::Family::v4 ? v4_.size() : v6_ranges_; }

std::size_t CountryTable::memory() const {
  return v4_.memory() + v6_.memory() + fine_starts_.capacity() * sizeof(Wide) + fine_values_.capacity();
}

std::optional<std::int64_t> CountryTable::age_days(WallMs now) const {
  if (empty()) return std::nullopt;
  const WallMs oldest = std::ranges::min(sources_, {}, &Source::made).made;
  return std::max<std::int64_t>(0, (now - oldest) / kDay);
}

std::string CountryTable::describe(WallMs now) const {
  if (empty()) {
    return "no country data: every look-up is unknown; install the package tor-geoipdb, or name files with countries";
  }
  std::string out;
  for (const Source& source : sources_) {
    if (!out.empty()) out += ", ";
    out += printable(source.path, 256) + " (" + std::string(source.format) + " of " +
           iso8601(source.made).substr(0, 10) + (source.made_by_mtime ? " by its time stamp, " : ", ") +
           std::to_string(source.ranges) + " ranges)";
  }
  return out + "; " + std::to_string(*age_days(now)) + " days old; " + human_bytes(memory()) + " of memory";
}

}  // namespace postern::geo
