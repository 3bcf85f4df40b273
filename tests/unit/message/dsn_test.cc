#include "message/dsn.h"

#include <gtest/gtest.h>

namespace postern::message {
namespace {

DsnReport sample() {
  DsnReport report;
  report.reporting_mta = "mx.example.org";
  report.from = "postmaster@example.org";
  report.to = "alice@example.com";
  report.help = "postmaster@example.org";
  report.id = Id::make(1'795'000'000'000);
  report.original = Id::make(1'794'000'000'000);
  report.envid = "QQ+314";
  report.now = 1'795'000'000'000;
  report.arrived = 1'794'000'000'000;
  report.recipients.push_back({.address = "bob@example.org",
                               .written = "Bob+1@example.org",
                               .original = "rfc822;Bob+1@example.org",
                               .action = DsnAction::failed,
                               .status = "5.1.1",
                               .remote_mta = "[::1]:24",
                               .diagnostic = "550 5.1.1 no such mailbox",
                               .last_attempt = 1'794'999'000'000});
  report.returned = "Message-ID: <x@example.com>\r\nSubject: hello\r\n";
  return report;
}

TEST(Dsn, WhatIsWrittenIsRead) {
  const DsnReport report = sample();
  const std::string text = write_dsn(report);
  const auto read = read_dsn(text);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->reporting_mta, "dns;mx.example.org");
  EXPECT_EQ(read->envid, "QQ+314");
  EXPECT_EQ(read->arrival, rfc5322_date(report.arrived));
  ASSERT_EQ(read->recipients.size(), 1U);
  const ReadRecipient& one = read->recipients[0];
  EXPECT_EQ(one.original, "rfc822;Bob+1@example.org");
  EXPECT_EQ(one.address, "rfc822;bob@example.org");
  EXPECT_EQ(one.action, DsnAction::failed);
  EXPECT_EQ(one.status, "5.1.1");
  EXPECT_EQ(one.remote_mta, "dns;[::1]:24");
  EXPECT_EQ(one.diagnostic, "smtp;550 5.1.1 no such mailbox");
  EXPECT_EQ(read->returned, report.returned);
}

TEST(Dsn, SaysWhatHappenedAndWhatToDo) {
  const std::string text = write_dsn(sample());
  EXPECT_NE(text.find("Auto-Submitted: auto-replied\r\n"), std::string::npos);
  EXPECT_NE(text.find("In-Reply-To: <x@example.com>\r\n"), std::string::npos);
  EXPECT_NE(text.find("(you wrote to <Bob+1@example.org>)"), std::string::npos);
  EXPECT_NE(text.find("check the address for typing errors"), std::string::npos);
  EXPECT_NE(text.find(sample().original.text().substr(0, 4)), std::string::npos);
  EXPECT_NE(text.find("Content-Type: text/rfc822-headers\r\n"), std::string::npos);
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    ASSERT_GT(end, at);
    EXPECT_EQ(text[end - 1], '\r') << at;
    EXPECT_LE(end - at, 999U);
  }
}

TEST(Dsn, WholeMessagesAndOtherActions) {
  DsnReport report = sample();
  report.returned += "\r\nbody\r\n";
  report.returned_whole = true;
  for (const DsnAction action : {DsnAction::delayed, DsnAction::delivered, DsnAction::relayed, DsnAction::expanded}) {
    report.recipients[0].action = action;
    report.recipients[0].will_retry_until = action == DsnAction::delayed ? report.now + 1000 : 0;
    const auto read = read_dsn(write_dsn(report));
    ASSERT_TRUE(read && read->recipients.size() == 1);
    EXPECT_EQ(read->recipients[0].action, action);
    EXPECT_EQ(read->returned, report.returned);
    EXPECT_EQ(read->recipients[0].will_retry_until.empty(), action != DsnAction::delayed);
  }
}

// RFC 6533: the variants, where the original came with SMTPUTF8; unitext where it did not.
TEST(Dsn, InternationalAddresses) {
  DsnReport report = sample();
  report.recipients[0].address = "j\xC3\xBCrgen@xn--bcher-kva.example";
  report.recipients[0].original =
      "utf-8;j\xC3\xBCrgen@b\xC3\xBC"
      "cher.example";
  auto text = write_dsn(report);
  EXPECT_NE(text.find("Original-Recipient: utf-8;j\\x{FC}rgen@b\\x{FC}cher.example\r\n"), std::string::npos);
  EXPECT_NE(text.find("Final-Recipient: utf-8;j\\x{FC}rgen@xn--bcher-kva.example\r\n"), std::string::npos);
  EXPECT_EQ(text.find('\xC3'), std::string::npos);
  report.utf8 = true;
  text = write_dsn(report);
  EXPECT_NE(text.find("Final-Recipient: utf-8;j\xC3\xBCrgen@xn--bcher-kva.example\r\n"), std::string::npos);
  EXPECT_NE(text.find("Content-Type: message/global-delivery-status\r\n"), std::string::npos);
  EXPECT_NE(text.find("Content-Type: message/global-headers\r\n"), std::string::npos);
  EXPECT_NE(text.find("Content-Transfer-Encoding: 8bit\r\n"), std::string::npos);
  ASSERT_TRUE(read_dsn(text).has_value());
}

// Pitfall class 6: what strangers wrote ends no line and begins no field.
TEST(Dsn, NothingOfAStrangerEndsALine) {
  DsnReport report = sample();
  report.recipients[0].diagnostic = "550 no\r\nAction: delivered\r\n\r\nFinal-Recipient: rfc822;x@y";
  report.recipients[0].remote_mta = "mx\r\nX: y";
  report.recipients[0].address = "a\r\nb@example.org";
  report.envid = "x\r\nBcc: y";
  for (const bool utf8 : {false, true}) {
    report.utf8 = utf8;
    const auto read = read_dsn(write_dsn(report));
    ASSERT_TRUE(read.has_value());
    ASSERT_EQ(read->recipients.size(), 1U);
    EXPECT_EQ(read->recipients[0].action, DsnAction::failed);
  }
}

TEST(Dsn, OthersReports) {
  const std::string base64 = "UmVwb3J0aW5nLU1UQTogZG5zO214DQoNCkZpbmFsLVJlY2lwaWVudDogcmZjODIyO2FAYg0KQWN0aW9uOiBmYWls";
  const std::string report =
      "Subject: x\r\nContent-Type: Multipart/Report; boundary=abc;\r\n report-type=\"delivery-status\"\r\n\r\n"
      "preamble\r\n--abc\r\n\r\nwords\r\n--abc\r\nContent-Type: message/delivery-status\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\n" +
      base64 + "\r\nZWQNClN0YXR1czogNS4xLjENCg==\r\n--abc--\r\n";
  const auto read = read_dsn(report);
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->recipients.size(), 1U);
  EXPECT_EQ(read->recipients[0].status, "5.1.1");
  EXPECT_EQ(read->recipients[0].action, DsnAction::failed);
  EXPECT_FALSE(read_dsn("Content-Type: text/plain\r\n\r\nx\r\n").has_value());
  EXPECT_FALSE(read_dsn("Content-Type: multipart/report; report-type=disposition-notification; boundary=x\r\n\r\n"));
  EXPECT_FALSE(read_dsn("").has_value());
}

TEST(Dsn, LimitsOfTheReader) {
  DsnReport report = sample();
  report.recipients.resize(kDsnRecipientsMax, report.recipients[0]);
  EXPECT_EQ(read_dsn(write_dsn(report))->recipients.size(), kDsnRecipientsMax);
  report.recipients.push_back(report.recipients[0]);
  EXPECT_EQ(read_dsn(write_dsn(report))->recipients.size(), kDsnRecipientsMax);
  const std::string head = "Content-Type: multipart/report; report-type=delivery-status; boundary=";
  const std::string body = "\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns;x\r\n";
  const auto with_boundary = [&](std::size_t size) {
    const std::string boundary(size, 'b');
    return read_dsn(head + boundary + "\r\n\r\n--" + boundary + body);
  };
  EXPECT_TRUE(with_boundary(70).has_value());
  EXPECT_FALSE(with_boundary(71).has_value());
}

}  // namespace
}  // namespace postern::message
