#include <fcntl.h>
#include <gtest/gtest.h>

#include <unistd.h>
#include <map>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>
#include <vector>

#include "folder.h"
#include "record/delivery_reader.h"
#include "record/files.h"
#include "record/session_reader.h"
#include "record/session_record.h"
#include "record/writer.h"

namespace postern::record {
namespace {

namespace fs = std::filesystem;

using testing::counter;
using testing::Folder;
using testing::refused;

std::vector<std::int64_t> numbers(const std::string& directory) {
  std::vector<std::int64_t> out;
  const auto count = read_records(directory, [&](std::string_view line) {
    const auto value = json::parse(line);
    out.push_back(value ? value->at("commands").integer(-1) : -2);
    return true;
  });
  EXPECT_TRUE(count) << (count ? "" : count.error().what);
  return out;
}

TEST(SessionRecord, ARefusedSession) {
  std::string line;
  append_json(refused(4), line);
  ASSERT_TRUE(line.ends_with("}\n"));
  const auto value = json::parse(line);
  ASSERT_TRUE(value) << line;
  EXPECT_EQ(value->at("schema").string(), "postern.session/1");
  EXPECT_EQ(value->at("time").string(), iso8601(1'795'243'208'123));
  EXPECT_EQ(value->at("family").string(), "ipv6");
  EXPECT_EQ(value->at("client").at("address").string(), "2001:db8::7");
  EXPECT_EQ(value->at("client").at("port").integer(), 4711);
  EXPECT_EQ(value->at("outline").array().at(2).string(), "R550");
  const auto& transaction = value->at("transactions").array().at(0);
  EXPECT_EQ(transaction.at("from").string(), "a@example.org");
  EXPECT_EQ(transaction.at("to").array().at(0).at("reason").string(), "unknown_user");
  EXPECT_TRUE(value->at("tls").is_null());
  EXPECT_EQ(line.find("\"\""), std::string::npos);  // empty fields are left out
}

TEST(SessionRecord, OddCommandsAreEscaped) {
  SessionRecord record = refused(1);
  record.errors_kept = {"GET / \"x\"", "\x80\r"};
  std::string line;
  append_json(record, line);
  const auto value = json::parse(line);
  ASSERT_TRUE(value) << line;
  const auto& odd = value->at("odd").array();
  ASSERT_EQ(odd.size(), 2U);
  EXPECT_EQ(odd[0].string(), "GET / \"x\"");
  EXPECT_EQ(odd[1].string(), "\\x80\\x0d");
}

TEST(SessionRecord, ThePublishedPolicyIsThereWhereThereIsOne) {
  SessionRecord record = refused(1);
  AuthenticationRecord found;
  found.dmarc = {.result = "fail", .policy = "reject", .policy_domain = "example.org", .testing = true};
  record.transactions.front().authentication = found;
  const auto dmarc_of = [&record] {
    std::string line;
    append_json(record, line);
    return json::parse(line).value().at("transactions").array().at(0).at("authentication").at("dmarc");
  };
  EXPECT_TRUE(dmarc_of().at("published").is_null());
  record.transactions.front().authentication->dmarc.published = {.p = "reject", .np = "none", .strict_spf = true};
  EXPECT_EQ(dmarc_of().at("published").text(), R"({"np":"none","p":"reject","strict_spf":true})");
}

TEST(SessionRecord, BoundsAtTheirLimits) {
  SessionRecord record = refused(1);
  record.helo.assign(kTextMax + 1, 'h');
  record.transactions.assign(kTransactionsMax + 1, record.transactions.front());
  record.transactions[0].recipients.assign(kRecipientsMax + 1, {"x@example.org", 250, "2.1.5", "ok"});
  record.facts = 0xFFFFFFFF;
  std::string line;
  append_json(record, line);
  const auto value = json::parse(line);
  ASSERT_TRUE(value);
  EXPECT_EQ(value->at("helo").string().size(), kTextMax);
  EXPECT_EQ(value->at("transactions").array().size(), kTransactionsMax);
  EXPECT_EQ(value->at("transactions_total").integer(), static_cast<std::int64_t>(kTransactionsMax + 1));
  EXPECT_EQ(value->at("transactions").array()[0].at("to").array().size(), kRecipientsMax);
  EXPECT_EQ(value->at("transactions").array()[0].at("recipients").integer(),
            static_cast<std::int64_t>(kRecipientsMax + 1));
  EXPECT_EQ(value->at("facts").array().size(), 13U);
  EXPECT_EQ(fact_names(0xFFFFFFFF).size(), 13U);
}

TEST(SessionRecord, ALineNeverPassesItsBound) {
  SessionRecord record = refused(1);
  const std::string wild(2 * kTextMax, '\x01');  // six octets each once escaped
  record.transactions[0].reverse_path = wild;
  record.transactions[0].recipients.assign(kRecipientsMax, {wild, 250, wild, wild});
  record.transactions.assign(kTransactionsMax, record.transactions.front());
  for (std::string* text : {&record.listener, &record.helo, &record.login, &record.end, &record.refusal, &record.syn}) {
    *text = wild;
  }
  record.tls = TlsRecord{wild, wild, wild, wild, wild, true, wild, 1};
  record.outline.assign(1000, {'R', 65535});
  std::string line = "before\n";
  append_json(record, line);
  line.erase(0, 7);
  EXPECT_LE(line.size(), kLineMax);
  EXPECT_GT(line.size(), kLineMax / 2);
  const auto value = json::parse(line);
  ASSERT_TRUE(value);
  // What is not listed is counted.
  EXPECT_LT(value->at("transactions").array().size(), kTransactionsMax);
  EXPECT_EQ(value->at("transactions_total").integer(), static_cast<std::int64_t>(kTransactionsMax));
  EXPECT_EQ(value->at("transactions").array().back().at("recipients").integer(),
            static_cast<std::int64_t>(kRecipientsMax));
  EXPECT_EQ(value->at("end").string().size(), kTextMax);
}

// How many recipients and transactions a line tells of, listed or counted, by code and reason.
std::map<std::string, std::uint64_t> answers_of(const SessionRecord& record) {
  std::string line;
  append_json(record, line);
  EXPECT_LE(line.size(), kLineMax);
  line.pop_back();
  SessionReader reader;
  EXPECT_EQ(reader.read(line), SessionReader::Kind::session);
  std::map<std::string, std::uint64_t> out;
  const auto add = [&out](const char* what, std::uint16_t code, std::string_view word, std::uint64_t count) {
    out[what + std::to_string(code) + " " + std::string(word)] += count;
  };
  for (const RecipientView& recipient : reader.session().recipients) add("to ", recipient.code, recipient.reason, 1);
  for (const TransactionView& transaction : reader.session().transactions) {
    add("message ", transaction.code, transaction.reason, 1);
    if (!transaction.dmarc.empty()) add("dmarc ", 0, transaction.dmarc, 1);
  }
  for (const BeyondView& row : reader.session().beyond) {
    if (row.what == BeyondView::What::recipients) add("to ", row.code, row.word, row.count);
    if (row.what == BeyondView::What::transactions) add("message ", row.code, row.word, row.count);
    if (row.what == BeyondView::What::dmarc) add("dmarc ", row.code, row.word, row.count);
  }
  return out;
}

TEST(SessionRecord, WhatIsNotListedIsCountedByItsAnswer) {
  const auto told = answers_of(refused(1));
  EXPECT_EQ(told, (std::map<std::string, std::uint64_t>{{"message 0 reset", 1}, {"to 550 unknown_user", 1}}));
  std::string ordinary;
  append_json(refused(1), ordinary);
  EXPECT_EQ(ordinary.find("beyond"), std::string::npos) << "a record whose lists are whole does not grow";

  // Left out by the session, by the writer's limit, and because the line is full
  for (const bool long_texts : {false, true}) {
    SessionRecord record = refused(1);
    TransactionRecord first = record.transactions.front();
    first.authentication.emplace().dmarc.result = "pass";
    const std::string text = long_texts ? std::string(kTextMax, '\x01') : "x@example.org";
    first.recipients.assign(kRecipientsMax, {text, 550, "", "unknown_user"});
    first.recipients.push_back({"alice@example.org", 250, "", "ok"});
    record.transactions.assign(kTransactionsMax + 20, first);
    record.beyond.recipients.add(451, "greylisted", 7);
    record.beyond.add(first);
    const std::uint64_t all = kTransactionsMax + 21;
    EXPECT_EQ(answers_of(record), (std::map<std::string, std::uint64_t>{{"message 0 reset", all},
                                                                        {"dmarc 0 pass", all},
                                                                        {"to 250 ok", all},
                                                                        {"to 451 greylisted", 7},
                                                                        {"to 550 unknown_user", all * kRecipientsMax}}))
        << long_texts;
  }
}

TEST(SessionRecord, AnswersAreBounded) {
  Answers answers;
  for (std::uint16_t i = 0; i < kAnswersMax; ++i) answers.add(550, "word" + std::to_string(i));
  answers.add(550, "word0", 4);
  EXPECT_EQ(answers.rows.size(), kAnswersMax);
  EXPECT_EQ(answers.rows.front().count, 5U);
  for (int i = 0; i < 100; ++i) answers.add(static_cast<std::uint16_t>(450 + i), "more" + std::to_string(i));
  answers.add(550, "word1");
  ASSERT_EQ(answers.rows.size(), kAnswersMax + 2);
  EXPECT_EQ(answers.rows[kAnswersMax].code, 400);
  EXPECT_EQ(answers.rows[kAnswersMax].word, "other");
  EXPECT_EQ(answers.rows[kAnswersMax].count, 50U);
  EXPECT_EQ(answers.rows[kAnswersMax + 1].code, 500);
  EXPECT_EQ(answers.rows[kAnswersMax + 1].count, 50U);
  EXPECT_EQ(answers.rows[1].count, 2U);
  // The line of the worst of them all
  SessionRecord record = refused(1);
  const std::string wild(2 * kTextMax, '\x01');
  record.transactions[0].recipients.assign(kRecipientsMax, {wild, 250, wild, wild});
  record.transactions.assign(kTransactionsMax, record.transactions.front());
  for (Answers* list : {&record.beyond.recipients, &record.beyond.transactions, &record.beyond.spf, &record.beyond.dkim,
                        &record.beyond.dmarc, &record.beyond.arc})
    for (std::uint16_t i = 0; i < 600; ++i) list->add(i, std::to_string(i) + wild);
  std::string line;
  append_json(record, line);
  EXPECT_LE(line.size(), kLineMax);
  EXPECT_TRUE(json::parse(line));
}

TEST(DeliveryRecord, WhatIsNotListedIsCountedByState) {
  DeliveryRecord record;
  record.id = Id::make(1'795'243'208'123);
  record.start = 1'795'243'208'123;
  record.outcomes.assign(kRecipientsMax, {"a@example.org", "delivered", ""});
  std::string line;
  append_json(record, line);
  EXPECT_EQ(line.find("beyond"), std::string::npos);
  record.outcomes.push_back({"b@example.org", "failed", ""});  // the writer's limit
  record.beyond.add("deferred");
  record.beyond.add("delivered");
  line.clear();
  append_json(record, line);
  const auto value = json::parse(line);
  ASSERT_TRUE(value);
  EXPECT_EQ(value->at("beyond").text(), R"({"deferred":1,"delivered":1,"failed":1})");
  DeliveryReader reader;
  ASSERT_TRUE(reader.read(line.substr(0, line.size() - 1)));
  EXPECT_EQ(reader.delivery().delivered, kRecipientsMax + 1);
  EXPECT_EQ(reader.delivery().deferred, 1U);
  EXPECT_EQ(reader.delivery().failed, 1U);
}

TEST(DeliveryRecord, Fields) {
  DeliveryRecord record;
  record.id = Id::make(5);
  record.message = Id::make(6);
  record.transport = "lmtp";
  record.outcomes = {{"a@example.org", "deferred", "451 4.2.0 later\r\nforged"}};
  std::string line;
  append_json(record, line);
  const auto value = json::parse(line);
  ASSERT_TRUE(value) << line;
  EXPECT_EQ(value->at("schema").string(), "postern.delivery/1");
  EXPECT_EQ(value->at("message").string(), record.message.text());
  EXPECT_EQ(value->at("outcomes").array().at(0).at("state").string(), "deferred");
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(RecordWriter, KeepsOrderAcrossRotationAndCompression) {
  const Folder folder;
  const std::string directory = folder.at("records");
  std::vector<std::int64_t> expected;
  {
    auto writer = Writer::open({.directory = directory, .rotate_bytes = 2000});
    ASSERT_TRUE(writer) << writer.error().what;
    for (std::uint32_t i = 1; i <= 60; ++i) {
      (*writer)->append(refused(i));
      (*writer)->flush();
      expected.push_back(i);
      if (i % 20 == 0) {
        EXPECT_EQ(numbers(directory), expected);
      }
    }
  }
  EXPECT_EQ(numbers(directory), expected);
  EXPECT_GT(std::distance(fs::directory_iterator(directory), {}), 5);
}

TEST(RecordWriter, AReaderMissesNothingWhileFilesAreRotatedAndCompressed) {
  const Folder folder;
  const std::string directory = folder.at("records");
  constexpr std::int64_t kRecords = 900;
  auto writer = Writer::open({.directory = directory, .rotate_bytes = 2000});
  ASSERT_TRUE(writer) << writer.error().what;
  std::atomic<std::int64_t> flushed{0};
  std::thread writing([&] {
    for (std::int64_t i = 1; i <= kRecords; ++i) {
      (*writer)->append(refused(static_cast<std::uint32_t>(i)));
      (*writer)->flush();
      flushed = i;
    }
  });
  bool all = false;
  while (!all) {
    const std::int64_t before = flushed;
    all = before == kRecords;
    auto seen = numbers(directory);
    if (!seen.empty() && seen.back() == -2) seen.pop_back();  // it is being written
    EXPECT_GE(static_cast<std::int64_t>(seen.size()), before);
    std::vector<std::int64_t> whole(seen.size());
    std::iota(whole.begin(), whole.end(), 1);
    EXPECT_EQ(seen, whole);
  }
  writing.join();
}

TEST(RecordFiles, WhatWasListedIsReadWhereverItWent) {
  const Folder folder;
  const auto put = [&](const char* name, const char* text) { std::ofstream(folder.at(name)) << text; };
  put("20260101T000000Z.jsonl", "1\n");
  put("20260102T000000Z.jsonl", "2\n");
  put("current.jsonl", "3\n");
  const auto files = list_record_files(folder.path());
  ASSERT_TRUE(files) << files.error().what;
  ASSERT_EQ(files->size(), 3U);
  const auto never = [](void*) { return false; };
  ASSERT_TRUE(compress_file(folder.at("20260101T000000Z.jsonl"), never, nullptr));
  fs::remove(folder.at("20260102T000000Z.jsonl"));  // its age came
  fs::rename(folder.at("current.jsonl"), folder.at("20260103T000000Z.jsonl"));
  ASSERT_TRUE(compress_file(folder.at("20260103T000000Z.jsonl"), never, nullptr));
  put("current.jsonl", "4\n");
  std::string seen;
  for (int twice = 0; twice < 2; ++twice) {
    for (const RecordFile& file : *files) {
      const auto read = read_records(file, [&](std::string_view line) {
        seen += line;
        return true;
      });
      EXPECT_TRUE(read) << read.error().what;
    }
  }
  EXPECT_EQ(seen, "1313");
}

TEST(RecordWriter, ManyThreadsLoseNothing) {
  const Folder folder;
  auto writer = Writer::open({.directory = folder.at("records")});
  ASSERT_TRUE(writer);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&writer] {
      for (std::uint32_t i = 0; i < 200; ++i) (*writer)->append(refused(i));
    });
  }
  for (auto& thread : threads) thread.join();
  (*writer)->flush();
  EXPECT_EQ(numbers(folder.at("records")).size(), 800U);
}

TEST(RecordWriter, ACutLastLineIsEnded) {
  const Folder folder;
  fs::create_directory(folder.at("records"));
  std::ofstream(folder.at("records/current.jsonl")) << "{\"commands\":9}\n{\"comm";
  {
    auto writer = Writer::open({.directory = folder.at("records")});
    ASSERT_TRUE(writer);
    (*writer)->append(refused(7));
  }
  EXPECT_EQ(numbers(folder.at("records")), (std::vector<std::int64_t>{9, -2, 7}));
}

TEST(RecordWriter, AFolderThatCannotBeIsAnError) {
  const Folder folder;
  std::ofstream(folder.at("file")) << "x";
  const auto writer = Writer::open({.directory = folder.at("file")});
  ASSERT_FALSE(writer);
  EXPECT_NE(writer.error().what.find("file"), std::string::npos);
  EXPECT_FALSE(Writer::open({.directory = folder.at("file/records")}));
}

TEST(RecordWriter, ALostFolderDropsRecordsAndComesBack) {
  const Folder folder;
  const std::string directory = folder.at("records");
  auto writer = Writer::open({.directory = directory, .rotate_bytes = 1});  // every record after the first rotates
  ASSERT_TRUE(writer);
  (*writer)->append(refused(1));
  (*writer)->flush();
  fs::remove_all(directory);
  const auto before = counter("postern_records_dropped_total");
  (*writer)->append(refused(2));
  (*writer)->flush();
  EXPECT_EQ(counter("postern_records_dropped_total"), before + 1);
  fs::create_directory(directory);
  (*writer)->append(refused(3));
  (*writer)->flush();
  EXPECT_EQ(numbers(directory), (std::vector<std::int64_t>{3}));
}

TEST(RecordReader, LineLimitAndDamage) {
  const Folder folder;
  std::ofstream(folder.at("a.jsonl")) << std::string(1 << 20, 'a') << '\n'
                                      << std::string((1 << 20) + 1, 'b') << "\nend";
  std::vector<std::size_t> sizes;
  const auto count = read_records(folder.at("a.jsonl"), [&](std::string_view line) {
    sizes.push_back(line.size());
    return true;
  });
  ASSERT_TRUE(count);
  EXPECT_EQ(sizes, (std::vector<std::size_t>{1 << 20, 3}));
  EXPECT_EQ(count->lines, 2U);
  EXPECT_EQ(count->skipped, 1U);
  std::ofstream(folder.at("b.jsonl.zst")) << "not compressed at all";
  EXPECT_FALSE(read_records(folder.at("b.jsonl.zst"), [](std::string_view) { return true; }));
  EXPECT_FALSE(read_records(folder.at("none"), [](std::string_view) { return true; }));
}

TEST(RecordReader, StopsWhenTold) {
  const Folder folder;
  std::ofstream(folder.at("a.jsonl")) << "1\n2\n3\n";
  int seen = 0;
  ASSERT_TRUE(read_records(folder.at("a.jsonl"), [&](std::string_view) { return ++seen < 2; }));
  EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace postern::record
