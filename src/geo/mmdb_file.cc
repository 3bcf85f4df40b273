// The tree is walked once and becomes ranges like those of any other file: a damaged file is found when it is loaded
// and not at some look-up, and nothing stays mapped that somebody may cut short under us.
#include <maxminddb.h>

#include <array>
#include <unordered_map>

#include "base/text.h"
#include "geo/country.h"
#include "geo/formats.h"

namespace postern::geo {

namespace {

constexpr unsigned kBits = 128;
constexpr unsigned kV4Bits = 96;  // an IPv4 address is the end of ::/96

class Walk {
 public:
  Walk(const MMDB_s& db, Ranges& out) : db_(db), out_(out) {}
  Result<FileFacts> run();

 private:
  struct Place {
    std::uint64_t record = 0;
    std::uint8_t type = MMDB_RECORD_TYPE_SEARCH_NODE;
    std::uint32_t offset = 0;  // of data
    Wide first;
    unsigned depth = 0;
  };
  Result<void> visit(const Place& place);
  Result<void> descend(const Place& place);
  Result<std::uint8_t> country_at(std::uint32_t offset);
  Result<void> add(const Place& place, std::uint8_t country);
  // 6to4 (2002::/16), Teredo and ::ffff:0:0/96 lead into the tree of IPv4 once more.
  [[nodiscard]] bool is_alias(const Place& place) const {
    const bool own = place.depth == kV4Bits && place.first == Wide{};
    return db_.ipv4_start_node.netmask == kV4Bits && place.record == db_.ipv4_start_node.node_value && !own;
  }

  const MMDB_s& db_;
  Ranges& out_;
  FileFacts facts_;
  std::vector<Place> places_;
  std::uint64_t visited_ = 0;
  std::unordered_map<std::uint32_t, std::uint8_t> countries_;  // by offset: few records serve many networks
};

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorKind::invalid, "the database is damaged: " + std::string(what));
}

// The text at a path of keys, or empty.
std::string_view text_at(MMDB_entry_s entry, const std::array<const char*, 3>& path, int& status) {
  MMDB_entry_data_s data{};
  status = MMDB_aget_value(&entry, &data, path.data());
  if (status == MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR) status = MMDB_SUCCESS;
  if (status != MMDB_SUCCESS || !data.has_data || data.type != MMDB_DATA_TYPE_UTF8_STRING) return {};
  return {data.utf8_string, data.data_size};
}

Result<std::uint8_t> Walk::country_at(std::uint32_t offset) {
  const auto known = countries_.find(offset);
  if (known != countries_.end()) return known->second;
  std::uint8_t country = 0;
  for (const auto& path : {std::array<const char*, 3>{"country", "iso_code", nullptr},
                           std::array<const char*, 3>{"registered_country", "iso_code", nullptr},
                           std::array<const char*, 3>{"country_code", nullptr, nullptr}}) {
    int status = MMDB_SUCCESS;
    const std::string_view code = text_at({&db_, offset}, path, status);
    if (status != MMDB_SUCCESS) return damaged(MMDB_strerror(status));
    country = CountryNumbers::of(Country::from_data(code));
    if (country != 0) break;
  }
  countries_.emplace(offset, country);
  return country;
}

Result<void> Walk::add(const Place& place, std::uint8_t country) {
  ++(country != 0 ? facts_.ranges : facts_.unplaced);
  const bool v4 = place.first.high == 0 && place.first.low >> 32U == 0;
  const auto host = [](unsigned depth, unsigned end) {
    return depth >= end ? 0 : depth + 64 <= end ? UINT64_MAX : (std::uint64_t{1} << (end - depth)) - 1;
  };
  const Wide last{place.first.high | host(place.depth, 64), place.first.low | host(place.depth, kBits)};
  if (v4 && place.depth >= kV4Bits) {
    return out_.add(static_cast<std::uint32_t>(place.first.low), static_cast<std::uint32_t>(last.low), country);
  }
  if (v4 && last.high == 0 && last.low >> 32U != 0) POSTERN_TRY_VOID(out_.add(0U, UINT32_MAX, country));
  return out_.add(place.first, last, country);
}

Result<void> Walk::descend(const Place& place) {
  if (place.depth >= kBits || place.record > UINT32_MAX) return damaged("its tree is deeper than an address is long");
  if (++visited_ > db_.metadata.node_count) return damaged("its tree leads back into itself");
  MMDB_search_node_s node{};
  if (const int status = MMDB_read_node(&db_, static_cast<std::uint32_t>(place.record), &node); status != 0) {
    return damaged(MMDB_strerror(status));
  }
  Wide upper = place.first;
  (place.depth < 64 ? upper.high : upper.low) |= std::uint64_t{1} << (63 - place.depth % 64);
  places_.push_back(
      {node.right_record, node.right_record_type, node.right_record_entry.offset, upper, place.depth + 1});
  places_.push_back(
      {node.left_record, node.left_record_type, node.left_record_entry.offset, place.first, place.depth + 1});
  return {};
}

Result<void> Walk::visit(const Place& place) {
  switch (place.type) {
    case MMDB_RECORD_TYPE_SEARCH_NODE:
      return is_alias(place) ? Result<void>() : descend(place);
    case MMDB_RECORD_TYPE_EMPTY:
      return {};
    case MMDB_RECORD_TYPE_DATA: {
      POSTERN_TRY(const std::uint8_t country, country_at(place.offset));
      return add(place, country);
    }
    default:
      return damaged("a record of its tree points nowhere");
  }
}

Result<FileFacts> Walk::run() {
  const std::uint16_t version = db_.metadata.ip_version;
  if (version != 4 && version != 6) return damaged("it is neither for IPv4 nor for IPv6");
  // Nothing in the future of the calendar, which a damaged number may be
  if (db_.metadata.build_epoch > 0 && db_.metadata.build_epoch < 253'402'300'800) {
    facts_.made = static_cast<WallMs>(db_.metadata.build_epoch) * 1000;
  }
  if (db_.metadata.node_count > 0) places_.push_back({.depth = version == 4 ? kV4Bits : 0});
  while (!places_.empty()) {
    const Place place = places_.back();
    places_.pop_back();
    POSTERN_TRY_VOID(visit(place));
  }
  return facts_;
}

}  // namespace

Result<FileFacts> read_mmdb(const std::string& path, Ranges& out) {
  MMDB_s db{};
  if (const int status = MMDB_open(path.c_str(), MMDB_MODE_MMAP, &db); status != MMDB_SUCCESS) {
    return fail(ErrorKind::invalid, std::string("the database cannot be used: ") + MMDB_strerror(status));
  }
  auto facts = Walk(db, out).run();
  MMDB_close(&db);
  return facts;
}

}  // namespace postern::geo
