// Authentication within the session: what is looked up, what is written on top, what is taken out.
#include <map>

#include <functional>
#include <future>

#include "base/text.h"
#include "dkim/sign.h"
#include "dns/fixture.h"
#include "record/writer.h"
#include "session_fixture.h"
#include "unit/temporary_folder.h"

namespace postern::inbound {
namespace {

using Codes = std::vector<int>;

constexpr std::string_view kFrom = "From: You <you@sender.example>\r\n";

crypto::PrivateKey key() {
  static const crypto::PrivateKey made = crypto::PrivateKey::generate(crypto::Algorithm::ed25519).value();
  return made;
}

std::string signed_message(const std::string& text, const std::string& extra = {}) {
  const std::size_t end = text.find("\r\n\r\n") + 2;
  const message::HeaderSection header(text.substr(0, end));
  dkim::Signer signer(header, {{.domain = "sender.example", .selector = "sel", .key = key()}}, {});
  signer.body(std::string_view(text).substr(end + 2));
  const auto fields = signer.finish();
  EXPECT_TRUE(fields) << fields.error().what;
  return extra + fields->front() + text;
}

class AuthenticationTest : public SessionFixture {
 protected:
  AuthenticationTest() {
    zone(R"({"sender.example": {"TXT": ["v=spf1 ip6:2001:db8::/32 -all"]},
             "sel._domainkey.sender.example": {"TXT": ["v=DKIM1; k=ed25519; p=)" +
         to_base64(key().public_octets()) + R"("]},
             "_dmarc.sender.example": {"TXT": ["v=DMARC1; p=reject"]}})");
  }
  void zone(const std::string& json) {
    auto parsed = dns::Zone::from_json(json::parse(json).value());
    ASSERT_TRUE(parsed) << parsed.error().what;
    resolver = std::make_unique<dns::FixtureResolver>(std::move(*parsed));
  }
  std::string send(const std::string& message, std::size_t piece = 65536,
                   std::string_view client = "[2001:db8::1]:4711") {
    return converse(
               [&](io::testing::PipeStream& stream, Session&) {
                 stream.push_split(
                     "EHLO client.example\r\nMAIL FROM:<you@sender.example>\r\nRCPT TO:<alice@example.org>\r\n"
                     "BDAT " +
                         std::to_string(message.size()) + " LAST\r\n" + message + "QUIT\r\n",
                     piece);
                 stream.end();
               },
               client)
        .sent;
  }
  authres::Results results(std::size_t index = 0) {
    const message::HeaderSection fields(envelope(index).fields_on_top);
    EXPECT_EQ(fields.fields().size(), 1U);
    const auto parsed = authres::parse(fields.fields().at(0).body);
    EXPECT_TRUE(parsed) << parsed.error().what;
    return parsed.value_or(authres::Results());
  }
  static std::string result_of(const authres::Results& results, std::string_view method) {
    for (const authres::Method& entry : results.methods) {
      if (entry.method == method) return entry.result;
    }
    return "absent";
  }
};

TEST_F(AuthenticationTest, WhatIsGenuinePassesInAnySplit) {
  const std::string message = signed_message(std::string(kFrom) + "Subject: hi\r\n\r\nbody  text\r\n\r\n\r\n");
  std::size_t runs = 0;
  for (std::size_t piece = 1; piece < message.size() + 100; piece += piece < 50 ? 1 : 41) {
    const std::string sent = send(message, piece);
    EXPECT_EQ(codes(sent), (Codes{220, 250, 250, 250, 250, 221})) << sent;
    const authres::Results found = results(runs++);
    EXPECT_EQ(found.authserv_id, "mx.example.org");
    EXPECT_EQ(result_of(found, "spf"), "pass");
    EXPECT_EQ(result_of(found, "dkim"), "pass");
    EXPECT_EQ(result_of(found, "dmarc"), "pass");
  }
  for (const std::string& body : stored()) EXPECT_TRUE(body.ends_with("\r\n" + message)) << body;
}

TEST_F(AuthenticationTest, WhatIsForgedFailsAndIsTakenAllTheSame) {
  std::string message = signed_message(std::string(kFrom) + "Subject: hi\r\n\r\nbody\r\n");
  message.replace(message.find("body\r\n"), 4, "bode");
  EXPECT_EQ(codes(send(message, 65536, "192.0.2.1:99")), (Codes{220, 250, 250, 250, 250, 221}));
  const authres::Results found = results();
  EXPECT_EQ(result_of(found, "spf"), "fail");
  EXPECT_EQ(result_of(found, "dkim"), "fail");
  EXPECT_EQ(result_of(found, "dmarc"), "fail");
}

TEST_F(AuthenticationTest, TheRecordHasWhatAReportNeeds) {
  zone(R"({"sender.example": {"TXT": ["v=spf1 ip6:2001:db8::/32 -all"]},
           "_dmarc.sender.example": {"TXT": ["v=DMARC1; p=quarantine; np=reject; aspf=s; t=y; rua=mailto:r@a.example"]}})");
  const testing::TemporaryFolder folder;
  auto writer = record::Writer::open({.directory = folder.path()});
  ASSERT_TRUE(writer.has_value());
  records = writer->get();
  send(std::string(kFrom) + "Subject: hi\r\n\r\nbody\r\n");
  zone(R"({"_dmarc.sender.example": {"TXT": ["v=DMARC1; p=wrong"]}})");  // no policy, and nobody to tell
  send(std::string(kFrom) + "Subject: hi\r\n\r\nbody\r\n");
  (*writer)->flush();
  std::vector<std::string> published;
  ASSERT_TRUE(record::read_records(folder.path(), [&published](std::string_view line) {
                const json::Value session = json::parse(line).value();
                const json::Value& transaction = session.at("transactions").array().at(0);
                published.push_back(transaction.at("authentication").at("dmarc").at("published").text());
                return true;
              }).has_value());
  EXPECT_EQ(published,
            (std::vector<std::string>{R"({"fo":"0","np":"reject","p":"quarantine","strict_spf":true})", "null"}));
  records = nullptr;
}

TEST_F(AuthenticationTest, AnUnknownIsNoFailure) {
  zone(
      R"({"sender.example": "SERVFAIL", "sel._domainkey.sender.example": "TIMEOUT", "_dmarc.sender.example": "BOGUS"})");
  send(signed_message(std::string(kFrom) + "\r\nbody\r\n"));
  const authres::Results found = results();
  EXPECT_EQ(result_of(found, "spf"), "temperror");
  EXPECT_EQ(result_of(found, "dkim"), "temperror");
  EXPECT_EQ(result_of(found, "dmarc"), "temperror");
}

TEST_F(AuthenticationTest, FieldsThatClaimOurNameAreTakenOutAndOthersStay) {
  const std::string forged =
      "Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=evil.example\r\n"
      "AUTHENTICATION-results :\r\n (c) \"MX.example.ORG\" 1;\r\n\tdkim=pass\r\n"
      "Authentication-Results: mx.example.org\r\n";
  const std::string other = "Authentication-Results: other.example; spf=pass\r\nX-A: 1\r\n";
  const std::string rest = std::string(kFrom) + "\r\nbody\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{65536}})
    send(forged + other + rest, piece);
  ASSERT_EQ(stored().size(), 3U);
  for (const std::string& body : stored()) EXPECT_TRUE(body.ends_with("\r\n" + other + rest)) << body;
  for (const std::string& body : stored()) EXPECT_EQ(body.find("evil.example"), std::string::npos);
}

TEST_F(AuthenticationTest, TheyAreTakenOutAlsoWhereNothingIsAuthenticated) {
  configure([](Settings& settings) {
    settings.authenticate = false;
    settings.authserv_id = "site.example";
  });
  const std::string rest = "Authentication-Results: mx.example.org; none\r\nSubject: x\r\n\r\nbody\r\n";
  send("Authentication-Results: site.example; spf=pass\r\n" + rest);
  EXPECT_TRUE(envelope(0).fields_on_top.empty());
  ASSERT_EQ(stored().size(), 1U);
  EXPECT_TRUE(stored()[0].ends_with("\r\n" + rest)) << stored()[0];
  EXPECT_EQ(stored()[0].find("site.example"), std::string::npos);
}

TEST_F(AuthenticationTest, OurOwnClientsAreNotJudged) {
  configure([](Settings& settings) { settings.relay_from = {ip::Prefix::parse("2001:db8::/64").value()}; });
  send(std::string(kFrom) + "\r\nbody\r\n");
  send(std::string(kFrom) + "\r\nbody\r\n", 65536, "[2001:db8:1::1]:4711");
  for (const std::size_t index : {0U, 1U}) {
    EXPECT_EQ(envelope(index).fields_on_top.empty(), envelope(index).client == "[2001:db8::1]:4711");
  }
}

TEST_F(AuthenticationTest, MessagesWithoutBodyOrWithoutHeaderAreWhole) {
  const std::vector<std::string> messages = {"Subject: only\r\n", "\r\n", "", "\r\nbody only\r\n",
                                             "no field at all\r\n\r\nb\r\n"};
  for (const std::string& message : messages) {
    EXPECT_EQ(codes(send(message, 1)), (Codes{220, 250, 250, 250, 250, 221})) << message;
  }
  // Each as it was, behind our Received field, whose last line is the date
  std::vector<std::string> rests;
  for (const std::string& body : stored()) rests.push_back(body.substr(body.find(" +0000\r\n") + 8));
  EXPECT_TRUE(std::ranges::is_permutation(rests, messages)) << ::testing::PrintToString(rests);
  for (std::size_t i = 0; i < messages.size(); ++i) EXPECT_EQ(result_of(results(i), "dmarc"), "none") << i;
}

TEST_F(AuthenticationTest, AHeaderUpToItsLimitAndBeyond) {
  for (const std::size_t more : {std::size_t{0}, std::size_t{1}}) {
    configure([](Settings& settings) { settings.header_bytes_max = 200000; });
    std::string message;
    while (message.size() + 1000 < 200000) message += "X-Fill: " + std::string(900, 'x') + "\r\n";
    message += "X-Last: " + std::string(200000 - message.size() - 12 + more, 'y') + "\r\n\r\n";
    ASSERT_EQ(message.size(), 200000 + more);
    const Codes expected{220, 250, 250, 250, more == 0 ? 250 : 552, 221};
    for (const std::size_t piece : {std::size_t{999}, std::size_t{65536}}) {
      EXPECT_EQ(codes(send(message + "body\r\n", piece)), expected) << more << " " << piece;
    }
  }
  for (const std::string& body : stored()) EXPECT_TRUE(body.ends_with("y\r\n\r\nbody\r\n"));
  EXPECT_EQ(stored().size(), 2U);
  EXPECT_EQ(gate.bytes(), 0U);
}

TEST_F(AuthenticationTest, LongComputingLeavesTheLoopWithTheSameResult) {
  pool = std::make_unique<io::BlockingPool>(1);
  std::string message = signed_message(std::string(kFrom) + "\r\nbody\r\n");
  std::string many;
  for (std::size_t i = 0; i + 1 < dkim::kSignaturesMax; ++i) many += message.substr(0, message.find(kFrom));
  std::string fill;
  while (fill.size() < 700000) fill += "X-Fill: " + std::string(900, 'x') + "\r\n";
  const std::string whole = many + fill + message;
  // The pool is busy: a session that computes on the loop would not wait for it.
  std::promise<void> release;
  pool->submit([busy = release.get_future()]() mutable { busy.wait(); });
  bool waited = false;
  bool released = false;
  std::function<void(int)> turns = [&](int left) {
    if (left > 0) return loop.post([&turns, left] { turns(left - 1); });
    waited = stored().empty();
    released = true;
    release.set_value();
  };
  converse([&](io::testing::PipeStream& stream, Session&) {
    loop.post([&] {  // on the loop, where the session will want to come back to
      stream.push_split(
          "EHLO client.example\r\nMAIL FROM:<you@sender.example>\r\nRCPT TO:<alice@example.org>\r\nBDAT " +
              std::to_string(whole.size()) + " LAST\r\n" + whole + "QUIT\r\n",
          65536);
      stream.end();
      turns(1000);
    });
  });
  if (!released) release.set_value();
  EXPECT_TRUE(waited);
  const authres::Results found = results();
  EXPECT_EQ(
      std::ranges::count_if(found.methods, [](const auto& m) { return m.method == "dkim" && m.result == "pass"; }),
      static_cast<std::ptrdiff_t>(dkim::kSignaturesMax));
}

// Notes how much time each question has.
class TimingResolver final : public dns::Resolver {
 public:
  Task<dns::AnswerPtr> query(dns::Name name, dns::Type /*type*/, dns::Budget& budget) override {
    EXPECT_TRUE(budget.take());
    deadlines[name.text()] = budget.deadline().time();
    co_return std::make_shared<const dns::Answer>();
  }
  void prefetch(const dns::Name& /*name*/, dns::Type /*type*/) override {}
  std::map<std::string, Clock::time_point> deadlines;
};

TEST_F(AuthenticationTest, ThePolicyHasTimeOfItsOwn) {
  auto timing = std::make_unique<TimingResolver>();
  std::map<std::string, Clock::time_point>& deadlines = timing->deadlines;
  resolver = std::move(timing);
  const Clock::time_point begun = Clock::now();
  send(std::string(kFrom) + "\r\nbody\r\n");
  ASSERT_EQ(deadlines.count("sender.example"), 1U);
  ASSERT_EQ(deadlines.count("_dmarc.sender.example"), 1U);
  EXPECT_GE(deadlines["sender.example"], begun + kLookupTime);
  EXPECT_EQ(deadlines["client.example"], deadlines["sender.example"]);
  EXPECT_GE(deadlines["_dmarc.sender.example"], begun + kPolicyTime);
  EXPECT_NE(deadlines["_dmarc.sender.example"], deadlines["sender.example"]);
}

// Never answers; at the first question the session is ended, as at the end of a drain.
class SilentResolver final : public dns::Resolver {
 public:
  using End = void (Session::*)();
  SilentResolver(io::Loop& loop, Session*& session, End end)
      : loop_(loop), session_(session), end_(end), answer_(loop) {}
  Task<dns::AnswerPtr> query(dns::Name /*name*/, dns::Type /*type*/, dns::Budget& budget) override {
    if (!budget.cancelled()) {
      Waiter waiter(answer_);
      budget.add(waiter);
      loop_.post([this] { (session_->*end_)(); });
      co_await answer_.wait(Deadline::never());
      budget.remove(waiter);
      ++ended;
    }
    co_return dns::failed_answer(dns::Status::cancelled, "cancelled");
  }
  void prefetch(const dns::Name& /*name*/, dns::Type /*type*/) override {}
  int ended = 0;

 private:
  class Waiter final : public dns::Budget::Waiter {
   public:
    explicit Waiter(io::Signal& signal) : signal_(signal) {}
    void cancelled() override { signal_.notify(); }

   private:
    io::Signal& signal_;
  };
  io::Loop& loop_;
  Session*& session_;
  End end_;
  io::Signal answer_;
};

// What waits for DNS then is not taken: the client is told 421 where it can be, and sends the message again.
TEST_F(AuthenticationTest, ASessionThatWaitsForDnsCanBeEnded) {
  for (const SilentResolver::End end : {&Session::drain_ends, &Session::cancel}) {
    Session* current = nullptr;
    auto silent = std::make_unique<SilentResolver>(loop, current, end);
    const SilentResolver& watched = *silent;
    resolver = std::move(silent);
    const Outcome outcome = converse([&](io::testing::PipeStream& stream, Session& session) {
      current = &session;
      stream.push("EHLO client.example\r\nMAIL FROM:<you@sender.example>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n" +
                  std::string(kFrom) + "\r\nbody\r\n.\r\n");
    });
    EXPECT_EQ(watched.ended, 1);  // later questions are not asked any more
    const bool told = end == &Session::drain_ends;
    EXPECT_EQ(codes(outcome.sent), told ? (Codes{220, 250, 250, 250, 354, 421}) : Codes{220});
    EXPECT_TRUE(stored().empty());
    EXPECT_EQ(gate.bytes(), 0U);
  }
}

TEST_F(AuthenticationTest, SpfAtTheFirstRecipientIsThatOfTheMessage) {
  dkim::KeyCache keys;
  const AuthenticationContext context{.resolver = resolver.get(), .keys = &keys};
  Authentication authentication(
      context, "mx.example.org", "mx.example.org",
      {.client = *ip::Address::parse("2001:db8::1"), .helo = "client.example", .mail_from = "you@sender.example"});
  EXPECT_EQ(run_ready(authentication.spf(wall_now()))->outcome, spf::Outcome::pass);
  EXPECT_EQ(run_ready(authentication.spf(wall_now()))->matched_bits, 32);
  const Authentication::Outcome outcome = run_ready(authentication.finish(wall_now(), false));
  EXPECT_EQ(outcome.facts.spf_mail_from->outcome, spf::Outcome::pass);
  EXPECT_EQ(outcome.record.spf->result, "pass");
  EXPECT_EQ(outcome.record.lookups, 2U);  // the record once, and the HELO name
}

}  // namespace
}  // namespace postern::inbound
