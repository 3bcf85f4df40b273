// What the writer writes of a delivery the reader reads.
#include "record/delivery_reader.h"

#include <gtest/gtest.h>

#include "record/session_record.h"

namespace postern::record {
namespace {

DeliveryRecord sample() {
  DeliveryRecord record;
  record.id = Id::make(1'795'243'208'123);
  record.message = Id::make(1'795'243'200'000);
  record.start = 1'795'243'208'123;
  record.duration_ms = 41;
  record.transport = "smtp";
  record.host = "[2001:db8::1]:25";
  record.tls = "TLSv1.3";
  record.tls_cipher = "TLS_AES_256_GCM_SHA384";
  record.tls_verified = true;
  record.destination = "example.net";
  record.host_name = "mx.example.net";
  record.family = "ipv6";
  record.tls_policy = "dane";
  record.outcomes = {{"a@example.net", "delivered", "250 2.0.0 \"Ok\""},
                     {"b@example.net", "deferred", "451 4.2.2 full"},
                     {"c@example.net", "failed", "550 5.1.1 no"},
                     {"d@example.net", "delivered", "250 2.0.0 Ok"}};
  record.size = 5'000'000'000;
  record.queued_ms = 8123;
  record.attempt = 3;
  return record;
}

std::string line_of(const DeliveryRecord& record) {
  std::string line;
  append_json(record, line);
  line.pop_back();
  return line;
}

TEST(DeliveryReader, ReadsWhatIsWritten) {
  const DeliveryRecord record = sample();
  const std::string line = line_of(record);
  DeliveryReader reader;
  ASSERT_TRUE(reader.read(line)) << line;
  const DeliveryView& view = reader.delivery();
  EXPECT_EQ(view.id, record.id.text());
  EXPECT_EQ(view.message, record.message.text());
  EXPECT_EQ(view.start, record.start);
  EXPECT_EQ(view.transport, "smtp");
  EXPECT_EQ(view.family, "ipv6");
  EXPECT_EQ(view.tls, "TLSv1.3");
  EXPECT_EQ(view.tls_cipher, "TLS_AES_256_GCM_SHA384");
  EXPECT_EQ(view.tls_policy, "dane");
  EXPECT_TRUE(view.tls_verified);
  EXPECT_EQ(view.delivered, 2U);
  EXPECT_EQ(view.deferred, 1U);
  EXPECT_EQ(view.failed, 1U);
  EXPECT_EQ(view.queued_ms, 8123U);
  EXPECT_EQ(view.duration_ms, 41U);
  EXPECT_EQ(view.attempt, 3U);
}

TEST(DeliveryReader, WhatIsAbsentIsEmptyAlsoAfterAnother) {
  DeliveryReader reader;
  ASSERT_TRUE(reader.read(line_of(sample())));
  DeliveryRecord bare;
  bare.id = Id::make(1'795'243'208'123);
  bare.start = 1'795'243'208'123;
  bare.transport = "maildir";
  const std::string line = line_of(bare);
  ASSERT_TRUE(reader.read(line));
  EXPECT_TRUE(reader.delivery().tls.empty());
  EXPECT_FALSE(reader.delivery().tls_verified);
  EXPECT_EQ(reader.delivery().delivered, 0U);
  EXPECT_EQ(reader.delivery().queued_ms, 0U);
}

TEST(DeliveryReader, CutAndForeignLinesAreNoDeliveries) {
  const std::string line = line_of(sample());
  DeliveryReader reader;
  for (std::size_t size = 0; size < line.size(); ++size) EXPECT_FALSE(reader.read(line.substr(0, size))) << size;
  EXPECT_FALSE(reader.read(line + "x"));
  EXPECT_FALSE(reader.read(R"({"schema":"postern.session/1","id":"a","time":"2026-11-21T06:43:08Z"})"));
  EXPECT_FALSE(reader.read(R"({"schema":"postern.delivery/2","id":"a","time":"2026-11-21T06:43:08Z"})"));
  EXPECT_FALSE(reader.read(R"({"schema":"postern.delivery/1","time":"2026-11-21T06:43:08Z"})"));
  EXPECT_FALSE(reader.read(R"({"schema":"postern.delivery/1","id":"a"})"));
  EXPECT_FALSE(reader.read(R"({"id":"a","time":"2026-11-21T06:43:08Z"})"));
  EXPECT_TRUE(reader.read(R"({"id":"a","time":"2026-11-21T06:43:08Z","schema":"postern.delivery/1"})"));
}

TEST(DeliveryReader, NumbersAndListsAreHeldToTheirLimits) {
  DeliveryReader reader;
  ASSERT_TRUE(reader.read(
      R"({"schema":"postern.delivery/1","id":"a","time":"2026-11-21T06:43:08Z","queued_ms":99999999999,"duration_ms":-1})"));
  EXPECT_EQ(reader.delivery().queued_ms, UINT32_MAX);
  EXPECT_EQ(reader.delivery().duration_ms, 0U);
  for (const std::size_t count : {kRecipientsMax, kRecipientsMax + 1}) {
    std::string line = R"({"schema":"postern.delivery/1","id":"a","time":"2026-11-21T06:43:08Z","outcomes":[)";
    for (std::size_t i = 0; i < count; ++i) line += std::string(i == 0 ? "" : ",") + R"({"state":"failed"})";
    ASSERT_TRUE(reader.read(line + "]}"));
    EXPECT_EQ(reader.delivery().failed, kRecipientsMax);
  }
}

}  // namespace
}  // namespace postern::record
