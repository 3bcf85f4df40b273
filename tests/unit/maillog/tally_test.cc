#include "maillog/tally.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace postern::maillog {
namespace {

constexpr WallMs kNow = 1795392000000;  // 2026-11-23T00:00:00Z

std::string smtpd(const std::string& message, const std::string& day = "Nov 20") {
  return day + " 08:53:20 mx1 postfix/smtpd[911]: " + message;
}
const std::string kTls =
    ": TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature ECDSA";

std::vector<std::string> sample() {
  std::vector<std::string> lines;
  for (int i = 0; i < 10; ++i) {
    const std::string day = i < 6 ? "Nov 20" : "Nov 21";
    const std::string client = i % 5 == 0 ? "unknown[2001:db8:1:2::3]" : "a.example[192.0.2." + std::to_string(i) + "]";
    lines.push_back(day + " 08:53:20 mx1 postfix/postscreen[1]: CONNECT from [192.0.2.7]:4711 to [192.0.2.25]:25");
    lines.push_back(smtpd("connect from " + client, day));
    if (i % 2 == 0) lines.push_back(smtpd("Anonymous TLS connection established from " + client + kTls, day));
    lines.push_back(smtpd(
        "NOQUEUE: reject: RCPT from " + client + ": 550 5.1.1 <u" + std::to_string(i) +
            "@example.org>: Recipient address rejected: User unknown; from=<a@b.example> to=<c@d.example> proto=ESMTP",
        day));
    lines.push_back(smtpd(
        "disconnect from " + client + (i % 2 == 0 ? " ehlo=1 starttls=1 commands=2" : " ehlo=1 commands=1"), day));
  }
  lines.push_back(
      "Nov 21 09:00:00 mx1 postfix/smtp[5]: 4104E3D: to=<a@b.example>, relay=mx.example[2001:db8::1]:25, delay=61, "
      "dsn=2.0.0, status=sent (ok)");
  lines.push_back(
      "Nov 21 09:00:00 mx1 postfix/smtp[5]: 4104E3D: to=<a@b.example>, relay=none, delay=61, dsn=4.4.1, "
      "status=deferred (connect to x[192.0.2.9]:25: refused)");
  lines.push_back("Nov 21 09:00:00 mx1 dovecot: imap-login: Login");
  lines.push_back("Nov 21 09:00:00 mx1 postfix/smtpd[5]: gibberish");
  lines.push_back("gibberish");
  return lines;
}

std::string json_of(const Tally& tally) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  append_json(tally, writer);
  writer.end_object();
  return out;
}

TEST(Tally, Counts) {
  Tally tally({.time = {.now = kNow}, .keep_unknown = true});
  for (const std::string& line : sample()) tally.add(line);
  EXPECT_EQ(tally.connections().total(), 10U);
  EXPECT_EQ(tally.connections().v6, 2U);
  EXPECT_EQ(tally.connections_with_tls().total(), 5U);
  EXPECT_EQ(tally.connections_with_tls().v6, 1U);
  EXPECT_FALSE(tally.tls_from_disconnects());
  EXPECT_EQ(tally.ciphers.of("TLS_AES_256_GCM_SHA384").total(), 5U);
  EXPECT_EQ(tally.key_exchanges.of("X25519").v4, 4U);
  EXPECT_EQ(tally.postscreen.of("CONNECT").total(), 10U);
  EXPECT_EQ(tally.rejected, 10U);
  EXPECT_EQ(tally.reasons.entries().size(), 1U);
  EXPECT_EQ(tally.reasons.of("550 5.1.1 Recipient address rejected: User unknown").v6, 2U);
  EXPECT_EQ(tally.delivered, 1U);
  EXPECT_EQ(tally.deferrals, 1U);
  EXPECT_EQ(tally.statuses.of("sent").v6, 1U);
  EXPECT_EQ(tally.delays[3], 1U);  // a minute to ten
  EXPECT_EQ(tally.lines.total, 50U);
  EXPECT_EQ(tally.lines.others, 1U);
  EXPECT_EQ(tally.lines.unknown, 2U);
  ASSERT_EQ(tally.unknown.size(), 2U);
  EXPECT_EQ(tally.unknown[1].second, "gibberish");
  ASSERT_EQ(tally.days.size(), 2U);
  EXPECT_EQ(tally.connections(tally.days.begin()->second).total(), 6U);
  EXPECT_EQ(tally.days.begin()->second.tls.total(), 3U);
  EXPECT_EQ(tally.days.rbegin()->second.deferred, 1U);
  const auto top = tally.prefixes().top(2);
  ASSERT_EQ(top.size(), 2U);
  EXPECT_EQ(top[0].prefix, "192.0.2.0/24");
  EXPECT_EQ(top[0].count, 8U);
  EXPECT_EQ(top[1].prefix, "2001:db8:1::/48");
}

// However the lines are shared, the sum says the same.
TEST(Tally, SumOfParts) {
  const auto lines = sample();
  const TallyOptions options{.time = {.now = kNow}, .keep_unknown = true};
  Tally whole(options);
  for (std::size_t i = 0; i < lines.size(); ++i) whole.add(lines[i], i);
  const auto parsed = json::parse(json_of(whole));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->at("connections").at("total").integer(), 10);
  EXPECT_EQ(parsed->at("lines").at("unknown").integer(), 2);
  EXPECT_EQ(parsed->at("days").at("2026-11-20").at("ipv6").integer(), 2);
  for (std::size_t cut = 0; cut <= lines.size(); ++cut) {
    Tally first(options);
    Tally second(options);
    for (std::size_t i = 0; i < lines.size(); ++i) (i < cut ? second : first).add(lines[i], i);
    first.add(second);
    const auto sum = json::parse(json_of(first));
    ASSERT_TRUE(sum);
    EXPECT_EQ(sum->text(), parsed->text()) << cut;
  }
}

TEST(Tally, Times) {
  const auto count = [](std::optional<WallMs> since, std::optional<WallMs> until) {
    Tally tally({.time = {.now = kNow}, .since = since, .until = until});
    for (const std::string& line : sample()) tally.add(line);
    EXPECT_EQ(tally.lines.total + tally.lines.outside, 50U);
    return tally.connections().total();
  };
  const WallMs first = *parse_iso8601("2026-11-20T08:53:20Z");
  EXPECT_EQ(count(first, {}), 10U);
  EXPECT_EQ(count(first + 1, {}), 4U);
  EXPECT_EQ(count({}, first), 0U);
  EXPECT_EQ(count({}, first + 1), 6U);
}

// Days as they are written, whatever the zone of the stamp or the clock's.
TEST(Tally, DaysAsTheyAreWritten) {
  std::vector<std::string> lines;
  for (const std::string stamp :
       {"Nov 19 23:59:59", "Nov 20 00:00:00", "Nov 20 23:59:59", "Nov 21 00:00:00", "2026-11-20T00:00:00+09:00",
        "2026-11-20T23:59:59-08:00", "2026-11-21T00:00:00+09:00"})
    lines.push_back(stamp + " mx1 postfix/smtpd[1]: connect from a[192.0.2.1]");
  for (const std::int64_t offset : {-36000, 0, 36000}) {
    Tally tally({.time = {.now = kNow, .utc_offset_s = offset}, .since_day = 20777, .until_day = 20778});
    for (const std::string& line : lines) tally.add(line);
    EXPECT_EQ(tally.connections().total(), 4U) << offset;
    EXPECT_EQ(tally.lines.outside, 3U) << offset;
    ASSERT_EQ(tally.days.size(), 1U);
    EXPECT_EQ(tally.days.begin()->first, 20777);
  }
}

// A stamp in seconds is UTC and says no day: it is of the day that the clock here has.
TEST(Tally, DaysOfSecondsAreThoseHere) {
  constexpr std::int64_t kMidnight = 20777 * 86'400;
  for (const std::int64_t offset : {-36000, 0, 36000}) {
    Tally tally({.time = {.now = kNow, .utc_offset_s = offset}});
    for (const std::int64_t second : {kMidnight - offset - 1, kMidnight - offset, kMidnight - offset + 86'399})
      tally.add(std::to_string(second) + ".7 mx1 postfix/smtpd[1]: connect from a[192.0.2.1]");
    ASSERT_EQ(tally.days.size(), 2U) << offset;
    EXPECT_EQ(tally.connections(tally.days[20776]).total(), 1U) << offset;
    EXPECT_EQ(tally.connections(tally.days[20777]).total(), 2U) << offset;
  }
}

TEST(Tally, NoDateIsUnknown) {
  Tally tally({.time = {.now = kNow}, .keep_unknown = true});
  for (const std::string day : {"Feb 30", "Nov 99", "Foo  3"}) tally.add(smtpd("connect from a[192.0.2.1]", day));
  tally.add("Nov 31 08:53:20 mx1 dovecot: x");
  tally.add(smtpd("connect from a[192.0.2.1]", "Feb 29"));
  tally.add(smtpd("connect from a[192.0.2.1]"));
  EXPECT_EQ(tally.lines.unknown, 4U);
  EXPECT_EQ(tally.unknown.size(), 4U);
  EXPECT_EQ(tally.connections().total(), 2U);
  EXPECT_EQ(tally.days.size(), 2U);
}

TEST(Tally, WhatIsRepeated) {
  Tally tally({.time = {.now = kNow}, .keep_unknown = true});
  tally.add(
      smtpd("NOQUEUE: reject: RCPT from a[192.0.2.1]: 550 5.1.1 <c@d>: no; from=<a@b> to=<c@d> proto=ESMTP helo=<x>"));
  tally.add(smtpd(
      "message repeated 4 times: [ NOQUEUE: reject: RCPT from a[192.0.2.1]: 550 5.1.1 <c@d>: no; from=<a@b> to=<c@d> "
      "proto=ESMTP helo=<x>]"));
  tally.add(smtpd("message repeated 2 times: [ connect from a[2001:db8::1]]"));
  tally.add(smtpd("message repeated 2 times: [ gibberish]"));
  EXPECT_EQ(tally.rejected, 5U);
  EXPECT_EQ(tally.reasons.of("550 5.1.1 no").v4, 5U);
  EXPECT_EQ(tally.connections().v6, 2U);
  EXPECT_EQ(tally.days.begin()->second.rejected, 5U);
  EXPECT_EQ(tally.lines.total, 4U);
  EXPECT_EQ(tally.lines.unknown, 1U);
}

// A line that is repeated weighs as much as so many lines, in every number.
TEST(Tally, RepeatedWeighsAsManyLines) {
  const std::string exim = "Nov 21 09:00:00 mx1 exim[9]: ";
  std::vector<std::string> lines = sample();
  lines.push_back(
      "Nov 21 09:00:00 mx1 postfix/smtp[5]: Untrusted TLS connection established to mx.example[2001:db8::1]:25" + kTls);
  lines.push_back("Nov 21 09:00:00 mx1 postfix/pickup[5]: 4104E3D: uid=0 from=<root>");
  lines.push_back("Nov 21 09:00:00 mx1 postfix/smtp[5]: connect to x[192.0.2.9]:25: Connection refused");
  lines.push_back("Nov 21 09:00:00 mx1 postfix/qmgr[5]: 4104E3D: from=<a@b>, status=expired, returned to sender");
  lines.push_back(
      "Nov 21 09:00:00 mx1 postfix/cleanup[5]: 4104E3D: discard: header X: y from a[192.0.2.1]; from=<a@b>");
  lines.push_back(smtpd("lost connection after DATA from a[192.0.2.1]"));
  lines.push_back(smtpd("warning: something is odd"));
  lines.push_back(smtpd("4104E3D: client=a[192.0.2.1]"));
  lines.push_back(exim + "1abcde-000000-AB <= a@b H=x [192.0.2.1] P=esmtps X=TLS1.3:TLS_AES_256_GCM_SHA384:256 S=1");
  lines.push_back(exim + "1abcde-000000-AB => u@c R=r T=t H=mx [192.0.2.9] X=TLS1.3:TLS_AES_256_GCM_SHA384:256");
  lines.push_back(exim + "H=(x) [2001:db8::1] F=<a@b.example> rejected RCPT <u@c.example>: relay not permitted");
  constexpr int kTimes = 1000;
  Tally one_by_one({.time = {.now = kNow}}), at_once({.time = {.now = kNow}});
  for (const std::string& line : lines) {
    const std::size_t message = line.find("]: ");
    if (message == std::string::npos || line.find("gibberish") != std::string::npos) continue;
    for (int i = 0; i < kTimes; ++i) one_by_one.add(line);
    at_once.add(line.substr(0, message + 3) + "message repeated " + std::to_string(kTimes) + " times: [ " +
                line.substr(message + 3) + "]");
    ASSERT_EQ(at_once.lines.unknown, 0U) << line;
  }
  EXPECT_GT(at_once.received, 0U);
  EXPECT_GT(at_once.picked_up, 0U);
  EXPECT_GT(at_once.expired, 0U);
  EXPECT_GT(at_once.discarded, 0U);
  EXPECT_GT(at_once.lost.total() * at_once.levels.total() * at_once.connect_failures.total(), 0U);
  EXPECT_GT(at_once.tls_out.total() * at_once.exim_tls.total() * at_once.delays[3], 0U);
  EXPECT_EQ(at_once.lines.total * kTimes, one_by_one.lines.total);
  at_once.lines = one_by_one.lines;
  EXPECT_EQ(json_of(at_once), json_of(one_by_one));
}

TEST(Tally, ProbesAreNoDeliveries) {
  Tally tally({.time = {.now = kNow}});
  const std::string way =
      "Nov 20 08:53:20 mx1 postfix/smtp[1]: 4104E3D: to=<a@b>, relay=mx[192.0.2.9]:25, delay=1, dsn=2.1.5, status=";
  tally.add(way + "deliverable (250 2.1.5 Ok)");
  tally.add(way + "undeliverable (host mx[192.0.2.9] said: 550 no)");
  tally.add(way + "undeliverable-but-not-cached (host mx[192.0.2.9] said: 550 no)");
  EXPECT_EQ(tally.probes.of("deliverable").v4, 1U);
  EXPECT_EQ(tally.probes.of("undeliverable").v4, 1U);
  EXPECT_EQ(tally.probes.of("undeliverable-but-not-cached").v4, 1U) << "address_verify_negative_cache = no";
  EXPECT_EQ(tally.delivered + tally.deferrals + tally.bounced, 0U);
  EXPECT_EQ(tally.statuses.total() + tally.failures.total() + tally.dsn.total() + tally.transports.total(), 0U);
  Tally sum;
  sum.add(tally);
  const auto json = json::parse(json_of(sum));
  ASSERT_TRUE(json);
  EXPECT_EQ(json->at("deliveries").at("probes").at("deliverable").integer(), 1);
  EXPECT_EQ(sum.lines.unknown, 0U);
}

TEST(Tally, CurvesOfTheKeyExchange) {
  Tally tally;
  for (const std::string group : {"X25519", "ECDHE (P-256)", "ECDHE (P-521)", "X25519MLKEM768", "ECDHE (unclosed"})
    tally.add(
        smtpd("Anonymous TLS connection established from a[192.0.2.1]: TLSv1.3 with cipher X (1/1 bits) key-exchange " +
              group + " server-signature ECDSA (prime256v1)"));
  for (const std::string group : {"X25519", "ECDHE (P-256)", "ECDHE (P-521)", "X25519MLKEM768"})
    EXPECT_EQ(tally.key_exchanges.of(group).v4, 1U) << group;
  EXPECT_EQ(tally.key_exchanges.entries().size(), 5U);
}

TEST(Tally, EximDiscards) {
  Tally tally;
  const std::string stamp = "2026-10-09 08:53:20 ";
  tally.add(stamp + "1abcde-000000-AB (= a@b.example H=x [2001:db8::1] P=esmtp S=1");
  tally.add(stamp + "1abcde-000000-AC => blackhole (DATA ACL discarded recipients)");
  tally.add(stamp + "Connection from [192.0.2.1]:4711 refused: too many connections");
  EXPECT_EQ(tally.received, 1U);
  EXPECT_EQ(tally.exim_arrivals.v6, 1U);
  EXPECT_EQ(tally.delivered, 0U);
  EXPECT_EQ(tally.discarded, 1U);
  EXPECT_EQ(tally.failures.total(), 0U);
  EXPECT_EQ(tally.reasons.of("connection too many connections").v4, 1U);
  EXPECT_EQ(tally.lines.unknown, 0U);
}

// The address of a recipient forges neither the outcome nor the table of policies.
TEST(Tally, ForgedOutcome) {
  Tally tally;
  tally.add(
      "Nov 20 08:53:20 mx1 postfix/smtp[1]: 4104E3D: to=<\"a, tls=forged, status=sent (ok) \"@b>, "
      "relay=mx[192.0.2.9]:25, delay=1, "
      "dsn=5.1.1, status=bounced (no)");
  tally.add(
      "Nov 20 08:53:20 mx1 postfix/smtp[1]: 4104E3E: to=<a@b>, relay=mx[192.0.2.9]:25, delay=70, delays=0/0/0/70, "
      "tls=dane, dsn=2.0.0, "
      "status=sent (ok)");
  EXPECT_EQ(tally.bounced, 1U);
  EXPECT_EQ(tally.delivered, 1U);
  EXPECT_EQ(tally.delays[3], 1U);
  EXPECT_EQ(tally.tls_policies.entries().size(), 1U);
  EXPECT_EQ(tally.tls_policies.of("dane").v4, 1U);
  tally.add("Nov 20 08:53:20 mx1 postfix/smtp[1]: 4104E3E: to=<a@b>, status=sent");
  EXPECT_EQ(tally.delivered, 2U);
}

TEST(Tally, WithoutTlsLines) {
  Tally tally;
  tally.add(smtpd("connect from a[192.0.2.1]"));
  tally.add(smtpd("disconnect from a[192.0.2.1] ehlo=2 starttls=1 mail=1 commands=4"));
  tally.add(smtpd("disconnect from a[192.0.2.1] ehlo=2 starttls=0/1 commands=2/3"));
  EXPECT_TRUE(tally.tls_from_disconnects());
  EXPECT_EQ(tally.connections_with_tls().total(), 1U);
  EXPECT_EQ(tally.connections_with_tls(tally.days.begin()->second).v4, 1U);
}

TEST(Tally, WhatIsNoRefusal) {
  Tally tally;
  const std::string rest = " RCPT from a[192.0.2.1]: <x@y.example>: Recipient address triggers it; from=<a@b.example>";
  for (const std::string action : {"filter:", "hold:", "reject_warning:", "redirect:"})
    tally.add(smtpd("NOQUEUE: " + action + rest));
  tally.add(smtpd("NOQUEUE: milter-reject: MAIL from a[192.0.2.1]: 451 4.7.1 Service unavailable; from=<a@b.example>"));
  tally.add("Nov 20 08:53:20 mx1 postfix/tlsproxy[1]: Anonymous TLS connection established from [192.0.2.1]:4711" +
            kTls);
  EXPECT_EQ(tally.actions.entries().size(), 5U);
  EXPECT_EQ(tally.reasons.of("451 4.7.1 Service unavailable").v4, 1U);
  EXPECT_EQ(tally.reasons.total(), 1U);
  EXPECT_EQ(tally.days.begin()->second.rejected, 0U);  // days add up to the whole
  EXPECT_EQ(tally.rejected, 0U);                       // pflogsumm does not count what a milter says either
  EXPECT_EQ(tally.held + tally.warned, 2U);
  EXPECT_EQ(tally.connections_with_tls().total(), 0U);  // tlsproxy's are not smtpd's
  EXPECT_EQ(tally.postscreen.of("TLS").v4, 1U);
}

TEST(Tally, Exim) {
  Tally tally;
  const std::string stamp = "2026-10-09 08:53:20 ";
  tally.add(stamp + "1abcde-000000-AB <= a@b.example H=x [192.0.2.1] P=esmtps X=TLS1.3:TLS_AES_256_GCM_SHA384:256 S=1");
  tally.add(stamp + "1abcde-000000-AC <= a@b.example U=root P=local S=1");
  tally.add(stamp + "1abcde-000000-AB => u <u@c.example> R=r T=mail_spool");
  tally.add(stamp + "1abcde-000000-AB Completed");
  tally.add(stamp + "H=(x) [2001:db8::1] F=<a@b.example> rejected RCPT <u@c.example>: relay not permitted");
  EXPECT_TRUE(tally.exim_messages_stand_for_connections());
  EXPECT_EQ(tally.connections().total(), 1U);
  EXPECT_EQ(tally.connections_with_tls().total(), 1U);
  EXPECT_EQ(tally.tls_versions.of("TLSv1.3").v4, 1U);
  EXPECT_EQ(tally.received, 2U);
  EXPECT_EQ(tally.delivered, 1U);
  EXPECT_EQ(tally.reasons.of("RCPT relay not permitted").v6, 1U);
  EXPECT_EQ(tally.connections(tally.days.begin()->second).v4, 1U);
  EXPECT_EQ(tally.connections_with_tls(tally.days.begin()->second).v4, 1U);
  ASSERT_EQ(tally.prefixes().top(2).size(), 1U);
  EXPECT_EQ(tally.prefixes().top(1)[0].prefix, "192.0.2.0/24");
  EXPECT_EQ(tally.lines.exim, 5U);
  EXPECT_EQ(tally.lines.unknown, 0U);
  tally.add(stamp + "SMTP connection from [192.0.2.1]:4711 (TCP/IP connection count = 1)");
  EXPECT_FALSE(tally.exim_messages_stand_for_connections());
  EXPECT_EQ(tally.connections().total(), 1U);
  // Several messages of one connection: TLS is a share of messages
  for (int i = 0; i < 3; ++i)
    tally.add(stamp + "1abcde-000000-AB <= a@b.example H=x [192.0.2.1] P=esmtps X=TLS1.3:TLS_AES_256_GCM_SHA384:256");
  EXPECT_EQ(tally.connections_with_tls().total(), 0U);
  EXPECT_EQ(tally.connections(tally.days.begin()->second).total(), 1U);
  EXPECT_EQ(tally.prefixes().top(1)[0].count, 1U);
  const auto json = json::parse(json_of(tally));
  ASSERT_TRUE(json);
  EXPECT_EQ(json->at("connections").at("tls").integer(), 0);
  EXPECT_EQ(json->at("exim_messages").at("total").integer(), 4);
  EXPECT_EQ(json->at("exim_messages").at("tls").integer(), 4);
}

TEST(Tally, EximDeliveriesOverOneConnection) {
  Tally tally;
  const std::string stamp = "2026-10-09 08:53:20 ";
  const std::string way = " R=r T=t H=mx.example [192.0.2.9] X=TLS1.3:TLS_AES_256_GCM_SHA384:256 C=\"250 ok\"";
  tally.add(stamp + "1abcde-000000-AB => a@c.example" + way);
  tally.add(stamp + "1abcde-000000-AB -> b@c.example" + way);
  tally.add(stamp + "1abcde-000000-AC *> b@c.example" + way);
  EXPECT_EQ(tally.delivered, 2U);
  EXPECT_EQ(tally.tls_out.total(), 1U);
  EXPECT_EQ(tally.lines.unknown, 0U);
}

// One instance writes TLS lines and the other one does not: neither hides the other.
TEST(Tally, TlsLinesOfSomeInstances) {
  const auto lines = [](const std::string& day, bool says) {
    std::vector<std::string> out;
    for (int i = 0; i < 4; ++i) {
      out.push_back(smtpd("connect from a[192.0.2.1]", day));
      if (says) out.push_back(smtpd("Anonymous TLS connection established from a[192.0.2.1]" + kTls, day));
      out.push_back(smtpd("disconnect from a[192.0.2.1] ehlo=2 starttls=1 commands=3", day));
    }
    return out;
  };
  Tally tally({.time = {.now = kNow}});
  for (const auto& [day, says] : {std::pair{"Nov 19", false}, {"Nov 20", true}})
    for (const std::string& line : lines(day, says)) tally.add(line);
  tally.add(smtpd("Anonymous TLS connection established from a[192.0.2.1]" + kTls, "Nov 19"));
  EXPECT_EQ(tally.connections_with_tls().total(), 8U);
  EXPECT_EQ(tally.tls_from(), "both");
  EXPECT_EQ(tally.connections_with_tls(tally.days.begin()->second).total(), 4U);
}

TEST(Tally, MappedAddressesAreIPv4) {
  Tally tally;
  tally.add(smtpd("connect from a[::ffff:192.0.2.1]"));
  tally.add(smtpd("connect from a[::1]"));
  EXPECT_EQ(tally.connections().v4, 1U);
  EXPECT_EQ(tally.connections().v6, 1U);
  EXPECT_EQ(tally.prefixes().top(1)[0].prefix, "192.0.2.0/24");
}

TEST(Tally, MemoryIsBounded) {
  Tally tally({.keep_unknown = true});
  for (std::size_t i = 0; i < NameTable::kNamesHeld; ++i) tally.ciphers.add("C" + std::to_string(i), Family::v4);
  EXPECT_EQ(tally.ciphers.entries().size(), NameTable::kNamesHeld);
  EXPECT_EQ(tally.ciphers.others().total(), 0U);
  EXPECT_EQ(tally.ciphers.ranked().names.size(), NameTable::kNamesMax);
  EXPECT_EQ(tally.ciphers.ranked().others.total(), NameTable::kNamesHeld - NameTable::kNamesMax);
  tally.ciphers.add("C0", Family::v6);
  tally.ciphers.add("one more", Family::v4);
  EXPECT_EQ(tally.ciphers.entries().size(), 2U);  // all that were seen once made room
  EXPECT_EQ(tally.ciphers.of("C0").total(), 2U);
  EXPECT_EQ(tally.ciphers.error(), 1U);
  const auto json = json::parse(json_of(tally));
  ASSERT_TRUE(json);
  EXPECT_EQ(json->at("name_errors").at("ciphers").integer(), 1);
  EXPECT_EQ(json->at("name_errors").at("reasons").integer(-1), -1);
  EXPECT_EQ(json->at("name_errors").object().size(), 1U) << "of a table that is told twice once";
  EXPECT_EQ(tally.ciphers.total(), NameTable::kNamesHeld + 2);
  NameTable more;
  more.add("C0", Family::v6);
  more.add(std::string(1000, 'x'), Family::v6);
  EXPECT_EQ(more.entries().back().name.size(), NameTable::kNameMax);
  tally.ciphers.add(more);
  EXPECT_EQ(tally.ciphers.of("C0").v6, 2U);
  for (std::size_t i = 0; i <= kUnknownKept; ++i) tally.add(std::string(1000, 'x'), i);
  EXPECT_EQ(tally.unknown.size(), kUnknownKept);
  EXPECT_EQ(tally.unknown[0].second.size(), kUnknownKeptOctets);
  EXPECT_EQ(tally.lines.unknown, kUnknownKept + 1);
}

// Every table that had to make room is named.
TEST(Tally, NameErrorsOfEveryTable) {
  static constexpr std::array kTables{
      std::pair{"tls_versions", &Tally::tls_versions},
      std::pair{"ciphers", &Tally::ciphers},
      std::pair{"key_exchanges", &Tally::key_exchanges},
      std::pair{"tls_trust", &Tally::trust},
      std::pair{"postscreen", &Tally::postscreen},
      std::pair{"lost", &Tally::lost},
      std::pair{"listed", &Tally::listed},
      std::pair{"actions", &Tally::actions},
      std::pair{"reasons", &Tally::reasons},
      std::pair{"status", &Tally::statuses},
      std::pair{"dsn", &Tally::dsn},
      std::pair{"transports", &Tally::transports},
      std::pair{"failures", &Tally::failures},
      std::pair{"connect_failures", &Tally::connect_failures},
      std::pair{"probes", &Tally::probes},
      std::pair{"outgoing_tls.versions", &Tally::tls_out_versions},
      std::pair{"outgoing_tls.ciphers", &Tally::tls_out_ciphers},
      std::pair{"outgoing_tls.trust", &Tally::tls_out_trust},
      std::pair{"outgoing_tls.policies", &Tally::tls_policies},
      std::pair{"levels", &Tally::levels},
      std::pair{"problems", &Tally::problems},
  };
  for (const auto& [name, table] : kTables) {
    Tally tally;
    for (std::size_t i = 0; i <= NameTable::kNamesHeld; ++i) (tally.*table).add("n" + std::to_string(i), Family::v4);
    const auto json = json::parse(json_of(tally));
    ASSERT_TRUE(json);
    EXPECT_EQ(json->at("name_errors").text(), "{\"" + std::string(name) + "\":1}");
  }
}

// Whoever comes late and often is there, and it does not matter how the lines are shared.
TEST(Tally, FrequentNamesStay) {
  constexpr std::size_t kRare = 10 * NameTable::kNamesHeld;
  const auto count = [](NameTable& names, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      names.add("rare" + std::to_string(i), Family::v4);
      if (i >= kRare / 2) names.add("late " + std::to_string(i % 8), Family::v6);
    }
  };
  NameTable whole;
  count(whole, 0, kRare);
  for (const std::size_t threads : {2U, 3U, 8U}) {
    NameTable sum;
    for (std::size_t i = threads; i > 0; --i) {
      NameTable part;
      count(part, kRare * (i - 1) / threads, kRare * i / threads);
      EXPECT_LE(part.entries().size(), NameTable::kNamesHeld);
      sum.add(part);
    }
    EXPECT_LE(sum.entries().size(), NameTable::kNamesHeld);
    EXPECT_EQ(sum.total(), whole.total());
    for (std::size_t i = 0; i < 8; ++i) {
      EXPECT_EQ(sum.ranked().names[i].name, "late " + std::to_string(i));
      EXPECT_EQ(sum.ranked().names[i].counts.v6, kRare / 16);
      EXPECT_EQ(whole.ranked().names[i].counts.v6, kRare / 16);
    }
  }
}

TEST(Tally, FrequentPrefixesStay) {
  Prefixes prefixes;
  for (unsigned i = 0; i < 200'000; ++i) {
    prefixes.add("10." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256) + ".1");
    if (i % 20 == 0) prefixes.add("2001:db8:77::" + std::to_string(i % 9999));
  }
  for (const std::string_view none : {"", "unknown", "1.2", "300.1.1.1", "2001:db8", ":", "x", "private/lmtp"})
    prefixes.add(none);
  EXPECT_FALSE(prefixes.exact());
  const auto top = prefixes.top(1);
  ASSERT_EQ(top.size(), 1U);
  EXPECT_EQ(top[0].prefix, "2001:db8:77::/48");
  EXPECT_GE(top[0].count, 10'000U);
  EXPECT_LE(top[0].count - top[0].error, 10'000U);
  const auto many = prefixes.top(100);
  EXPECT_TRUE(std::ranges::is_sorted(many, std::greater<>(), &Prefixes::Row::count));
  EXPECT_TRUE(std::ranges::any_of(many, [](const Prefixes::Row& row) { return row.error > 0; }));
}

}  // namespace
}  // namespace postern::maillog
