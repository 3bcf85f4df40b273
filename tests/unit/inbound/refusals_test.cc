#include "inbound/refusals.h"

#include <gtest/gtest.h>

#include <set>

#include "evidence/verdict.h"
#include "record/reasons.h"

namespace postern::inbound {
namespace {

TEST(Refusals, EachTextIsUniqueAndComplete) {
  std::set<std::string> texts;
  for (const Refusal& refusal : refusals::all()) {
    const smtp::Reply& reply = refusal.reply;
    EXPECT_TRUE(texts.insert(reply.text).second) << reply.text;
    EXPECT_FALSE(refusal.reason.empty()) << reply.text;
    EXPECT_TRUE(reply.temporary() || reply.permanent()) << reply.line();
    // RFC 3463: the enhanced class follows the reply's class
    EXPECT_EQ(reply.enhanced.klass, reply.code / 100) << reply.line();
    // One sentence and what to do, parted by a semicolon
    EXPECT_NE(reply.text.find_first_of(";,"), std::string::npos) << reply.text;
    EXPECT_EQ(reply.text.find('\n'), std::string::npos) << reply.text;
  }
}

TEST(Refusals, EachReasonIsALabelOfTheMetrics) {
  for (const Refusal& refusal : refusals::all())
    EXPECT_EQ(record::reason_words()[record::reason_number(refusal.reason)], refusal.reason);
  for (std::size_t i = 0; i <= static_cast<std::size_t>(evidence::Reason::history); ++i) {
    const std::string_view word = evidence::to_string(static_cast<evidence::Reason>(i));
    EXPECT_EQ(record::reason_words()[record::reason_number(word)], word);
  }
}

TEST(Refusals, StorageIsNeverPermanent) {
  EXPECT_EQ(refusals::storage(Error{ErrorKind::limit, "full"}).reply.code, 452);
  for (const ErrorKind kind : {ErrorKind::storage, ErrorKind::closed, ErrorKind::invalid, ErrorKind::refused}) {
    EXPECT_EQ(refusals::storage(Error{kind, "x"}).reply.code, 451);
  }
}

TEST(Refusals, OnlyBudgetsSpeakAtConnectAndNeverForGood) {  // design invariant 4
  EXPECT_EQ(refusals::too_many_sessions("total").reply.code, 421);
  EXPECT_EQ(refusals::draining().reply.code, 421);
}

TEST(Refusals, WhatAStrangerWroteIsPrintedSafely) {
  const Refusal refusal = refusals::unknown_mailbox("a\r\n250 b\x01");
  EXPECT_EQ(refusal.reply.text.find_first_of("\r\n\x01"), std::string::npos);
}

}  // namespace
}  // namespace postern::inbound
