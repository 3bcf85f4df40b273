// Both sides of AUTH: the examples of RFC 7677 and 4616, the two sides against each other, and what must fail.
#include <gtest/gtest.h>

#include <string>

#include "base/text.h"
#include "crypto/hmac.h"
#include "sasl/client.h"
#include "sasl/prep.h"
#include "sasl/server.h"

namespace postern::sasl {
namespace {

using Want = ServerExchange::Want;
using Problem = ServerExchange::Problem;

constexpr std::string_view kClientNonce = "rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view kServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

Verifier pencil() { return derive("pencil", *from_base64("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096); }

std::string plain(std::string_view text) { return to_base64(text); }
std::string decoded(const std::string& base64) { return from_base64(base64).value_or("not base64"); }

ServerExchange::Options scram_options(Mechanism mechanism = Mechanism::scram_sha_256) {
  return {.mechanism = mechanism, .nonce = std::string(kServerNonce)};
}

TEST(Scram, ExampleOfRfc7677) {
  ServerExchange server(scram_options());
  ASSERT_EQ(server.start(plain("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")), Want::verifier);
  EXPECT_EQ(server.name(), "user");
  ASSERT_EQ(server.verifier(pencil()), Want::response);
  EXPECT_EQ(decoded(server.challenge()),
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  ASSERT_EQ(server.receive(plain("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                 "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")),
            Want::response);
  EXPECT_EQ(decoded(server.challenge()), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  EXPECT_EQ(server.receive(""), Want::done);
}

TEST(Scram, ExampleOfRfc7677FromTheClientsSide) {
  ClientExchange client(Mechanism::scram_sha_256, {.name = "user", .password = "pencil"}, std::string(kClientNonce));
  EXPECT_EQ(decoded(client.initial()), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  const auto final =
      client.respond(plain("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
  ASSERT_TRUE(final);
  EXPECT_EQ(decoded(*final),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  EXPECT_FALSE(client.finished());
  const auto last = client.respond(plain("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
  ASSERT_TRUE(last);
  EXPECT_EQ(*last, "");
  EXPECT_TRUE(client.finished());
  EXPECT_FALSE(client.respond(plain("v=more")));
}

// One exchange of our client with our server.
Want talk(ClientExchange& client, ServerExchange& server, const Verifier& verifier) {
  const std::string initial = client.initial();
  Want want = server.start(initial.empty() ? std::nullopt : std::optional<std::string_view>(initial));
  for (int turn = 0; turn < 10; ++turn) {
    if (want == Want::verifier) {
      want = server.verifier(verifier);
    } else if (want == Want::password) {
      want = server.checked(matches(verifier, server.password()));
    } else if (want == Want::response) {
      const auto answer = client.respond(server.challenge());
      if (!answer) return Want::failed;
      want = server.receive(*answer);
    } else {
      return want;
    }
  }
  return Want::failed;
}

TEST(Exchange, BothSidesAgreeInEachMechanism) {
  const Verifier verifier = derive("pass,word= \xC3\xA9", "0123456789abcdef", kIterationsMin);
  for (const Mechanism mechanism : {Mechanism::plain, Mechanism::login, Mechanism::scram_sha_256}) {
    SCOPED_TRACE(to_string(mechanism));
    {
      ClientExchange client(mechanism, {.name = "A,l=ice@example.org", .password = "pass,word= \xC3\xA9"}, "nonce");
      ServerExchange server(scram_options(mechanism));
      EXPECT_EQ(talk(client, server, verifier), Want::done);
      EXPECT_EQ(server.name(), "a,l=ice@example.org");
      EXPECT_TRUE(client.finished());
    }
    {
      ClientExchange client(mechanism, {.name = "alice@example.org", .password = "wrong"}, "nonce");
      ServerExchange server(scram_options(mechanism));
      EXPECT_EQ(talk(client, server, verifier), Want::failed);
      EXPECT_EQ(server.problem(), Problem::credentials);
      EXPECT_EQ(server.password(), "");
    }
  }
}

TEST(Exchange, UnknownUsersAreAskedTheSameEachTime) {
  const Verifier first = decoy("secret", "nobody@example.org");
  EXPECT_EQ(first, decoy("secret", "nobody@example.org"));
  EXPECT_NE(first.salt, decoy("secret", "somebody@example.org").salt);
  EXPECT_NE(first.salt, decoy("another secret", "nobody@example.org").salt);
  EXPECT_EQ(first.salt.size(), kSaltSize);
  EXPECT_EQ(first.iterations, kIterations);
  EXPECT_FALSE(matches(first, "anything"));
}

std::string binding_of(std::string_view header, std::string_view data) {
  return to_base64(std::string(header) + std::string(data));
}

TEST(ScramPlus, TakesTheRightBindingAlone) {
  const std::string exported(32, 'x');
  const Verifier verifier = pencil();
  const auto run = [&](std::string_view header, std::string_view data, Problem& problem) {
    ServerExchange::Options options = scram_options(Mechanism::scram_sha_256_plus);
    options.channel_binding = exported;
    options.plus_offered = true;
    ServerExchange server(options);
    const std::string bare = "n=user,r=abc";
    if (server.start(plain(std::string(header) + bare)) != Want::verifier) {
      problem = server.problem();
      return Want::failed;
    }
    EXPECT_EQ(server.verifier(verifier), Want::response);
    const std::string first = decoded(server.challenge());
    const std::string without = "c=" + binding_of(header, data) + ",r=abc" + std::string(kServerNonce);
    const scram::Keys keys = scram::keys("pencil", verifier.salt, verifier.iterations);
    const auto signature = crypto::hmac_sha256(keys.stored_key, bare + "," + first + "," + without);
    const Want want = server.receive(
        plain(without + ",p=" + to_base64(scram::exclusive_or(keys.client_key, crypto::view_of(signature)))));
    problem = server.problem();
    return want;
  };
  Problem problem = Problem::none;
  EXPECT_EQ(run("p=tls-exporter,,", exported, problem), Want::response);
  EXPECT_EQ(run("p=tls-exporter,,", std::string(32, 'y'), problem), Want::failed);
  EXPECT_EQ(problem, Problem::binding);
  EXPECT_EQ(run("p=tls-unique,,", exported, problem), Want::failed);
  EXPECT_EQ(problem, Problem::binding);
  EXPECT_EQ(run("n,,", "", problem), Want::failed);
  EXPECT_EQ(problem, Problem::binding);
}

TEST(Scram, NoticesADowngrade) {
  ServerExchange::Options options = scram_options();
  options.plus_offered = true;
  ServerExchange lied_to(options);
  EXPECT_EQ(lied_to.start(plain("y,,n=user,r=abc")), Want::failed);
  EXPECT_EQ(lied_to.problem(), Problem::binding);
  ServerExchange honest(scram_options());
  EXPECT_EQ(honest.start(plain("y,,n=user,r=abc")), Want::verifier);
}

TEST(Scram, RefusesWhatIsMalformed) {
  for (const std::string_view first :
       {"", "n", "n,", "n,,", "n,,n=user", "n,,r=abc,n=user", "n,,n=us=er,r=abc", "n,,n=user,r=", "n,,m=x,n=user,r=abc",
        "x,,n=user,r=abc", "n,b=x,n=user,r=abc", "n,,n=,r=abc", "n,,n=us\x01r,r=abc", "p=tls-exporter,,n=user,r=abc",
        "n,,n=\xff,r=abc"}) {
    SCOPED_TRACE(printable(first));
    ServerExchange server(scram_options());
    EXPECT_EQ(server.start(plain(first)), Want::failed);
    EXPECT_EQ(server.problem(), Problem::malformed);
  }
  for (const std::string_view final :
       {"", "c=biws,r=abc%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "c=biws,r=other,p=AAAA", "r=abc,c=biws,p=AAAA",
        "c=biws,r=abc%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=AAAA", "c=biws,r=abc%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=?"}) {
    SCOPED_TRACE(final);
    ServerExchange server(scram_options());
    ASSERT_EQ(server.start(plain("n,,n=user,r=abc")), Want::verifier);
    ASSERT_EQ(server.verifier(pencil()), Want::response);
    EXPECT_EQ(server.receive(plain(final)), Want::failed);
    EXPECT_EQ(server.problem(), Problem::malformed);
  }
}

TEST(Exchange, NobodyActsAsSomebodyElse) {
  ServerExchange other(scram_options(Mechanism::plain));
  EXPECT_EQ(other.start(plain(std::string("bob@example.org\0alice@example.org\0x", 35))), Want::failed);
  EXPECT_EQ(other.problem(), Problem::identity);
  ServerExchange own(scram_options(Mechanism::plain));
  EXPECT_EQ(own.start(plain(std::string("Alice@example.org\0alice@example.org\0x", 37))), Want::password);
  ServerExchange scram(scram_options());
  EXPECT_EQ(scram.start(plain("n,a=bob,n=alice,r=abc")), Want::failed);
  EXPECT_EQ(scram.problem(), Problem::identity);
}

TEST(Plain, RefusesWhatIsMalformed) {
  for (const std::string_view message :
       {std::string_view(""), std::string_view("alice"), std::string_view("\0alice", 6),
        std::string_view("\0alice\0", 7), std::string_view("\0\0x", 3), std::string_view("\0a\0b\0c", 6)}) {
    ServerExchange server(scram_options(Mechanism::plain));
    EXPECT_EQ(server.start(plain(message)), Want::failed) << printable(message);
    EXPECT_EQ(server.problem(), Problem::malformed);
  }
  ServerExchange server(scram_options(Mechanism::plain));
  EXPECT_EQ(server.start("not*base64"), Want::failed);
  EXPECT_EQ(server.problem(), Problem::base64);
}

TEST(Plain, LimitsOfNameAndPassword) {
  const auto run = [](std::size_t name, std::size_t password) {
    std::string message(1, '\0');
    message += std::string(name, 'n');
    message += '\0';
    message += std::string(password, 'p');
    ServerExchange server(scram_options(Mechanism::plain));
    return server.start(plain(message));
  };
  EXPECT_EQ(run(kNameMax, kPasswordMax), Want::password);
  EXPECT_EQ(run(kNameMax + 1, 1), Want::failed);
  EXPECT_EQ(run(1, kPasswordMax + 1), Want::failed);
}

TEST(Login, AsksForNameAndPassword) {
  ServerExchange server(scram_options(Mechanism::login));
  ASSERT_EQ(server.start(std::nullopt), Want::response);
  EXPECT_EQ(server.challenge(), "VXNlcm5hbWU6");
  ASSERT_EQ(server.receive(plain("alice")), Want::response);
  EXPECT_EQ(server.challenge(), "UGFzc3dvcmQ6");
  ASSERT_EQ(server.receive(plain("secret")), Want::password);
  EXPECT_EQ(server.checked(true), Want::done);

  ServerExchange with_initial(scram_options(Mechanism::login));
  ASSERT_EQ(with_initial.start(plain("alice")), Want::response);
  EXPECT_EQ(with_initial.challenge(), "UGFzc3dvcmQ6");
}

TEST(Client, ChoosesTheBestThatItKnows) {
  EXPECT_EQ(choose_mechanism("PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS"), Mechanism::scram_sha_256);
  EXPECT_EQ(choose_mechanism("login plain"), Mechanism::plain);
  EXPECT_EQ(choose_mechanism("LOGIN XOAUTH2"), Mechanism::login);
  EXPECT_EQ(choose_mechanism("XOAUTH2"), std::nullopt);
  EXPECT_EQ(choose_mechanism(""), std::nullopt);
}

TEST(Client, BelievesNoServerThatDoesNotProveItself) {
  const auto begin = [] {
    return std::make_unique<ClientExchange>(Mechanism::scram_sha_256, Credentials{.name = "user", .password = "pencil"},
                                            "abc");
  };
  for (const std::string_view first :
       {"r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095", "r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999",
        "r=abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "r=xyz,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "r=abcdef,s=,i=4096",
        "r=abcdef,s=?,i=4096", "m=x,r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", ""}) {
    SCOPED_TRACE(first);
    EXPECT_FALSE(begin()->respond(plain(first)));
  }
  const auto client = begin();
  ASSERT_TRUE(client->respond(plain("r=abcdef,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")));
  const auto last = client->respond(plain("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().kind, ErrorKind::refused);
  EXPECT_FALSE(client->finished());
}

// RFC 4013 3, as far as it concerns what is done here
TEST(Prep, MapsAndRefuses) {
  EXPECT_EQ(prepare("I\xC2\xADX"), "IX");
  EXPECT_EQ(prepare("user"), "user");
  EXPECT_EQ(prepare("USER"), "USER");
  EXPECT_EQ(prepare("a\xC2\xA0z"), "a z");
  EXPECT_EQ(prepare("\xE3\x80\x80"), " ");
  EXPECT_EQ(prepare("\x07"), std::nullopt);
  EXPECT_EQ(prepare("a\x7F"), std::nullopt);
  EXPECT_EQ(prepare("\xEE\x80\x80"), std::nullopt);      // private use
  EXPECT_EQ(prepare("\xF0\x9F\xBF\xBF"), std::nullopt);  // U+1FFFF
  EXPECT_EQ(prepare("\xC3"), std::nullopt);
  EXPECT_EQ(prepare("\xC2\xAD"), std::nullopt);
  EXPECT_EQ(prepare(""), std::nullopt);
  EXPECT_EQ(prepare("\xF0\x9F\x90\x88"), "\xF0\x9F\x90\x88");
}

}  // namespace
}  // namespace postern::sasl
