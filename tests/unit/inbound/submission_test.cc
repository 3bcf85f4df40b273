// Submission: what a user says, whole and octet by octet, and what he may not.
#include <gtest/gtest.h>

#include "base/text.h"
#include "inbound/sender_identity.h"
#include "inbound/user_limits.h"
#include "io/tls.h"
#include "session_fixture.h"
#include "unit/temporary_folder.h"

namespace postern::inbound {
namespace {

using Codes = std::vector<int>;

std::string plain(std::string_view user, std::string_view password) {
  std::string message(1, '\0');
  message += user;
  message += '\0';
  message += password;
  return to_base64(message);
}

const std::string kEhlo = "EHLO client.example\r\n";
const std::string kLogin = "AUTH PLAIN " + plain("alice@example.org", "secret") + "\r\n";
const std::string kBody = "From: alice@example.org\r\nBcc: hidden@example.com\r\nSubject: x\r\n\r\nbody\r\n";

class SubmissionTest : public SessionFixture {
 protected:
  SubmissionTest() {
    const std::string certificate = folder_.path() + "/certificate";
    const std::string key = folder_.path() + "/key";
    EXPECT_TRUE(io::ensure_self_signed(certificate, key, "mx.example.org"));
    tls_ = *io::TlsServerContext::make({.certificates = {{certificate, key, {}}}});
    pool = std::make_unique<io::BlockingPool>(1);
    logins = std::make_unique<Logins>(*pool, "a secret");
    logins->set_users(std::make_shared<const sasl::Users>(
        sasl::Users::Map{{"alice@example.org", sasl::derive("secret", "0123456789abcdef", sasl::kIterationsMin)}}));
    submit({});
  }
  void submit(const std::function<void(Settings&)>& change) {
    configure([&](Settings& settings) {
      settings.tls = tls_;
      settings.listeners[0].role = "submissions";
      settings.listeners[0].tls = TlsMode::on_connect;
      if (change) change(settings);
    });
  }
  std::shared_ptr<io::TlsServerContext> tls_;
  postern::testing::TemporaryFolder folder_;
};

TEST_F(SubmissionTest, AWholeMessageCutAnywhere) {
  const std::string text = kEhlo + kLogin + "MAIL FROM:<alice@example.org>\r\nRCPT TO:<x@example.com>\r\n" +
                           "RCPT TO:<bob@example.org>\r\nDATA\r\n" + kBody + ".\r\nQUIT\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{65536}}) {
    const std::string sent = say(text, piece);
    EXPECT_EQ(codes(sent), (Codes{220, 250, 235, 250, 250, 250, 354, 250, 221})) << piece << sent;
  }
  const auto messages = stored();
  ASSERT_EQ(messages.size(), 4U);
  for (const std::string& message : messages) {
    EXPECT_EQ(message.find("hidden@"), std::string::npos) << message;
    EXPECT_NE(message.find("with ESMTPSA id "), std::string::npos) << message;
    EXPECT_NE(message.find("\r\nDate: "), std::string::npos);
    EXPECT_NE(message.find("\r\nMessage-ID: <"), std::string::npos);
    EXPECT_TRUE(message.ends_with("\r\nFrom: alice@example.org\r\nSubject: x\r\n\r\nbody\r\n")) << message;
  }
  const spool::Envelope first = envelope(0);
  EXPECT_EQ(first.login, "alice@example.org");
  EXPECT_EQ(first.origin, spool::Origin::login);
  EXPECT_EQ(first.recipients.size(), 2U);
}

TEST_F(SubmissionTest, AnotherStepForEachLineOfAuth) {
  const std::string user = to_base64("alice@example.org");
  const std::string text = kEhlo + "AUTH LOGIN\r\n" + user + "\r\n" + to_base64("wrong") + "\r\nAUTH LOGIN " + user +
                           "\r\n" + to_base64("secret") + "\r\nAUTH PLAIN\r\nQUIT\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{65536}}) {
    EXPECT_EQ(codes(say(text, piece)), (Codes{220, 250, 334, 334, 535, 334, 235, 503, 221}));
  }
}

TEST_F(SubmissionTest, CancelledAndBrokenExchanges) {
  EXPECT_EQ(
      codes(say(kEhlo + "AUTH LOGIN\r\n*\r\nAUTH PLAIN =\r\nAUTH PLAIN ???\r\nAUTH GSSAPI\r\n" + kLogin + "QUIT\r\n")),
      (Codes{220, 250, 334, 501, 535, 501, 504, 235, 221}));
  // The client goes in the middle of it
  EXPECT_EQ(codes(say(kEhlo + "AUTH LOGIN\r\n")), (Codes{220, 250, 334}));
}

TEST_F(SubmissionTest, NoMailWithoutALogin) {
  EXPECT_EQ(codes(say(kEhlo + "MAIL FROM:<alice@example.org>\r\nQUIT\r\n")), (Codes{220, 250, 530, 221}));
  submit([](Settings& settings) { settings.listeners[0] = {.role = "submission", .tls = TlsMode::starttls}; });
  const std::string sent = say(kEhlo + kLogin + "MAIL FROM:<alice@example.org>\r\nQUIT\r\n");
  EXPECT_EQ(codes(sent), (Codes{220, 250, 538, 530, 221}));
  EXPECT_EQ(sent.find("AUTH PLAIN"), std::string::npos);
  EXPECT_NE(sent.find("STARTTLS first"), std::string::npos);
}

TEST_F(SubmissionTest, UnknownUserAndWrongPasswordAreAnsweredAlike) {
  const auto answer = [&](std::string_view user, std::string_view password) {
    const std::string sent = say(kEhlo + "AUTH PLAIN " + plain(user, password) + "\r\n");
    const std::string last = sent.substr(sent.rfind("\r\n", sent.size() - 3) + 2);
    return last.substr(0, last.find('['));
  };
  const std::string wrong = answer("alice@example.org", "wrong");
  EXPECT_TRUE(wrong.starts_with("535 5.7.8 ")) << wrong;
  EXPECT_EQ(wrong, answer("nobody@example.org", "secret"));
  EXPECT_EQ(wrong, answer("alice@example.org", std::string("se\x01", 3)));
}

TEST_F(SubmissionTest, AForeignAuthorIsRefusedWhereverTheHeaderEnds) {
  const std::string start = kEhlo + kLogin + "MAIL FROM:<alice@example.org>\r\nRCPT TO:<x@example.com>\r\nDATA\r\n";
  for (const std::string_view body :
       {"From: bob@example.org\r\n\r\nbody\r\n", "From: bob@example.org\r\n", "Subject: x\r\n\r\n",
        "From: alice@example.org\r\nFrom: alice@example.org\r\n\r\n", "From: alice@\r\n\r\nbody\r\n"}) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{65536}}) {
      const std::string sent = say(start + std::string(body) + ".\r\nMAIL FROM:<alice@example.org>\r\nQUIT\r\n", piece);
      EXPECT_EQ(codes(sent), (Codes{220, 250, 235, 250, 250, 354, 550, 250, 221})) << body << sent;
    }
  }
  EXPECT_TRUE(stored().empty());
}

TEST_F(SubmissionTest, WithoutTheCheckAnybodyMayBeNamed) {
  submit([](Settings& settings) { settings.submission.check_sender = false; });
  EXPECT_EQ(
      codes(say(kEhlo + kLogin +
                "MAIL FROM:<x@example.net>\r\nRCPT TO:<y@example.com>\r\nDATA\r\nFrom: z@example.net\r\n\r\n.\r\n")),
      (Codes{220, 250, 235, 250, 250, 354, 250}));
}

TEST_F(SubmissionTest, LimitsOfAUserCountAcrossSessions) {
  submit([](Settings& settings) {
    settings.submission.limits = {
        .messages_per_hour = 2, .messages_per_day = 0, .new_recipients_per_hour = 3, .new_recipients_per_day = 0};
  });
  const std::string mail = "MAIL FROM:<alice@example.org>\r\n";
  EXPECT_EQ(codes(say(kEhlo + kLogin + mail +
                      "RCPT TO:<a@example.com>\r\nRCPT TO:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n" +
                      "RCPT TO:<c@example.com>\r\nRCPT TO:<d@example.com>\r\nRSET\r\n" + mail)),
            (Codes{220, 250, 235, 250, 250, 250, 250, 250, 450, 250, 250}));
  const std::string sent = say(kEhlo + kLogin + mail);
  EXPECT_EQ(codes(sent), (Codes{220, 250, 235, 450}));
  EXPECT_NE(sent.find("2 messages an hour"), std::string::npos) << sent;
}

TEST(SenderIdentity, WhoseAddressIsWhose) {
  directory::DomainOptions domain;
  domain.name = "example.org";
  domain.deliver = directory::Transport{};
  domain.mailboxes = {"alice", "bob"};
  domain.aliases = {{"team", {"alice", "bob"}}, {"away", {"alice@example.com"}}};
  const auto built = directory::Directory::build({domain});
  ASSERT_TRUE(built);
  SubmissionOptions options;
  options.users["alice@example.org"].identities = {"info@example.net", "*@shop.example"};
  options.users["root@example.org"].identities = {"*"};
  const auto owns = [&](std::string_view login, std::string_view address) {
    return SenderIdentity(**built, options, login, 0).owns(*smtp::parse_mailbox(address, true));
  };
  EXPECT_TRUE(owns("alice@example.org", "alice@example.org"));
  EXPECT_TRUE(owns("Alice@Example.org", "ALICE@example.ORG"));
  EXPECT_TRUE(owns("alice@example.org", "alice+x@example.org"));
  EXPECT_TRUE(owns("alice@example.org", "team@example.org"));
  EXPECT_TRUE(owns("bob@example.org", "team@example.org"));
  EXPECT_TRUE(owns("alice@example.org", "info@example.net"));
  EXPECT_TRUE(owns("alice@example.org", "any@shop.example"));
  EXPECT_FALSE(owns("alice@example.org", "any@sub.shop.example"));
  EXPECT_FALSE(owns("alice@example.org", "bob@example.org"));
  EXPECT_FALSE(owns("bob@example.org", "info@example.net"));
  EXPECT_FALSE(owns("alice@example.com", "away@example.com"));
  EXPECT_FALSE(owns("", "alice@example.org"));
  EXPECT_TRUE(owns("root@example.org", "who@ever.example"));
  EXPECT_TRUE(owns("x@m\xC3\xBCnchen.example", "x@xn--mnchen-3ya.example"));
}

}  // namespace
}  // namespace postern::inbound
