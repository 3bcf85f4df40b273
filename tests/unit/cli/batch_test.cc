// The contract of --batch: an answer a line, the same id whatever it is, order kept, and no line that ends the run.
#include "cli/batch.h"

#include <gtest/gtest.h>

#include "cli/auth_batch.h"

namespace postern::cli {
namespace {

class BatchTest : public ::testing::Test {
 protected:
  json::Value answer(BatchAnswer tool, std::string_view line, std::optional<std::int64_t> now = 1000) {
    Batch batch(std::move(tool), resolver_, now);
    std::string out;
    batch.answer(line, out);
    EXPECT_TRUE(out.ends_with('\n')) << out;
    if (out.empty()) return {};
    out.pop_back();
    EXPECT_EQ(out.find('\n'), std::string::npos);
    auto value = json::parse(out);
    EXPECT_TRUE(value) << out;
    return value ? std::move(*value) : json::Value();
  }
  ToolResolver resolver_{dns::Zone()};
};

Task<Result<void>> echo(const BatchCase& given, dns::Resolver& /*resolver*/, json::Writer& writer) {
  writer.field("now", given.now);
  if (!given.line.at("fail").is_null()) co_return fail(ErrorKind::invalid, "as asked");
  co_return Result<void>();
}

TEST_F(BatchTest, TheIdComesBackWhateverItIs) {
  for (const char* id : {"1", "-5", "\"a\\u00e9\"", "null", "true", "[1,\"x\"]", "{\"k\":{}}", "1.5"}) {
    const json::Value value = answer(echo, std::string("{\"id\":") + id + ",\"now\":7}");
    EXPECT_EQ(value.at("id").text(), json::parse(id)->text());
    EXPECT_EQ(value.at("now").integer(), 7);
  }
  EXPECT_TRUE(answer(echo, "{}").object().contains("id"));
}

TEST_F(BatchTest, AnErrorStandsAloneBesideTheId) {
  const json::Value value = answer(echo, R"({"id":"x","fail":1})");
  EXPECT_EQ(value.text(), R"({"error":"as asked","id":"x"})");
}

TEST_F(BatchTest, LinesThatAreNoneGetAnError) {
  for (const char* line : {"{", "[]", "7", "\"x\"", "nonsense", "{\"id\":1}}", "\xff"}) {
    const json::Value value = answer(echo, line);
    EXPECT_TRUE(value.at("error").is_string()) << line;
    EXPECT_TRUE(value.at("id").is_null()) << line;
  }
}

TEST_F(BatchTest, BlankLinesHaveNoAnswer) {
  Batch batch(echo, resolver_, 1);
  std::string out;
  for (const char* line : {"", " ", "\t", "\r"}) batch.answer(line, out);
  EXPECT_EQ(out, "");
  batch.answer("{}\r", out);
  EXPECT_EQ(out, "{\"id\":null,\"now\":1}\n");
}

TEST_F(BatchTest, NowIsTheLinesThenTheRuns) {
  EXPECT_EQ(answer(echo, "{}", 55).at("now").integer(), 55);
  EXPECT_EQ(answer(echo, R"({"now":66})", 55).at("now").integer(), 66);
  EXPECT_EQ(answer(echo, R"({"now":66.9})", 55).at("now").integer(), 66);
  EXPECT_EQ(answer(echo, R"({"now":-1})", 55).at("now").integer(), -1);
  EXPECT_GT(answer(echo, "{}", std::nullopt).at("now").integer(), 1'700'000'000);
  EXPECT_TRUE(answer(echo, R"({"now":"66"})").at("error").is_string());
  EXPECT_TRUE(answer(echo, R"({"now":1e300})").at("error").is_string());
}

TEST_F(BatchTest, ALineOverTheLimitIsAnError) {
  std::string line = R"({"id":1,"x":")";
  line.append(kBatchLineMax - line.size() - 2, 'x');
  line += "\"}";
  ASSERT_EQ(line.size(), kBatchLineMax);
  EXPECT_EQ(answer(echo, line).at("id").integer(), 1);
  line.insert(line.size() - 2, "x");
  EXPECT_NE(answer(echo, line).at("error").string().find("longer than"), std::string::npos);
}

TEST_F(BatchTest, AZoneThatIsNoneSaysWhere) {
  const json::Value value = answer(spf_batch(), R"({"id":1,"ip":"::1","zone":{"a.test":{"TXT":5}}})");
  EXPECT_NE(value.at("error").string().find("a.test"), std::string::npos) << value.text();
  EXPECT_TRUE(answer(spf_batch(), R"({"id":1,"ip":"::1","zone":[]})").at("error").is_string());
}

TEST_F(BatchTest, EachLineHasItsOwnZone) {
  const char* const with =
      R"({"id":1,"ip":"192.0.2.1","mail_from":"a@x.test","zone":{"x.test":{"TXT":["v=spf1 +all"]}}})";
  const char* const without = R"({"id":1,"ip":"192.0.2.1","mail_from":"a@x.test","zone":{}})";
  const char* const none = R"({"id":1,"ip":"192.0.2.1","mail_from":"a@x.test"})";
  EXPECT_EQ(answer(spf_batch(), with).at("spf").at("result").string(), "pass");
  EXPECT_EQ(answer(spf_batch(), without).at("spf").at("result").string(), "none");
  EXPECT_EQ(answer(spf_batch(), none).at("spf").at("result").string(), "none");
}

TEST_F(BatchTest, SpfAnswersSpfAlone) {
  const json::Value value = answer(
      spf_batch(),
      R"({"id":1,"ip":"192.0.2.9","mail_from":"a@x.test","helo":"h.test","zone":{"x.test":{"TXT":["v=spf1 ip4:192.0.2.1 exp=e.x.test -all"]},"e.x.test":{"TXT":[["not ","%{i}"]]}}})");
  EXPECT_EQ(value.object().size(), 2U);
  EXPECT_EQ(value.at("spf").at("result").string(), "fail");
  EXPECT_EQ(value.at("spf").at("explanation").string(), "not 192.0.2.9");
  EXPECT_TRUE(answer(spf_batch(), R"({"id":1,"ip":"nonsense"})").at("error").is_string());
  EXPECT_TRUE(answer(spf_batch(), R"({"id":1})").at("error").is_string());
}

TEST_F(BatchTest, WithoutAClientAMessageIsJudgedWithoutSpf) {
  const auto ask = [&](const BatchAnswer& tool, const std::string& ip) {
    return answer(tool, R"({"id":1,"message_base64":"RnJvbTogYUB4LnRlc3QKCg==","zone":{})" + ip + "}");
  };
  for (const char* ip : {"", R"(,"ip":null)", R"(,"ip":"")"}) {
    EXPECT_EQ(ask(auth_batch(), ip).object().count("spf"), 0U) << ip;
    EXPECT_EQ(ask(auth_batch(), ip).at("dmarc").at("result").string(), "none") << ip;
    EXPECT_EQ(ask(dmarc_batch(), ip).at("dmarc").at("result").string(), "none") << ip;
  }
  EXPECT_EQ(ask(auth_batch(), R"(,"ip":"192.0.2.1")").object().count("spf"), 1U);
  EXPECT_TRUE(ask(auth_batch(), R"(,"ip":"x")").at("error").is_string());
  EXPECT_TRUE(ask(auth_batch(), R"(,"ip":5)").at("error").is_string());
}

TEST_F(BatchTest, ToolsThatNeedAMessageSayWhichKeyIsMissing) {
  const std::vector<BatchAnswer> tools = {dkim_verify_batch(), dkim_sign_batch(), arc_verify_batch(),
                                          arc_seal_batch(),    auth_batch(),      dmarc_batch()};
  for (const BatchAnswer& tool : tools) {
    EXPECT_NE(answer(tool, R"({"id":1,"zone":{}})").at("error").string().find("message_base64"), std::string::npos);
    EXPECT_NE(answer(tool, R"({"id":1,"zone":{},"message_base64":"*"})").at("error").string().find("base64"),
              std::string::npos);
    EXPECT_NE(answer(tool, R"({"id":1,"zone":{},"message_path":"/nonexistent/m"})")
                  .at("error")
                  .string()
                  .find("/nonexistent/m"),
              std::string::npos);
    EXPECT_TRUE(answer(tool, R"({"id":1,"zone":{},"message_path":"-"})").at("error").is_string());
  }
}

TEST_F(BatchTest, DmarcTakesIdentifiersInThePlaceOfAMessage) {
  const std::string zone = R"("zone":{"_dmarc.x.test":{"TXT":["v=DMARC1; p=reject; sp=quarantine"]}}})";
  const auto ask = [&](const std::string& fields) { return answer(dmarc_batch(), "{\"id\":1," + fields + "," + zone); };
  json::Value value = ask(R"("header_from":"Alice <a@x.test>","dkim":[{"result":"pass","domain":"mail.x.test"}])");
  EXPECT_EQ(value.object().size(), 2U);
  EXPECT_EQ(value.at("dmarc").at("result").string(), "pass") << value.text();
  EXPECT_EQ(value.at("dmarc").at("policy").string(), "reject");
  value = ask(R"("header_from":"sub.x.test","spf":{"result":"pass","domain":"y.test"})");
  EXPECT_EQ(value.at("dmarc").at("result").string(), "fail");
  value = ask(R"("header_from":"a@x.test, b@x.test","spf":{"result":"pass","domain":"x.test"})");
  EXPECT_EQ(value.at("dmarc").at("result").string(), "pass") << value.text();
  value = ask(R"("header_from":["a@x.test"],"spf":{"result":"pass","domain":"x.test"})");
  EXPECT_EQ(value.at("dmarc").at("result").string(), "pass") << value.text();
  value = ask(R"("header_from":["a@x.test","b@x.test"],"spf":{"result":"pass","domain":"x.test"})");
  EXPECT_EQ(value.at("dmarc").at("result").string(), "none");
  value = ask(R"("header_from":"a@x.test, b@y.test")");
  EXPECT_EQ(value.at("dmarc").at("result").string(), "none");
  EXPECT_TRUE(value.at("dmarc").at("policy").is_null());
  EXPECT_TRUE(value.at("dmarc").at("problem").is_string());
  EXPECT_TRUE(ask(R"("spf":{})").at("error").is_string());
}

TEST(CaseNames, ListsAndColonsAreTheSame) {
  const auto names = [](const char* line) { return case_names(BatchCase{.line = *json::parse(line)}, "headers"); };
  const std::vector<std::string> expected = {"from", "to"};
  EXPECT_EQ(*names(R"({"headers":"from:to"})"), expected);
  EXPECT_EQ(*names(R"({"headers":" from : to :"})"), expected);
  EXPECT_EQ(*names(R"({"headers":["from","to"]})"), expected);
  EXPECT_TRUE(names("{}")->empty());
  EXPECT_FALSE(names(R"({"headers":[1]})"));
  EXPECT_FALSE(names(R"({"headers":7})"));
}

}  // namespace
}  // namespace postern::cli
