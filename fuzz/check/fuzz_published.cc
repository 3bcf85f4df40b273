// What strangers publish for mail, judged: a line of input each is a record, its first letter says where. Findings are
// bounded and printable; and each record that is proposed is one, no weaker than what stood there.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "check/context.h"
#include "dmarc/record.h"
#include "dns/fixture.h"
#include "spf/record.h"

using namespace postern;
using namespace postern::check;

namespace {

dns::Name name(std::string_view text) { return *dns::Name::parse(text); }

Task<HttpsResult> no_answer(outbound::HttpsRequest) {
  co_return std::unexpected(outbound::HttpsFailure{.certificate = false, .what = "nobody"});
}

// The text of a TXT record as zone_text() writes it.
std::string text_of(std::string_view record) {
  std::string out;
  bool inside = false;
  for (std::size_t i = 0; i < record.size(); ++i) {
    if (record[i] == '"') {
      inside = !inside;
    } else if (inside) {
      if (record[i] != '\\') {
        out += record[i];
        continue;
      }
      POSTERN_CHECK(++i < record.size());
      const auto octet = parse_unsigned(record.substr(i, 3), 255);
      out += octet ? static_cast<char>(*octet) : record[i];
      if (octet) i += 2;
    }
  }
  POSTERN_CHECK(!inside);
  return out;
}

// RFC 9989 4.7: where there is no sp, p stands for it, and for np sp.
struct Policies {
  dmarc::Policy own, below, absent;
};
Policies policies_of(const dmarc::Record& record) {
  const dmarc::Policy below = record.subdomain_policy.value_or(record.policy);
  return {record.policy, below, record.absent_policy.value_or(below)};
}

void check_finding(const Finding& finding, const dns::Answer& dmarc) {
  POSTERN_CHECK(finding.evidence.size() <= kEvidenceMax);
  for (const std::string* text : {&finding.subject, &finding.evidence, &finding.fix, &finding.record}) {
    POSTERN_CHECK(std::ranges::all_of(*text, [](char c) { return c >= ' ' && c < 0x7F; }));
  }
  if (!finding.record.contains(" IN TXT ")) return;
  const std::string text = text_of(std::string_view(finding.record).substr(finding.record.find(" IN TXT ")));
  if (finding.id.starts_with("spf.")) POSTERN_CHECK(spf::is_spf_record(text) && spf::Record::parse(text));
  if (!finding.id.starts_with("dmarc.") || finding.id == "dmarc.external") return;
  const auto proposed = dmarc::parse_record(text);
  POSTERN_CHECK(proposed && proposed->unusable.empty());
  for (const std::string& published : dmarc.texts) {
    const auto before = dmarc::parse_record(published);
    if (!before || !before->unusable.empty()) continue;
    const Policies was = policies_of(*before), is = policies_of(*proposed);
    POSTERN_CHECK(is.own >= was.own && is.below >= was.below && is.absent >= was.absent);
    POSTERN_CHECK(!proposed->testing || before->testing);
    POSTERN_CHECK(proposed->strict_dkim >= before->strict_dkim && proposed->strict_spf >= before->strict_spf);
    for (const std::string& uri : before->rua) {
      POSTERN_CHECK(proposed->rua.size() == dmarc::kUrisMax ||
                    std::ranges::find(proposed->rua, uri) != proposed->rua.end());
    }
  }
}

// The first octet of a line says where its text is published.
constexpr std::pair<char, std::string_view> kTexts[]{{'d', "example.org"},
                                                     {'m', "_dmarc.example.org"},
                                                     {'s', "_mta-sts.example.org"},
                                                     {'t', "_smtp._tls.example.org"},
                                                     {'k', "default._domainkey.example.org"},
                                                     {'w', "postern-check-nobody._domainkey.example.org"},
                                                     {'i', "i.example.org"},
                                                     {'j', "j.example.net"}};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > std::size_t{8} * 1024) return 0;
  std::map<std::pair<dns::Name, dns::Type>, dns::Answer> answers;
  answers[{name("example.org"), dns::Type::mx}].mx.push_back({10, name("mx.example.org")});
  answers[{name("mx.example.org"), dns::Type::aaaa}].addresses.push_back(*ip::Address::parse("2a02:25::1"));
  answers[{name("_dmarc.example.org"), dns::Type::txt}];
  for (const std::string_view line : split({reinterpret_cast<const char*>(data), size}, '\n')) {
    if (line.empty()) continue;
    const std::string_view rest = line.substr(1);
    for (const auto& [letter, owner] : kTexts)
      if (line.front() == letter) answers[{name(owner), dns::Type::txt}].texts.emplace_back(rest);
    if (line.front() == 'c') answers[{name("example.org"), dns::Type::caa}].rdata.emplace_back(rest);
    const auto host = line.front() == 'h' ? dns::Name::parse(rest) : std::nullopt;
    if (host) answers[{name("example.org"), dns::Type::mx}].mx.push_back({20, *host});
  }
  dns::Zone zone;
  const dns::Answer dmarc = answers[{name("_dmarc.example.org"), dns::Type::txt}];
  for (auto& [question, answer] : answers) {
    const bool any = !answer.texts.empty() || !answer.mx.empty() || !answer.addresses.empty() || !answer.rdata.empty();
    answer.status = any ? dns::Status::ok : dns::Status::nodata;
    answer.canonical = question.first;
    zone.set(question.first, question.second, std::move(answer));
  }
  dns::FixtureResolver resolver(std::move(zone));
  dns::Budget budget(2000);
  Options options;
  options.now = 1795000000000;
  Doors doors;
  doors.fetch = no_answer;
  Context context(options, resolver, budget, std::move(doors));
  context.target.domain = name("example.org");
  context.report.domain = "example.org";
  if (!run_ready(check_name(context))) return 0;
  run_ready(check_mail_hosts(context));
  run_ready(find_zone(context));
  run_ready(check_zone_habits(context));
  run_ready(check_mta_sts(context));
  run_ready(check_tls_rpt(context));
  run_ready(check_spf(context));
  run_ready(check_dkim(context));
  run_ready(check_dmarc(context));
  judge_dane_present(context);
  for (const Finding& finding : context.report.findings) check_finding(finding, dmarc);
  return 0;
}
