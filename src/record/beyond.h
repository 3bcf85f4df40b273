// Beyond: of a session what the lists of its record have no room for, as numbers, so that nothing is missing where sums
// are made. Thread rule: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::record {

struct AuthenticationRecord;
struct TransactionRecord;

// How often what a list has no room for was answered, or found, so: by code and word. At most kAnswersMax of them are
// told apart; further ones count as "other", by the first digit of the code.
inline constexpr std::size_t kAnswersMax = 16;
struct Answers {
  struct Row {
    std::uint16_t code = 0;
    std::string word;
    std::uint32_t count = 0;
  };
  std::vector<Row> rows;
  void add(std::uint16_t code, std::string_view word, std::uint32_t count = 1);
};

struct Beyond {
  Answers recipients, transactions;
  Answers spf, dkim, dmarc, arc;  // of the transactions that were authenticated; results, without a code
  // A transaction that is not listed, with those of its recipients that it has.
  void add(const TransactionRecord& transaction);
  [[nodiscard]] bool empty() const { return recipients.rows.empty() && transactions.rows.empty(); }
};

// Of several signatures: pass where one passed, else the first one's result; "none" without one.
[[nodiscard]] std::string_view dkim_result(const AuthenticationRecord& found);

}  // namespace postern::record
