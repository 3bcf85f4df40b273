// Submission as SRV publishes it: found, visited, judged.
#include "check/submission.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "check/etiquette.h"
#include "dns/fixture.h"
#include "fake_server.h"
#include "unit/io/support.h"

namespace postern::check {
namespace {

using postern::test::issue;
using postern::test::Issued;
using test::Connection;
using test::FakeServer;
using enum Outcome;

std::string srv_data(std::uint16_t port, const std::string& target) {
  std::string out(4, '\0');
  out += static_cast<char>(port >> 8U);
  out += static_cast<char>(port & 255U);
  for (const std::string_view label : split(target, '.')) {
    if (!label.empty()) out += static_cast<char>(label.size()) + std::string(label);
  }
  return out + '\0';
}

class Submission : public ::testing::Test {
 protected:
  Submission() {
    options.helo = "checker.example";
    options.allow_private = true;
    options.ca_file = folder.file("root.pem");
    options.now = wall_now();
    root = issue({.subject = "root", .dns_names = {}, .authority = true});
    own = issue({.subject = "mail", .dns_names = {"mail.example.org"}}, &root);
    postern::test::write_certificates(options.ca_file, {&root});
    serve_with(own);
    target.domain = *dns::Name::parse("example.org");
  }
  void serve_with(const Issued& certificate) {
    tls.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(tls.get(), certificate.certificate.get());
    SSL_CTX_use_PrivateKey(tls.get(), certificate.key.get());
  }
  // Visits one server on loopback, and gives back what is judged of it.
  std::vector<Finding> visit(bool tls_first, FakeServer::Script script) {
    FakeServer server("127.0.0.1", 0, {std::move(script)});
    SubmissionHost host{.name = *dns::Name::parse("mail.example.org"), .port = server.port(), .tls_first = tls_first};
    host.addresses.push_back({*ip::Address::parse("127.0.0.1"), true, {}, {}});
    target.submission = {host};
    io::test::run(loop, visit_submission(target, options, {.loop = loop, .pool = pool, .resolver = resolver},
                                         Deadline::after(seconds(30))));
    EXPECT_EQ(server.connections(), 1U);
    return judge_submission(target, options);
  }
  static std::optional<Outcome> outcome(const std::vector<Finding>& findings, std::string_view id) {
    std::optional<Outcome> out;
    for (const Finding& one : findings) {
      if (one.id != id) continue;
      EXPECT_FALSE(out.has_value()) << id;
      EXPECT_FALSE(one.evidence.empty()) << id;
      if (one.outcome >= warn) EXPECT_FALSE(one.fix.empty()) << id;
      out = one.outcome;
    }
    return out;
  }
  ServerFacts& facts() { return *target.submission.front().addresses.front().server; }

  io::Loop loop;
  io::BlockingPool pool{1};
  dns::FixtureResolver resolver{dns::Zone()};
  io::test::TempDir folder;
  Options options;
  Target target;
  Issued root, own;
  std::unique_ptr<SSL_CTX, decltype([](SSL_CTX* c) { SSL_CTX_free(c); })> tls;
};

TEST_F(Submission, TlsFromTheFirstOctet) {
  std::vector<std::string> lines;
  const auto findings = visit(true, [&](Connection& to) {
    if (!to.tls(tls.get())) return;
    to.say("220 mail.example.org\r\n");
    lines.push_back(to.line());
    to.say("250-mail.example.org\r\n250 AUTH PLAIN\r\n");
    lines.push_back(to.line());
    to.say("221 bye\r\n");
  });
  EXPECT_EQ(lines, (std::vector<std::string>{"EHLO checker.example", "QUIT"}));
  EXPECT_EQ(outcome(findings, "tls.submission"), pass);
  EXPECT_EQ(outcome(findings, "tls.submission_certificate"), pass);
  EXPECT_EQ(outcome(findings, "smtp.submission_auth"), pass);
}

// Whoever publishes many names for one address does not have it connected to as often, in one run or in many.
TEST_F(Submission, AnAddressIsVisitedTwiceAMinuteWhateverTheZoneSays) {
  const FakeServer::Script busy = [](Connection& to) { to.say("421 not now\r\n"); };
  FakeServer server("127.0.0.1", 0, {busy, busy, busy, busy});
  for (const char* const name : {"a.example.org", "b.example.org", "c.example.org"}) {
    SubmissionHost host{.name = *dns::Name::parse(name), .port = server.port(), .tls_first = false};
    host.addresses.push_back({*ip::Address::parse("127.0.0.1"), true, {}, {}});
    target.submission.push_back(std::move(host));
  }
  Etiquette shared;
  const Services services{.loop = loop, .pool = pool, .resolver = resolver, .etiquette = &shared};
  for (const bool again : {false, true}) {
    io::test::run(loop, visit_submission(target, options, services, Deadline::after(seconds(30))));
    EXPECT_EQ(server.connections(), 2U);
    for (const std::size_t at : {0U, 1U}) {
      const ServerFacts& seen = *target.submission[at].addresses.front().server;
      EXPECT_EQ(seen.banner_code, 421) << at;
      EXPECT_EQ(seen.recalled, again) << at;
    }
    EXPECT_TRUE(target.submission[2].addresses.front().server->our_side);
  }
}

void starttls(Connection& to, SSL_CTX* tls, std::string_view clear, std::vector<std::string>* lines = nullptr) {
  const auto next = [&] {
    const std::string line = to.line();
    if (lines != nullptr) lines->push_back(line);
    return line;
  };
  to.say("220 mail.example.org\r\n");
  next();
  to.say(clear);
  if (next() != "STARTTLS") return to.say("221 bye\r\n");
  to.say("220 go\r\n");
  if (!to.tls(tls)) return;
  next();
  to.say("250-mail.example.org\r\n250 AUTH PLAIN\r\n");
  next();
  to.say("221 bye\r\n");
}

TEST_F(Submission, TlsByCommand) {
  std::vector<std::string> lines;
  const auto findings = visit(
      false, [&](Connection& to) { starttls(to, tls.get(), "250-mail.example.org\r\n250 STARTTLS\r\n", &lines); });
  EXPECT_EQ(lines, (std::vector<std::string>{"EHLO checker.example", "STARTTLS", "EHLO checker.example", "QUIT"}));
  EXPECT_EQ(outcome(findings, "tls.submission"), pass);
  EXPECT_EQ(outcome(findings, "tls.submission_certificate"), pass);
  EXPECT_EQ(outcome(findings, "smtp.submission_auth"), pass);
}

TEST_F(Submission, WithoutTlsAndWithLoginsInClear) {
  const auto findings = visit(
      false, [&](Connection& to) { starttls(to, tls.get(), "250-mail.example.org\r\n250 AUTH PLAIN LOGIN\r\n"); });
  EXPECT_EQ(outcome(findings, "tls.submission"), fail);
  EXPECT_EQ(outcome(findings, "tls.submission_certificate"), std::nullopt);
  EXPECT_EQ(outcome(findings, "smtp.submission_auth"), fail);
}

TEST_F(Submission, CertificatesThatMailProgramsRefuse) {
  const Issued elsewhere = issue({.subject = "x", .dns_names = {"other.example"}}, &root);
  const Issued over = issue({.subject = "x", .dns_names = {"mail.example.org"}, .from_days = -9, .to_days = -1}, &root);
  const Issued alone = issue({.subject = "x", .dns_names = {"mail.example.org"}});
  for (const Issued* const one : {&elsewhere, &over, &alone}) {
    serve_with(*one);
    const auto findings =
        visit(false, [&](Connection& to) { starttls(to, tls.get(), "250-mail.example.org\r\n250 STARTTLS\r\n"); });
    EXPECT_EQ(outcome(findings, "tls.submission"), pass);
    EXPECT_EQ(outcome(findings, "tls.submission_certificate"), fail);
  }
}

TEST_F(Submission, WhatIsNotKnownIsNotTested) {
  auto findings = visit(false, [](Connection& to) { to.say("421 4.7.0 later\r\n"); });
  EXPECT_EQ(outcome(findings, "tls.submission"), not_tested);
  findings = visit(true, [](Connection& to) { to.say("220 no TLS here\r\n"); });
  EXPECT_EQ(outcome(findings, "tls.submission"), fail);
  findings = visit(false, [](Connection& to) { to.say("554 5.7.1 no\r\n"); });
  EXPECT_EQ(outcome(findings, "tls.submission"), fail);
  facts().our_side = true;
  EXPECT_EQ(outcome(judge_submission(target, options), "tls.submission"), not_tested);
  target.submission = {{.name = *dns::Name::parse("x.example"), .port = 22, .why_not = "port 22"}};
  EXPECT_EQ(outcome(judge_submission(target, options), "tls.submission"), not_tested);
  target.submission = {{.name = *dns::Name::parse("x.example"), .port = 465}};
  EXPECT_EQ(outcome(judge_submission(target, options), "tls.submission"), fail);
  target.submission.front().unknown = "AAAA x.example: SERVFAIL";
  EXPECT_EQ(outcome(judge_submission(target, options), "tls.submission"), not_tested);
}

TEST_F(Submission, IsFoundInDns) {
  const auto zone_text = json::parse(
      R"({"mail.example.org": {"A": ["192.0.2.5"], "AAAA": ["2001:db8::5"]}, "lost.example.org": {"AAAA": "SERVFAIL"}})");
  dns::Zone zone = *dns::Zone::from_json(*zone_text);
  const auto set = [&](const char* name, std::vector<std::string> rdata) {
    dns::Answer answer;
    answer.status = dns::Status::ok;
    answer.rdata = std::move(rdata);
    zone.set(*dns::Name::parse(name), dns::Type::srv, std::move(answer));
  };
  set("_submissions._tcp.example.org", {srv_data(465, "mail.example.org"), srv_data(22, "mail.example.org")});
  set("_submission._tcp.example.org", {srv_data(587, "lost.example.org"), srv_data(0, "")});
  dns::FixtureResolver fixture(std::move(zone));
  dns::Budget budget(100, Deadline::never());
  options.allow_private = false;
  Context context(options, fixture, budget, {});
  context.target.domain = target.domain;
  run_ready(find_submission(context));
  const auto& found = context.target.submission;
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].name.text(), "mail.example.org");
  EXPECT_EQ(found[0].port, 465);
  EXPECT_TRUE(found[0].tls_first);
  ASSERT_EQ(found[0].addresses.size(), 2U);
  EXPECT_FALSE(found[0].addresses[0].reachable_kind);  // of documentation: a stranger's zone chooses nothing of ours
  EXPECT_NE(found[1].why_not.find("22"), std::string::npos);
  EXPECT_TRUE(found[1].addresses.empty());
  EXPECT_FALSE(found[2].tls_first);
  EXPECT_NE(found[2].unknown, "");
}

}  // namespace
}  // namespace postern::check
