// Collector: counts of the sessions of each UTC day, by policy domain and policy, until their report is sent. Bounded:
// what goes past the bounds is counted without detail, or not at all, which costs nobody but the report. Its state is a
// file of JSON lines (text(), load()). Thread rule: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tlsrpt/report.h"

namespace postern::tlsrpt {

inline constexpr WallMs kDayMs = WallMs{24} * 3600 * 1000;

class Collector {
 public:
  static constexpr std::size_t kDomainsMax = 10000;     // of all days together
  static constexpr std::size_t kPoliciesPerDomain = 8;  // a policy that changes is another policy
  static constexpr std::size_t kDetailsPerPolicy = 50;
  static constexpr std::int64_t kDaysKept = 3;  // reports that could not be sent by then are dropped (RFC 8460 5.5)

  // `policy`: type, strings, domain and mx; its counts are not looked at. A failure with sessions == 0 counts as one.
  void success(const PolicyResult& policy, WallMs now);
  void failure(const PolicyResult& policy, const Failure& failure, WallMs now);

  struct Due {
    std::int64_t day = 0;  // since 1970
    std::string domain;
  };
  [[nodiscard]] std::vector<Due> due(WallMs now) const;  // of days that are over
  // The report of a day and domain, without organization, contact and id.
  [[nodiscard]] Report report(const Due& due) const;
  void remove(const Due& due);
  bool expire(WallMs now);  // true where something was dropped

  [[nodiscard]] std::size_t size() const { return days_.size(); }
  [[nodiscard]] std::string text() const;
  // Adds what can be read of such a file; returns how many lines could not.
  std::size_t load(std::string_view text);

 private:
  PolicyResult* find(const PolicyResult& policy, WallMs now);
  std::map<std::pair<std::int64_t, std::string>, std::vector<PolicyResult>> days_;
};

}  // namespace postern::tlsrpt
