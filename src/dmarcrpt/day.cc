#include "dmarcrpt/day.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"

namespace postern::dmarcrpt {

namespace {

constexpr std::string_view kMark = "dmarc-fail";  // the label of the presets' rules (docs/policy.md)

// What may stand in a subject, a file name and a report id (RFC 5322 dot-atom) and is a name in DNS.
bool is_plain_domain(std::string_view domain) {
  return !domain.empty() && domain.size() <= 253 && !domain.starts_with('.') && !domain.ends_with('.') &&
         domain.find("..") == std::string_view::npos && std::ranges::all_of(domain, [](char c) {
           return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.';
         });
}

std::string domain_of(std::string_view path) {
  const auto at = path.rfind('@');
  return at == std::string_view::npos ? std::string() : lower(path.substr(at + 1));
}

// Of all recipients; empty where they are of several.
std::string recipients_domain(const json::Value& transaction) {
  std::string out;
  for (const json::Value& recipient : transaction.at("to").array()) {
    if (recipient.at("code").integer() / 100 != 2) continue;
    const std::string domain = domain_of(recipient.at("path").string());
    if (!out.empty() && domain != out) return {};
    out = domain;
  }
  return out;
}

bool was_marked(const json::Value& session, std::size_t index) {
  return std::ranges::any_of(session.at("decisions").array(), [&](const json::Value& decision) {
    return decision.at("transaction").integer(-1) == static_cast<std::int64_t>(index) &&
           std::ranges::any_of(decision.at("tags").array(), [](const auto& tag) { return tag.string() == kMark; });
  });
}

std::string_view milder(std::string_view policy) { return policy == "reject" ? "quarantine" : "none"; }

// 3.1.1.9: what was done, and why where it is not what the domain asks for.
void set_disposition(const json::Value& session, std::size_t index, const json::Value& transaction, Row& row) {
  const json::Value& authentication = transaction.at("authentication");
  const json::Value& dmarc = authentication.at("dmarc");
  const std::string_view asked = dmarc.at("policy").string();
  if (dmarc.at("result").string() == "pass") {
    row.disposition = asked == "none" ? "none" : "pass";
    return;
  }
  const bool testing = dmarc.at("testing").boolean();
  const std::string_view applies = testing ? milder(asked) : asked;
  if (transaction.at("code").integer() >= 500)
    // Refused for something else: what DMARC would have done with it. Reports tell nothing of other filters (8.3).
    row.disposition = transaction.at("reason").string() == "dmarc" ? "reject" : std::string(applies);
  else
    row.disposition = was_marked(session, index) ? "quarantine" : "none";
  if (row.disposition == asked) return;
  if (testing && row.disposition == applies)
    row.reasons.emplace_back("policy_test_mode");
  else if (asked == "reject" && authentication.at("arc").at("result").string() == "pass")
    row.reasons.emplace_back("trusted_forwarder");
  else
    row.reasons.emplace_back("local_policy");
}

// 3.1.3: which signatures go first.
int rank(const AuthResult& one, std::string_view author) {
  if (one.result != "pass") return 3;
  if (one.domain == author) return 0;
  const std::string below = "." + one.domain;
  const bool related = author.ends_with(below) || one.domain.ends_with("." + std::string(author));
  return related ? 1 : 2;
}

void set_results(const json::Value& authentication, Row& row) {
  for (const json::Value& one : authentication.at("dkim").array()) {
    const std::string_view domain = one.at("domain").string();
    if (domain.empty() || row.dkim_results.size() >= kResultsMax) continue;
    row.dkim_results.push_back({.domain = lower(domain),
                                .selector = std::string(one.at("selector").string()),
                                .scope = {},
                                .result = std::string(one.at("result").string())});
  }
  // One order, whatever the message's, so that equal sets are one row
  std::ranges::sort(row.dkim_results, {},
                    [&row](const AuthResult& one) { return std::tuple(rank(one, row.header_from), one); });
  const json::Value& spf = authentication.at("spf");
  if (spf.at("result").string().empty()) return;
  row.spf_results.push_back({.domain = lower(spf.at("domain").string()),
                             .selector = {},
                             .scope = "mfrom",
                             .result = std::string(spf.at("result").string())});
}

}  // namespace

void Day::take(std::string_view line) {
  // Most lines have no such thing; the name with its quotes cannot stand within a text
  if (line.find("\"published\":") == std::string_view::npos) return;
  const auto session = json::parse(line, 16);
  if (!session || session->at("schema").string() != "postern.session/1") return;
  const auto time = parse_iso8601(session->at("time").string());
  if (!time || *time / kDayMs != number_) return;
  const auto& transactions = session->at("transactions").array();
  for (std::size_t i = 0; i < transactions.size(); ++i) take_message(*session, i, transactions[i]);
}

void Day::take_message(const json::Value& session, std::size_t index, const json::Value& transaction) {
  const json::Value& authentication = transaction.at("authentication");
  const json::Value& dmarc = authentication.at("dmarc");
  const json::Value& published = dmarc.at("published");
  const std::string_view result = dmarc.at("result").string();
  const std::int64_t code = transaction.at("code").integer();
  if (published.at("p").string().empty() || (result != "pass" && result != "fail")) return;
  if (code / 100 != 2 && code / 100 != 5) return;
  const std::string domain = lower(dmarc.at("policy_domain").string());
  if (!is_plain_domain(domain)) return;

  auto found = domains_.find(domain);
  if (found == domains_.end()) {
    if (domains_.size() >= kDomainsMax || rows_ >= kRowsMax) {
      ++left_out_;
      return;
    }
    found = domains_.try_emplace(domain).first;
  }
  Report& head = found->second.head;
  head.domain = domain;
  head.policy = published.at("p").string();
  head.subdomain_policy = published.at("sp").string();
  head.absent_policy = published.at("np").string();
  head.fo = published.at("fo").string();
  head.adkim = published.at("strict_dkim").boolean() ? "s" : "r";
  head.aspf = published.at("strict_spf").boolean() ? "s" : "r";
  head.testing = dmarc.at("testing").boolean() ? "y" : "n";

  Row row;
  row.source_ip = session.at("client").at("address").string();
  row.header_from = lower(dmarc.at("author_domain").string());
  row.envelope_from = domain_of(transaction.at("from").string());
  row.envelope_to = recipients_domain(transaction);
  row.dkim = dmarc.at("dkim_aligned").boolean() ? "pass" : "fail";
  row.spf = dmarc.at("spf_aligned").boolean() ? "pass" : "fail";
  set_disposition(session, index, transaction, row);
  set_results(authentication, row);
  auto& rows = found->second.rows;
  if (const auto known = rows.find(row); known != rows.end()) {
    ++known->second;
  } else if (rows_ < kRowsMax) {
    rows.emplace(std::move(row), 1);
    ++rows_;
  } else {
    ++left_out_;
  }
}

std::vector<std::string> Day::domains() const {
  std::vector<std::string> out;
  for (const auto& [domain, known] : domains_) out.push_back(domain);
  return out;
}

Report Day::report(const std::string& domain) const {
  const auto found = domains_.find(domain);
  if (found == domains_.end()) return {};
  Report out = found->second.head;
  out.begin = number_ * kDayMs;
  out.end = out.begin + kDayMs - 1000;
  out.discovery = "treewalk";
  for (const auto& [row, count] : found->second.rows) {
    out.rows.push_back(row);
    out.rows.back().count = count;
  }
  std::ranges::sort(out.rows,
                    [](const Row& a, const Row& b) { return a.count != b.count ? a.count > b.count : a < b; });
  return out;
}

}  // namespace postern::dmarcrpt
