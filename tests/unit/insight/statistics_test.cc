#include "insight/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "insight/countries.h"
#include "traffic.h"

namespace postern::insight {
namespace {

using namespace testing;

policy::RuleOptions reject_windows() {
  policy::RuleOptions rule;
  rule.name = "windows";
  rule.when = "os == windows";
  rule.action = evidence::Action::reject;
  return rule;
}

TEST(Statistics, SharesByFamily) {
  const auto policy = compile(preset("none", {reject_windows()}));
  Session tls(*policy, kMonday, "2001:db8::1", "spf:a.example");
  tls.record().tls = record::TlsRecord{"TLSv1.3", "TLS_AES_256_GCM_SHA384", "x25519", "", "", false, "", 3};
  tls.connect().mail("x@a.example");
  Session failed(*policy, kMonday, "192.0.2.1", "spf:b.example");
  failed.record().tls = record::TlsRecord{"", "", "", "", "", false, "no shared cipher", 3};
  failed.with(Signal::os, value::Os::windows).connect().mail("x@b.example");
  Session early(*policy, kMonday + 5, "192.0.2.1", "");
  early.record().refusal = "too_many_sessions";
  Statistics statistics;
  read_lines(tls.line() + failed.line() + early.line(),
             [&](const record::SessionView& session) { statistics.add(session); });
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  append_json(statistics, {.sessions = 3, .others = 2, .damaged = 1}, writer);
  writer.end_object();
  const auto value = json::parse(out);
  ASSERT_TRUE(value) << out;
  EXPECT_EQ(value->at("connections").text(), R"({"ipv4":2,"ipv6":1,"tls":1,"tls_ipv4":0,"tls_ipv6":1,"total":3})");
  EXPECT_EQ(value->at("tls_versions").text(), R"({"TLSv1.3":1})");
  EXPECT_EQ(value->at("ciphers").text(), R"({"TLS_AES_256_GCM_SHA384":1})");
  EXPECT_EQ(value->at("verdicts").text(), R"({"ipv4":{"none":1,"reject":1},"ipv6":{"accept":1}})");
  EXPECT_EQ(value->at("reasons").text(), R"({"ipv4":{"policy":1,"too_many_sessions":1},"ipv6":{}})");
  EXPECT_EQ(value->at("lines").text(), R"({"damaged_files":[],"others":2,"sessions":3,"total":6,"unknown":1})");
  EXPECT_EQ(value->at("messages").at("accepted").integer(), 1);
  EXPECT_EQ(value->at("messages").at("tls_ipv6").integer(), 1);
  EXPECT_EQ(value->at("groups").text(), R"({"x25519":1})");
  EXPECT_EQ(value->at("tls").text(), R"({"ipv4":{"failed":1,"none":1,"ok":0},"ipv6":{"failed":0,"none":0,"ok":1}})");
  EXPECT_EQ(value->at("tls_failures").text(), R"({"other":1})");
  EXPECT_EQ(value->at("recipients").at("accepted").integer(), 1);
  EXPECT_EQ(value->at("recipients").at("refused_ipv4").integer(), 1);
}

TEST(Statistics, AuthenticationTrapsAndCountries) {
  const auto policy = compile(preset("none"));
  Session session(*policy, kMonday, "2001:db8::1", "spf:a.example");
  session.with(Signal::trap, value::YesNo::yes).country("DE");
  session.connect().mail("x@a.example");
  record::AuthenticationRecord found;
  found.spf = record::AuthenticationRecord::Spf{.result = "softfail"};
  found.dkim = {{.result = "fail"}, {.result = "pass"}};
  found.dmarc.result = "pass";
  found.arc.result = "none";
  session.record().transactions.push_back({.code = 550, .reason = "dmarc", .authentication = found});
  Statistics statistics;
  read_lines(session.line(), [&](const record::SessionView& view) { statistics.add(view); });
  EXPECT_EQ(statistics.traps, (PerFamily{0, 1}));
  EXPECT_EQ(statistics.refused, (PerFamily{0, 1}));
  EXPECT_EQ(statistics.countries.all().at("DE"), (PerFamily{0, 1}));
  EXPECT_EQ(statistics.spf.all().at("softfail"), (PerFamily{0, 1}));
  EXPECT_EQ(statistics.dkim.all().at("pass"), (PerFamily{0, 1}));
  EXPECT_EQ(statistics.dmarc.all().at("pass"), (PerFamily{0, 1}));
  EXPECT_EQ(statistics.arc.all().at("none"), (PerFamily{0, 1}));
  Statistics twice = statistics;
  twice.merge(statistics);
  EXPECT_EQ(twice.sessions, (PerFamily{0, 2}));
  EXPECT_EQ(twice.dkim.all().at("pass"), (PerFamily{0, 2}));
  EXPECT_EQ(twice.oldest, statistics.oldest);
}

TEST(Statistics, WhatTheListsHaveNoRoomForIsCounted) {
  const auto policy = compile(preset("none"));
  Session session(*policy, kMonday, "2001:db8::1", "");
  record::TransactionRecord transaction;
  transaction.recipients.assign(record::kRecipientsMax, {"nobody@example.org", 550, "", "unknown_user"});
  transaction.code = 250;
  transaction.reason = "accepted";
  transaction.authentication.emplace().dmarc.result = "fail";
  session.record().transactions.push_back(transaction);
  session.record().beyond.recipients.add(550, "unknown_user", 49);
  session.record().beyond.recipients.add(550, "trap");
  session.record().beyond.recipients.add(250, "ok");
  transaction.recipients = {{"alice@example.org", 451, "", "greylisted"}};
  transaction.code = 552;
  transaction.reason = "too_large";
  for (int i = 0; i < 20; ++i) session.record().beyond.add(transaction);
  Statistics statistics;
  read_lines(session.line(), [&](const record::SessionView& view) { statistics.add(view); });
  EXPECT_EQ(statistics.recipients_accepted, (PerFamily{0, 1}));
  EXPECT_EQ(statistics.recipients_refused, (PerFamily{0, 150}));
  EXPECT_EQ(statistics.recipients_deferred, (PerFamily{0, 20}));
  EXPECT_EQ(statistics.refused, (PerFamily{0, 20}));
  EXPECT_EQ(statistics.traps, (PerFamily{0, 1}));
  EXPECT_EQ(statistics.reasons.all().at("unknown_user"), (PerFamily{0, 149}));
  EXPECT_EQ(statistics.reasons.all().at("too_large"), (PerFamily{0, 20}));
  EXPECT_EQ(statistics.dmarc.all().at("fail"), (PerFamily{0, 21}));
  EXPECT_EQ(statistics.dkim.all().at("none"), (PerFamily{0, 21}));
}

TEST(Statistics, ASinkholeIsNoMailTrafficAndUsersAreToldApart) {
  const auto policy = compile(preset("none"));
  Session mail(*policy, kMonday, "192.0.2.1", "spf:a.example");
  mail.connect().mail("x@a.example");
  Session user(*policy, kMonday, "2001:db8::2", "");
  user.record().listener = "submissions";
  user.connect().mail("alice@example.org");
  Session sink(*policy, kMonday, "192.0.2.66", "");
  sink.record().listener = "sinkhole";
  sink.record().tls = record::TlsRecord{.version = "TLSv1.3", .cipher = "x"};
  record::TransactionRecord transaction;
  transaction.recipients = {{"a@example.org", 250, "", "ok"}, {"b@example.org", 550, "", "relay_denied"}};
  transaction.code = 250;
  transaction.reason = "sinkhole";
  sink.record().transactions = {transaction, {.code = 552, .reason = "too_large"}};
  sink.record().beyond.add(transaction);
  sink.record().refusal = "too_many_errors";
  Statistics statistics;
  read_lines(mail.line() + user.line() + sink.line(), [&](const record::SessionView& view) { statistics.add(view); });
  EXPECT_EQ(statistics.sessions, (PerFamily{1, 1}));
  EXPECT_EQ(statistics.accepted, (PerFamily{1, 1}));
  EXPECT_EQ(statistics.submission, (PerFamily{0, 1}));
  EXPECT_EQ(statistics.accepted_submission, (PerFamily{0, 1}));
  EXPECT_EQ(statistics.tls, (PerFamily{0, 0}));
  EXPECT_EQ(statistics.recipients_accepted, (PerFamily{1, 1}));
  EXPECT_EQ(sum(statistics.recipients_refused) + sum(statistics.refused), 0U);
  EXPECT_TRUE(statistics.reasons.empty());
  EXPECT_EQ(statistics.sinkhole_sessions, (PerFamily{1, 0}));
  EXPECT_EQ(statistics.sinkhole_messages, (PerFamily{2, 0}));
  Statistics twice = statistics;
  twice.merge(statistics);
  EXPECT_EQ(twice.sinkhole_messages, (PerFamily{4, 0}));
  EXPECT_EQ(twice.accepted_submission, (PerFamily{0, 2}));
}

TEST(Statistics, NamesAreBounded) {
  Names names;
  for (std::size_t i = 0; i < 3 * kNamesMax; ++i) names.add("cipher" + std::to_string(i), i % 2 == 0);
  EXPECT_EQ(names.all().size(), kNamesMax + 1);
  EXPECT_EQ(sum(names.all().at("other")), 2 * kNamesMax);
  Names again;  // as a day's line has them
  for (const auto& [name, counts] : names.all()) again.add(name, false, sum(counts));
  EXPECT_EQ(sum(again.all().at("other")), 2 * kNamesMax);
}

TEST(Statistics, FrequentNamesSurvive) {
  constexpr std::size_t kRare = 5 * kNamesHeld;
  const auto count = [](Names& names, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      names.add("rare" + std::to_string(i), false);
      if (i >= kRare / 2) names.add(i % 2 == 0 ? "late" : "later", true);
    }
  };
  Names names;
  count(names, 0, kRare);
  EXPECT_EQ(names.all().at("late")[1] + names.all().at("later")[1], kRare / 2);
  Names parts;
  for (std::size_t i = 10; i > 0; --i) {
    Names part;
    count(part, kRare / 10 * (i - 1), kRare / 10 * i);
    parts.merge(part);
  }
  EXPECT_EQ(parts.all().at("late"), names.all().at("late"));
  std::uint64_t total = 0;
  for (const auto& [name, counts] : parts.all()) total += sum(counts);
  EXPECT_EQ(total, kRare / 10 * 10 + kRare / 2);
}

TEST(Countries, HomeIsWhereWantedMailComesFrom) {
  const auto policy = compile(preset("none"));
  Countries countries;
  std::string lines;
  int number = 0;
  const auto add = [&](const char* country, int senders, value::Known known, value::YesNo trap = value::YesNo::no) {
    for (int i = 0; i < senders; ++i) {
      const std::string who = "s" + std::to_string(++number) + ".example";
      Session session(*policy, kMonday + number, "192.0.2.1", "spf:" + who);
      session.with(Signal::known, known).with(Signal::trap, trap).country(country);
      lines += session.connect().mail("x@" + who).line();
    }
  };
  add("US", 60, value::Known::known);
  add("DE", 39, value::Known::known);
  add("CN", 1, value::Known::known);
  add("CN", 30, value::Known::stranger, value::YesNo::yes);
  add("NZ", 1, value::Known::replied_to);
  add("BR", 5, value::Known::stranger);
  add("", 3, value::Known::known);
  // What came to sinkholes is no mail, and tells what its senders are
  for (int i = 0; i < 7; ++i) {
    const std::string who = i == 0 ? "s140.example" : "sink" + std::to_string(i) + ".example";
    Session session(*policy, kMonday + 1000 + i, "192.0.2.9", "spf:" + who);
    session.record().listener = "sinkhole";
    session.with(Signal::known, value::Known::stranger).with(Signal::trap, value::YesNo::yes).country("FR");
    lines += session.connect().mail("x@" + who).line();
  }
  add("IT", 1, value::Known::stranger);  // s140
  read_lines(lines, [&](const record::SessionView& session) { countries.add(session); });
  const Countries::Proposal proposal = countries.propose(0.03);
  std::string home;
  for (const auto& country : proposal.countries)
    if (country.proposed) home += evidence::country_text(country.code) + " ";
  EXPECT_EQ(home, "US DE NZ ");
  EXPECT_EQ(proposal.ham, 101U);
  EXPECT_EQ(proposal.ham_lost, 1U);
  EXPECT_EQ(proposal.exempt, 1U);  // known, and let in whatever its country
  EXPECT_EQ(proposal.spam, 31U) << "one of them for what came to a sinkhole";
  EXPECT_EQ(proposal.spam_refused, 31U);
  EXPECT_TRUE(std::ranges::none_of(proposal.countries, [](const Countries::Country& country) {
    return country.code == evidence::parse_country("FR");
  }));
  EXPECT_EQ(proposal.unknown_country, 3U);
  EXPECT_EQ(proposal.countries.front().messages, 60U);
}

}  // namespace
}  // namespace postern::insight
