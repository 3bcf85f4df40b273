// Day: what the mail of one UTC day said of the domains that publish a DMARC policy, counted for the reports to them
// (RFC 9990 3.1). It is fed the lines of session records (docs/records.md), so nothing has to be kept while the day
// lasts: a crash loses no more than the records do. Bounded: what goes past the bounds is not reported, and counted.
//
// Counted are messages whose DMARC result is pass or fail and whose fate is final: one that was refused for the time
// being comes again. Thread rule: a value.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "dmarcrpt/report.h"

namespace postern::dmarcrpt {

inline constexpr WallMs kDayMs = WallMs{24} * 3600 * 1000;

class Day {
 public:
  static constexpr std::size_t kDomainsMax = 10000;
  static constexpr std::size_t kRowsMax = 200000;  // of all domains together

  explicit Day(std::int64_t number) : number_(number) {}  // days since 1970
  // Any octets; lines of other days, of deliveries and of sessions without DMARC are passed over.
  void take(std::string_view line);

  [[nodiscard]] std::int64_t number() const { return number_; }
  [[nodiscard]] std::vector<std::string> domains() const;
  // Without organization, email and id. The rows with most messages first; the policy is the last one seen (3.1).
  [[nodiscard]] Report report(const std::string& domain) const;
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }  // messages

 private:
  struct Domain {
    Report head;
    std::map<Row, std::uint64_t> rows;
  };
  void take_message(const json::Value& session, std::size_t index, const json::Value& transaction);
  std::int64_t number_;
  std::map<std::string, Domain> domains_;
  std::size_t rows_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace postern::dmarcrpt
