// The why page as strangers see it: what SMTP answers alike is alike there.
#include <gtest/gtest.h>

#include "unit/web/site_fixture.h"

namespace postern::web {
namespace {

struct Recipient {
  std::string reason;
  std::string enhanced = "5.1.1";
};

class WhyPageTest : public SiteTest {
 protected:
  // A session at a fixed time, whose id is all that tells it from another.
  static std::string session(const char* id, const std::vector<Recipient>& to) {
    std::string list;
    for (const Recipient& one : to)
      list += (list.empty() ? "" : ",") + std::string(R"({"path":"a@example.org","code":550,"enhanced":")") +
              one.enhanced + R"(","reason":")" + one.reason + R"("})";
    return std::string(R"({"schema":"postern.session/1","id":")") + id + R"(","time":")" +
           iso8601(Id::parse(id)->time(wall_now())) +
           R"(","duration_ms":9,"listener":"mx","family":"ipv4","client":{"address":"192.0.2.9","port":33012},)" +
           R"("server":{"address":"192.0.2.1","port":25},"helo":"sender","transactions":[{"from":"e@example.net","to":[)" +
           list + R"(],"recipients":2,"code":0}],"transactions_total":1,"end":"quit"})" + "\n";
  }
  std::string page_of(const char* id) {
    const Response page = ask(stranger(get("/why/" + std::string(id))));
    EXPECT_EQ(page.status, 200);
    return replace_all(page.body, id, "ID");
  }
  static std::string replace_all(std::string text, std::string_view what, std::string_view by) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
      text.replace(at, what.size(), by);
    return text;
  }
};

TEST_F(WhyPageTest, ASpamtrapAndARetiredMailboxLookAsAMailboxThatIsNot) {
  folder.write("records/current.jsonl", session(kId, {{"unknown_user"}}) + session(kSubmitted, {{"trap"}}) +
                                            session(kTaken, {{"retired_user"}}));
  const std::string unknown = page_of(kId);
  EXPECT_NE(unknown.find("This mailbox does not exist"), std::string::npos);
  EXPECT_EQ(page_of(kSubmitted), unknown);
  EXPECT_EQ(page_of(kTaken), unknown);
}

TEST_F(WhyPageTest, BesideAnUnknownMailboxATrapIsOneMoreOfThem) {
  folder.write("records/current.jsonl", session(kId, {{"unknown_user"}, {"unknown_user"}}) +
                                            session(kSubmitted, {{"unknown_user"}, {"trap"}}) +
                                            session(kTaken, {{"trap"}, {"unknown_user"}}));
  const std::string unknown = page_of(kId);
  EXPECT_NE(unknown.find("It concerned 2 recipients."), std::string::npos);
  EXPECT_EQ(page_of(kSubmitted), unknown);
  EXPECT_EQ(page_of(kTaken), unknown);
}

TEST_F(WhyPageTest, WhatTheRuleSaysAloudStandsThere) {
  folder.write("records/current.jsonl", session(kId, {{.reason = "trap", .enhanced = "5.7.1"}}));
  EXPECT_NE(page_of(kId).find("addresses that never asked for mail"), std::string::npos);
}

}  // namespace
}  // namespace postern::web
