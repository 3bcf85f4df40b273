#include "message/trace.h"

#include <gtest/gtest.h>

namespace postern::message {
namespace {

ReceivedInfo base_info() {
  ReceivedInfo info;
  info.helo = "client.example";
  info.client = *ip::Address::parse("2001:db8::1");
  info.by = "mx.example.org";
  info.extended = true;
  info.id = *Id::parse("0123456789ABCDEF");
  info.time = 1795241608000;  // Sat, 21 Nov 2026 06:13:28 UTC
  return info;
}

TEST(Received, IPv6LiteralCarriesItsTag) {
  const std::string field = received_field(base_info());
  EXPECT_EQ(field,
            "Received: from client.example ([IPv6:2001:db8::1])\r\n"
            "\tby mx.example.org with ESMTP id 0123456789ABCDEF;\r\n"
            "\tSat, 21 Nov 2026 06:13:28 +0000\r\n");
}

TEST(Received, IPv4LiteralCarriesNone) {
  ReceivedInfo info = base_info();
  info.client = *ip::Address::parse("::ffff:192.0.2.7");
  EXPECT_NE(received_field(info).find("([192.0.2.7])"), std::string::npos);
}

TEST(Received, TlsAndOneRecipient) {
  ReceivedInfo info = base_info();
  info.tls = true;
  info.tls_version = "TLSv1.3";
  info.tls_cipher = "TLS_AES_256_GCM_SHA384";
  info.for_path = "alice@example.org";
  EXPECT_EQ(received_field(info),
            "Received: from client.example ([IPv6:2001:db8::1])\r\n"
            "\tby mx.example.org with ESMTPS id 0123456789ABCDEF\r\n"
            "\t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
            "\tfor <alice@example.org>;\r\n"
            "\tSat, 21 Nov 2026 06:13:28 +0000\r\n");
}

TEST(Received, WhatTheClientSaidCannotBreakTheField) {
  ReceivedInfo info = base_info();
  info.helo = "a b\r\nX-Evil: 1 (c);<d>\"e\xff";
  const std::string field = received_field(info);
  EXPECT_EQ(field.substr(0, field.find(" (")), "Received: from a?b??X-Evil:?1??c???d??e?");
  info.helo = "";
  EXPECT_EQ(received_field(info).substr(0, 23), "Received: from unknown ");
  info.utf8 = true;
  info.helo = "m\xc3\xbcnchen.example";
  EXPECT_NE(received_field(info).find("from m\xc3\xbcnchen.example "), std::string::npos);
  info.helo = "m\xfc.example";  // not UTF-8 at all
  EXPECT_NE(received_field(info).find("from m?.example "), std::string::npos);
}

TEST(Received, ProtocolNames) {  // RFC 3848, RFC 6531 4.3
  ReceivedInfo info = base_info();
  EXPECT_EQ(with_protocol(info), "ESMTP");
  info.tls = true;
  EXPECT_EQ(with_protocol(info), "ESMTPS");
  info.authenticated = true;
  EXPECT_EQ(with_protocol(info), "ESMTPSA");
  info.utf8 = true;
  EXPECT_EQ(with_protocol(info), "UTF8SMTPSA");
  info.tls = false;
  EXPECT_EQ(with_protocol(info), "UTF8SMTPA");
  info = base_info();
  info.extended = false;
  EXPECT_EQ(with_protocol(info), "SMTP");
  info.lmtp = true;
  EXPECT_EQ(with_protocol(info), "LMTP");
}

}  // namespace
}  // namespace postern::message
