// A check against a zone written as JSON, and what else the tests of spf share.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/json.h"
#include "dns/fixture.h"
#include "spf/evaluate.h"

namespace postern::spf::test {

inline dns::Zone zone_of(std::string_view text) {
  const auto value = json::parse(text);
  EXPECT_TRUE(value) << text;
  if (!value) return {};
  auto zone = dns::Zone::from_json(*value);
  EXPECT_TRUE(zone) << zone.error().what;
  return zone ? *std::move(zone) : dns::Zone();
}

inline Query query_of(std::string_view client, std::string_view mail_from, std::string_view helo = "mx.example.net") {
  Query query;
  const auto address = ip::Address::parse(client);
  EXPECT_TRUE(address) << client;
  if (address) query.client = *address;
  query.mail_from = mail_from;
  query.helo = helo;
  return query;
}

struct Checked {
  Evaluation evaluation;
  std::uint32_t asked = 0;
};

inline Checked checked(const Query& query, const dns::Zone& zone,
                       std::uint32_t budget_lookups = dns::Budget::kLookups) {
  dns::FixtureResolver resolver(zone);
  dns::Budget budget(budget_lookups);
  auto task = check(query, resolver, budget);
  task.start();
  EXPECT_TRUE(task.done());
  return {task.take(), budget.asked()};
}

// `record` is example.org's; `more` are further entries of the zone: "\"name\": {...}, ..."
inline Evaluation outcome_of(std::string_view record, std::string_view more = "", std::string_view client = "192.0.2.1",
                             std::string_view mail_from = "user@example.org") {
  std::string text = R"({"example.org": {"TXT": [)";
  json::Writer(text).string(record);
  text += "]}";
  if (!more.empty()) text += ", ";
  text += more;
  text += "}";
  return checked(query_of(client, mail_from), zone_of(text)).evaluation;
}

}  // namespace postern::spf::test
