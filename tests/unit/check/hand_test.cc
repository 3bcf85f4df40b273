// TLS by hand: what is written can be read, and a server's flight is read however it was cut.
#include "check/hand.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "check/tls_suites.h"
#include "unit/tls_authority.h"

namespace postern::check::hand {
namespace {

using State = FlightReader::State;

std::string octets(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out += static_cast<char>(value);
  return out;
}

std::string sized(std::string_view body, std::size_t width) {
  std::string out;
  for (std::size_t i = width; i-- > 0;) out += static_cast<char>(body.size() >> (8 * i) & 0xffU);
  return out.append(body);
}

std::string message(int type, std::string_view body) { return octets({type}) + sized(body, 3); }

std::string server_hello(std::uint16_t suite, std::string_view extensions = {}, int compression = 0,
                         std::uint16_t version = kTls12) {
  std::string body = octets({version >> 8, version & 255}) + std::string(32, 'r') + sized("session", 1);
  body += octets({suite >> 8, suite & 255, compression});
  if (!extensions.empty()) body += sized(extensions, 2);
  return message(2, body);
}

std::string certificate(std::string_view der) { return message(11, sized(sized(der, 3) + sized("next", 3), 3)); }
std::string done() { return message(14, {}); }
std::string in_record(std::string_view body) { return write_record(Content::handshake, kTls12, body); }

// Cut into pieces of `size` octets.
Result<State> read(FlightReader& reader, std::string_view input, std::size_t size) {
  RecordReader records;
  State state = State::reading;
  while (!input.empty()) {
    std::string_view piece = input.substr(0, size);
    input.remove_prefix(piece.size());
    while (!piece.empty()) {
      const auto taken = records.feed(piece);
      if (!taken) return std::unexpected(taken.error());
      piece.remove_prefix(*taken);
      if (!records.complete()) continue;
      const auto now = reader.take(records.take());
      if (!now) return now;
      state = *now;
    }
  }
  return state;
}

TEST(Hand, ASuiteIsItsName) {
  EXPECT_GT(suites().size(), 200U);
  const Suite* const one = find_suite(0xc02f);
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(one->name, "ECDHE-RSA-AES128-GCM-SHA256");
  EXPECT_EQ(one->exchange, Exchange::ecdhe);
  EXPECT_TRUE(one->newest);
  EXPECT_FALSE(one->anonymous || one->export_grade);
  EXPECT_EQ(find_suite(0x0003)->name, "EXP-RC4-MD5");
  EXPECT_TRUE(find_suite(0x0003)->export_grade);
  EXPECT_EQ(find_suite(0x0003)->exchange, Exchange::rsa);
  EXPECT_EQ(find_suite(0x0014)->exchange, Exchange::dhe);
  EXPECT_EQ(find_suite(0xc00e)->exchange, Exchange::fixed);
  EXPECT_EQ(find_suite(0xc018)->exchange, Exchange::ecdhe);
  EXPECT_TRUE(find_suite(0xc018)->anonymous);
  EXPECT_FALSE(find_suite(0x002f)->newest);
  EXPECT_TRUE(find_suite(0x003c)->newest);
  EXPECT_EQ(find_suite(0x1301), nullptr);
  EXPECT_EQ(find_suite(0x00ff), nullptr);
}

TEST(Hand, HelloHasItsLengths) {
  for (std::size_t count = 1; count < 300; ++count) {
    ClientHello hello{.suites = std::vector<std::uint16_t>(count, 0xc02f), .server_name = "mx.example.org"};
    hello.heartbeat = hello.deflate = count % 2 == 0;
    const std::string text = write_client_hello(hello, std::string(32, 'x'));
    RecordReader reader;
    ASSERT_EQ(reader.feed(text), text.size());
    ASSERT_TRUE(reader.complete());
    const Record record = reader.take();
    EXPECT_TRUE(record.is(Content::handshake));
    EXPECT_EQ(record.version, kTls10);
    // RFC 7685: no length from 256 to 511
    EXPECT_TRUE(record.body.size() < 256 || record.body.size() >= 512) << count << ' ' << record.body.size();
    EXPECT_EQ(record.body.substr(0, 4), octets({1, 0, static_cast<int>((record.body.size() - 4) >> 8U),
                                                static_cast<int>((record.body.size() - 4) & 255U)}));
    EXPECT_NE(record.body.find("mx.example.org"), std::string::npos);
    EXPECT_EQ(record.body.find(octets({0, 255, 2, 1, 0})) != std::string::npos, hello.deflate);
    EXPECT_EQ(record.body.find(octets({0, 15, 0, 1, 1})) != std::string::npos, hello.heartbeat);
  }
}

TEST(Hand, Ssl3HasNoExtensions) {
  const std::string text =
      write_client_hello({.version = kSsl3, .suites = {4, 5}, .server_name = "mx.example.org"}, std::string(32, 'x'));
  EXPECT_EQ(text, octets({22, 3, 0, 0, 49, 1, 0, 0, 45, 3, 0}) + std::string(32, 'x') +
                      octets({0, 0, 6, 0, 4, 0, 5, 0, 255, 1, 0}));
}

TEST(Hand, WhatElseIsWritten) {
  EXPECT_EQ(write_heartbeat(kTls11, 32), octets({24, 3, 2, 0, 3, 1, 0, 32}));
  EXPECT_EQ(write_key_exchange(kTls10, "abc"), octets({22, 3, 1, 0, 9, 16, 0, 0, 5, 0, 3}) + "abc");
  EXPECT_EQ(write_key_exchange(kSsl3, "abc"), octets({22, 3, 0, 0, 7, 16, 0, 0, 3}) + "abc");
  const std::string old = write_ssl2_hello(std::string(16, 'c'));
  EXPECT_EQ(old.size(), 2U + 9 + 27 + 16);
  EXPECT_EQ(old.substr(0, 5), octets({0x80, 52, 1, 0, 2}));
}

TEST(Hand, AFlightHoweverItIsCut) {
  const std::string der = test::issue({.subject = "mx", .dns_names = {"mx.example.org"}}).der();
  const std::string extensions = octets({0, 15, 0, 1, 1, 0, 23, 0, 0, 255, 1, 0, 1, 0});
  const std::string exchange = message(12, octets({3, 0, 29}) + sized(std::string(32, 'k'), 1) + octets({4, 3}) + "s");
  const std::string all = server_hello(0xc02b, extensions) + certificate(der) + exchange + done();
  // One record, a record for each message, and records that cut messages anywhere
  std::vector<std::string> forms{in_record(all), in_record(server_hello(0xc02b, extensions)) +
                                                     in_record(certificate(der)) + in_record(exchange) +
                                                     in_record(done())};
  for (const std::size_t size : {1U, 7U, 100U}) {
    if (all.size() / size >= kRecordsMax) continue;
    std::string cut;
    for (std::size_t at = 0; at < all.size(); at += size) cut += in_record(std::string_view(all).substr(at, size));
    forms.push_back(cut);
  }
  EXPECT_GE(forms.size(), 4U);
  for (const std::string& form : forms) {
    for (const std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{5}, std::size_t{64}, form.size()}) {
      FlightReader reader;
      const auto state = read(reader, form, size);
      ASSERT_TRUE(state.has_value()) << state.error().what;
      EXPECT_EQ(*state, State::done);
      const Flight& flight = reader.flight();
      EXPECT_EQ(flight.version, kTls12);
      EXPECT_EQ(flight.suite, 0xc02b);
      EXPECT_EQ(flight.compression, 0);
      EXPECT_TRUE(flight.heartbeat && flight.extended_master_secret && flight.secure_renegotiation);
      EXPECT_EQ(flight.certificate, der);
      EXPECT_EQ(flight.group, "X25519");
      EXPECT_EQ(flight.signature_hash, "SHA256");
    }
  }
  // At every octet: what is missing is waited for
  const std::string& whole = forms.front();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    FlightReader reader;
    const auto state = read(reader, std::string_view(whole).substr(0, size), size + 1);
    ASSERT_TRUE(state.has_value());
    EXPECT_EQ(*state, State::reading);
  }
}

TEST(Hand, KeyExchangesOfOldKinds) {
  const auto flight_of = [](std::uint16_t suite, std::uint16_t version, std::string_view exchange) {
    FlightReader reader;
    EXPECT_EQ(read(reader, in_record(server_hello(suite, {}, 0, version) + message(12, exchange) + done()), 1000),
              State::done);
    return reader.flight();
  };
  const std::string prime = octets({0, 0x7f}) + std::string(255, 'p');
  const std::string dh = sized(prime, 2) + sized("\2", 2) + sized("public", 2);
  EXPECT_EQ(flight_of(0x0033, kTls12, dh + octets({2, 1}) + "sig").dh_bits, 2047);
  EXPECT_EQ(flight_of(0x0033, kTls12, dh + octets({2, 1}) + "sig").signature_hash, "SHA1");
  EXPECT_EQ(flight_of(0x0033, kTls10, dh + "signature").signature_hash, "");
  EXPECT_EQ(flight_of(0x001b, kTls12, dh).dh_bits, 2047);  // anonymous: no signature
  EXPECT_EQ(flight_of(0xc02f, kTls12, octets({3, 1, 0, 0, 8, 4})).group, "0x0100");
  EXPECT_EQ(flight_of(0xc02f, kTls12, octets({3, 0, 23, 0, 8, 6})).signature_hash, "SHA512");
  EXPECT_EQ(flight_of(0x0003, kTls10, "whatever").dh_bits, 0);
}

TEST(Hand, AlertsEndIt) {
  FlightReader reader;
  EXPECT_EQ(read(reader, write_record(Content::alert, kTls12, octets({1, 112})), 3), State::reading);
  EXPECT_EQ(read(reader, write_record(Content::alert, kTls12, octets({2, 40})), 3), State::alert);
  EXPECT_EQ(alert_name(reader.alert()), "handshake_failure");
  FlightReader leaving;
  EXPECT_EQ(read(leaving, write_record(Content::alert, kTls12, octets({1, 0})), 3), State::alert);
  EXPECT_EQ(alert_name(99), "alert 99");
}

TEST(Hand, WhatIsNoFlight) {
  const auto refused = [](std::string_view input) {
    FlightReader reader;
    return !read(reader, input, 4096).has_value();
  };
  EXPECT_TRUE(refused("454 4.7.0 TLS not available\r\n"));
  EXPECT_TRUE(refused(octets({22, 2, 0, 0, 1, 0})));
  EXPECT_TRUE(refused(in_record(done())));
  EXPECT_TRUE(refused(in_record(server_hello(0xc02f) + server_hello(0xc02f))));
  EXPECT_TRUE(refused(in_record(message(2, "short"))));
  EXPECT_TRUE(refused(in_record(server_hello(0xc02f) + message(11, octets({0, 0, 9, 0, 0, 8, 1})))));
  EXPECT_TRUE(refused(in_record(server_hello(0xc02f) + message(12, octets({3, 0})))));
  EXPECT_TRUE(refused(in_record(server_hello(0xc02f, octets({0, 15, 0, 9})))));
  EXPECT_TRUE(refused(write_record(Content::alert, kTls12, "x")));
  EXPECT_TRUE(refused(write_record(Content::data, kTls12, "x")));
}

TEST(Hand, LimitsHold) {
  const auto accepted = [](std::size_t size) {
    RecordReader reader;
    const std::string head = octets({22, 3, 3, static_cast<int>(size >> 8U), static_cast<int>(size & 255U)});
    return reader.feed(head).has_value() && reader.feed(std::string(size, '\0')).has_value() && reader.complete();
  };
  EXPECT_TRUE(accepted(kRecordMax));
  EXPECT_FALSE(accepted(kRecordMax + 1));
  const auto message_of = [](std::size_t size) {
    FlightReader reader;
    Record record{.type = 22, .version = kTls12, .body = server_hello(0xc02f) + octets({11})};
    for (const unsigned shift : {16U, 8U, 0U}) record.body += static_cast<char>(size >> shift & 255U);
    return reader.take(record).has_value();
  };
  EXPECT_TRUE(message_of(kMessageMax));
  EXPECT_FALSE(message_of(kMessageMax + 1));
  FlightReader many;
  const Record empty{.type = 22, .version = kTls12, .body = {}};
  for (std::size_t i = 0; i < kRecordsMax; ++i) ASSERT_TRUE(many.take(empty).has_value());
  EXPECT_FALSE(many.take(empty).has_value());
  FlightReader long_one;
  const Record big{.type = 22, .version = kTls12, .body = message(0, std::string(kRecordMax - 4, 'x'))};
  for (std::size_t i = 0; i < kFlightMax / kRecordMax; ++i) ASSERT_TRUE(long_one.take(big).has_value());
  EXPECT_FALSE(long_one.take(big).has_value());
}

TEST(Hand, AnswersOfSsl2) {
  const std::string hello = octets({0x80, 40, 4, 0, 1, 0, 2, 2, 0, 0, 6, 0, 16});
  EXPECT_EQ(read_ssl2(hello), Ssl2::yes);
  for (std::size_t size = 0; size < 11; ++size) EXPECT_EQ(read_ssl2(hello.substr(0, size)), Ssl2::more) << size;
  EXPECT_EQ(read_ssl2(octets({0x80, 40, 4, 0, 1, 0, 2, 2, 0, 0, 0})), Ssl2::no);  // no cipher in common
  EXPECT_EQ(read_ssl2(octets({0x80, 3, 0, 0, 1})), Ssl2::no);                     // an error of SSL 2.0
  EXPECT_EQ(read_ssl2(octets({21, 3, 1, 0, 2, 2, 40})), Ssl2::no);
}

}  // namespace
}  // namespace postern::check::hand
