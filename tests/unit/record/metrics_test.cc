#include "record/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/counters.h"
#include "record/reasons.h"

namespace postern::record {
namespace {

// The value of a series; 0 where it is not shown.
std::int64_t shown(std::string_view name, std::string_view labels) {
  for (const MetricFamily& family : metric_families()) {
    if (family.name != name) continue;
    for (const MetricFamily::Series& series : family.series)
      if (series.labels == labels) return series.value;
  }
  return 0;
}

SessionRecord from(const char* client) {
  SessionRecord record;
  record.client = *ip::Endpoint::parse(client);
  return record;
}

TEST(Metrics, WordsAreFoundAndStrangeOnesAreOther) {
  const auto words = reason_words();
  EXPECT_EQ(words[reason_number("")], "none");
  EXPECT_EQ(words[reason_number("none")], "none");
  EXPECT_EQ(words[reason_number("unknown_user")], "unknown_user");
  EXPECT_EQ(words[reason_number("accepted")], "accepted");
  EXPECT_EQ(words[reason_number("zzz")], "other");
  EXPECT_EQ(words[reason_number("a\"b")], "other");
  for (std::size_t i = 1; i + 1 < words.size(); ++i) EXPECT_EQ(reason_number(words[i]), i);
}

TEST(Metrics, ARefusedSession) {
  SessionRecord record = from("[2001:db8::1]:4711");
  record.decisions = {{.action = evidence::Action::accept},
                      {.action = evidence::Action::greylist, .reason = evidence::Reason::greylisted},
                      {.action = evidence::Action::reject, .reason = evidence::Reason::country},
                      {.action = evidence::Action::throttle, .reason = evidence::Reason::budget}};
  TransactionRecord transaction;
  transaction.recipients = {{"a@example.org", 550, "", "country"}, {"b@example.org", 250, "", "ok"}};
  transaction.reason = "rset";
  record.transactions.push_back(transaction);
  record.duration_ms = 40;
  count(record);
  EXPECT_EQ(shown("postern_smtp_sessions_total",
                  R"(listener="mx",family="ipv6",tls="none",verdict="reject",reason="country")"),
            1);
  EXPECT_EQ(shown("postern_smtp_messages_total",
                  R"(listener="mx",family="ipv6",tls="none",verdict="abandoned",reason="rset")"),
            1);
  EXPECT_EQ(shown("postern_smtp_recipients_total", R"(listener="mx",family="ipv6",verdict="refused",reason="country")"),
            1);
  EXPECT_EQ(shown("postern_smtp_recipients_total", R"(listener="mx",family="ipv6",verdict="accepted",reason="ok")"), 1);
  EXPECT_EQ(shown("postern_smtp_session_duration_seconds", R"(family="ipv6")"), 1);
}

TEST(Metrics, WhatWasOnlyToldIsNoVerdict) {
  SessionRecord record = from("192.0.2.1:4711");
  record.decisions = {{.action = evidence::Action::reject, .reason = evidence::Reason::list, .enforced = false}};
  record.tls = TlsRecord{.error = "broken"};
  record.refusal = "too_many_sessions";
  count(record);
  EXPECT_EQ(shown("postern_smtp_sessions_total",
                  R"(listener="mx",family="ipv4",tls="failed",verdict="none",reason="too_many_sessions")"),
            1);
}

TEST(Metrics, AnAcceptedMessageAndItsAuthentication) {
  SessionRecord record = from("192.0.2.1:4711");
  record.tls = TlsRecord{.version = "TLSv1.3"};
  TransactionRecord transaction;
  transaction.code = 250;
  transaction.reason = "accepted";
  AuthenticationRecord found;
  found.spf = AuthenticationRecord::Spf{.result = "softfail"};
  found.dkim = {{.result = "fail"}, {.result = "pass"}};
  found.dmarc.result = "made up by nobody";
  found.arc.result = "none";
  transaction.authentication = found;
  record.transactions.push_back(transaction);
  count(record);
  EXPECT_EQ(shown("postern_smtp_messages_total",
                  R"(listener="mx",family="ipv4",tls="ok",verdict="accepted",reason="accepted")"),
            1);
  EXPECT_EQ(shown("postern_smtp_tls_sessions_total", R"(family="ipv4",version="TLSv1.3")"), 1);
  EXPECT_EQ(shown("postern_authentication_total", R"(method="spf",result="softfail")"), 1);
  EXPECT_EQ(shown("postern_authentication_total", R"(method="dkim",result="pass")"), 1);
  EXPECT_EQ(shown("postern_authentication_total", R"(method="dmarc",result="other")"), 1);
  EXPECT_EQ(shown("postern_authentication_total", R"(method="arc",result="none")"), 1);
}

TEST(Metrics, ADelivery) {
  DeliveryRecord record;
  record.transport = "smtp";
  record.family = "ipv6";
  record.tls = "TLSv1.3";
  record.tls_verified = true;
  record.outcomes = {{"a@x.example", "delivered", ""}, {"b@x.example", "deferred", ""}};
  record.queued_ms = 90'000;
  record.duration_ms = 12;
  count(record);
  EXPECT_EQ(
      shown("postern_delivery_recipients_total", R"(transport="smtp",family="ipv6",tls="certified",state="delivered")"),
      1);
  EXPECT_EQ(
      shown("postern_delivery_recipients_total", R"(transport="smtp",family="ipv6",tls="certified",state="deferred")"),
      1);
  EXPECT_EQ(shown("postern_queue_latency_seconds", R"(transport="smtp")"), 1);
  EXPECT_EQ(shown("postern_delivery_attempt_seconds", R"(transport="smtp")"), 1);
  DeliveryRecord nobody;  // no server was reached
  nobody.transport = "smtp";
  nobody.outcomes = {{"a@x.example", "deferred", ""}};
  count(nobody);
  EXPECT_EQ(
      shown("postern_delivery_recipients_total", R"(transport="smtp",family="none",tls="clear",state="deferred")"), 1);
  nobody.transport = "maildir";
  count(nobody);
  EXPECT_EQ(
      shown("postern_delivery_recipients_total", R"(transport="maildir",family="local",tls="clear",state="deferred")"),
      1);
  record.outcomes = {{"b@x.example", "failed", ""}};
  count(record);
  EXPECT_EQ(shown("postern_queue_latency_seconds", R"(transport="smtp")"), 1) << "nobody was delivered to";
  record.transport = "a stranger's";
  count(record);
  EXPECT_EQ(shown("postern_delivery_attempt_seconds", R"(transport="other")"), 1);
}

TEST(Metrics, WhatTheListsHaveNoRoomFor) {
  SessionRecord record = from("192.0.2.1:4711");
  record.listener = "submission";
  TransactionRecord transaction;
  transaction.code = 552;
  transaction.reason = "too_large";
  transaction.recipients = {{"a@example.org", 250, "", "ok"}};
  transaction.authentication.emplace().dmarc.result = "policy";
  record.transactions.assign(2, transaction);
  for (int i = 0; i < 3; ++i) record.beyond.add(transaction);
  record.beyond.recipients.add(550, "unknown_user", 49);
  count(record);
  const std::string listener = R"(listener="submission",family="ipv4",)";
  EXPECT_EQ(shown("postern_smtp_sessions_total", listener + R"(tls="none",verdict="none",reason="none")"), 1);
  EXPECT_EQ(shown("postern_smtp_messages_total", listener + R"(tls="none",verdict="refused",reason="too_large")"), 5);
  EXPECT_EQ(shown("postern_smtp_recipients_total", listener + R"(verdict="accepted",reason="ok")"), 5);
  EXPECT_EQ(shown("postern_smtp_recipients_total", listener + R"(verdict="refused",reason="unknown_user")"), 49);
  EXPECT_EQ(shown("postern_authentication_total", R"(method="dmarc",result="policy")"), 5);
  const std::int64_t commits = shown("postern_smtp_commit_seconds", "");
  transaction.code = 250;
  count_commit(transaction);
  EXPECT_EQ(shown("postern_smtp_commit_seconds", ""), commits + 1);
  DeliveryRecord delivery;
  delivery.transport = "lmtp";
  delivery.outcomes = {{"a@example.org", "deferred", ""}};
  delivery.beyond = {.delivered = 2, .deferred = 3, .failed = 4};
  count(delivery);
  const std::string way = R"(transport="lmtp",family="local",tls="clear",)";
  EXPECT_EQ(shown("postern_delivery_recipients_total", way + R"(state="delivered")"), 2);
  EXPECT_EQ(shown("postern_delivery_recipients_total", way + R"(state="deferred")"), 4);
  EXPECT_EQ(shown("postern_delivery_recipients_total", way + R"(state="failed")"), 4);
  EXPECT_EQ(shown("postern_queue_latency_seconds", R"(transport="lmtp")"), 1);
}

TEST(Metrics, ASinkholeIsNoMailTraffic) {
  const auto all = [] {
    std::int64_t out = 0;
    for (const MetricFamily& family : metric_families()) {
      if (!family.name.starts_with("postern_smtp_") && family.name != "postern_authentication_total") continue;
      for (const MetricFamily::Series& series : family.series) out += series.value;
    }
    return out;
  };
  SessionRecord record = from("192.0.2.1:4711");
  record.listener = "sinkhole";
  TransactionRecord transaction;
  transaction.code = 250;
  transaction.reason = "sinkhole";
  transaction.recipients = {{"a@example.org", 250, "", "ok"}};
  transaction.authentication.emplace().dmarc.result = "pass";
  record.transactions.push_back(transaction);
  record.beyond.add(transaction);
  const std::int64_t before = all();
  count(record);
  EXPECT_EQ(all(), before);
  EXPECT_EQ(shown("postern_sinkhole_sessions_total", R"(family="ipv4")"), 1);
  EXPECT_EQ(reason_words()[reason_number("sinkhole")], "sinkhole");
}

}  // namespace
}  // namespace postern::record
