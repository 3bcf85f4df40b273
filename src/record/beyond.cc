#include "record/beyond.h"

#include <algorithm>

#include "base/text.h"
#include "record/session_record.h"

namespace postern::record {

namespace {

// Octets of a word in Answers; ours are shorter.
constexpr std::size_t kWordMax = 64;

}  // namespace

void Answers::add(std::uint16_t code, std::string_view word, std::uint32_t count) {
  word = utf8_head(word, kWordMax);
  const auto find = [&] {
    return std::ranges::find_if(rows, [&](const Row& row) { return row.code == code && row.word == word; });
  };
  auto found = find();
  if (found == rows.end() && rows.size() >= kAnswersMax) {
    code = static_cast<std::uint16_t>(std::min(code / 100, 5) * 100);
    word = "other";
    found = find();
  }
  if (found == rows.end()) found = rows.insert(rows.end(), {.code = code, .word = std::string(word)});
  found->count += count;
}

void Beyond::add(const TransactionRecord& transaction) {
  transactions.add(transaction.code, transaction.reason);
  for (const RecipientRecord& recipient : transaction.recipients) recipients.add(recipient.code, recipient.reason);
  if (!transaction.authentication) return;
  const AuthenticationRecord& found = *transaction.authentication;
  const auto result = [](std::string_view word) { return word.empty() ? std::string_view("none") : word; };
  spf.add(0, found.spf ? result(found.spf->result) : "none");
  dkim.add(0, result(dkim_result(found)));
  dmarc.add(0, result(found.dmarc.result));
  arc.add(0, result(found.arc.result));
}

std::string_view dkim_result(const AuthenticationRecord& found) {
  if (std::ranges::any_of(found.dkim, [](const auto& dkim) { return dkim.result == "pass"; })) return "pass";
  return found.dkim.empty() ? "none" : std::string_view(found.dkim.front().result);
}

}  // namespace postern::record
