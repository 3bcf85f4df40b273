// postern country: addresses to countries, and how old the data is that says so.
#include <algorithm>
#include <cstdio>

#include "base/json.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/client_tools.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "geo/country_table.h"

namespace postern::cli {

namespace {

constexpr std::int64_t kOldDays = 180;

struct Row {
  ip::Address address;
  geo::Country country;
};

std::string as_text(const std::vector<Row>& rows, const geo::CountryTable& table, WallMs now) {
  std::string out;
  std::size_t width = 0;
  for (const Row& row : rows) width = std::max(width, row.address.text().size());
  for (const Row& row : rows) {
    const std::string address = row.address.text();
    out += address + std::string(width - address.size() + 2, ' ') + row.country.text();
    if (row.country.known()) out += "  " + std::string(row.country.name());
    out += '\n';
  }
  out += table.describe(now) + "\n";
  if (table.age_days(now).value_or(0) > kOldDays) out += "The data is old: addresses move. Update it.\n";
  return out;
}

std::string as_json(const std::vector<Row>& rows, const geo::CountryTable& table, WallMs now) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("addresses").begin_array();
  for (const Row& row : rows) {
    writer.begin_object().field("address", row.address.text()).field("country", row.country.text());
    writer.field("name", row.country.name()).end_object();
  }
  writer.end_array().key("sources").begin_array();
  for (const geo::Source& source : table.sources()) {
    writer.begin_object().field("path", source.path).field("format", source.format);
    writer.field("made", iso8601(source.made)).field("made_by_mtime", source.made_by_mtime);
    writer.field("ranges", source.ranges).field("unplaced", source.unplaced).end_object();
  }
  writer.end_array().key("age_days");
  if (const auto age = table.age_days(now))
    writer.number(*age);
  else
    writer.null();
  writer.field("memory", table.memory()).end_object();
  return out + "\n";
}

}  // namespace

int run_country(const CountryToolOptions& options) {
  std::vector<Row> rows;
  for (const std::string& text : options.addresses) {
    const auto address = ip::Address::parse(text);
    if (!address) {
      return complain("\"" + printable(text, 64) + "\" is no address; write 192.0.2.1 or 2001:db8::1", kUsage);
    }
    rows.push_back({*address, {}});
  }
  const auto table = geo::CountryTable::load(options.files);
  if (!table) return complain(table.error().what, kNegative);
  for (Row& row : rows) row.country = table->country(row.address);
  const WallMs now = wall_now();
  print(options.json ? as_json(rows, *table, now) : as_text(rows, *table, now));
  const bool all = std::ranges::all_of(rows, [](const Row& row) { return row.country.known(); });
  return all && !table->empty() ? kOk : kNegative;
}

}  // namespace postern::cli
