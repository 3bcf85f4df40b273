#include "cli/queue_text.h"

#include <gtest/gtest.h>

namespace postern::cli {
namespace {

constexpr WallMs kNow = 1'763'706'000'000;  // 2025-11-21 06:20:00 UTC

json::Value parse(const char* text) {
  auto value = json::parse(text);
  EXPECT_TRUE(value) << value.error().what;
  return value ? *value : json::Value();
}

constexpr const char* kDeferred =
    R"({"id":"01JD7M3W8QZK4T2V","arrived_ms":1763702400000,"next_attempt_ms":1763706090000,"size":52224,"pending":2,
        "failed":0,"attempts":3,"held":false,"active":false})";
constexpr const char* kFailed =
    R"({"id":"01JD7M3W8QZK4T2W","arrived_ms":1763705999000,"next_attempt_ms":0,"size":100,"pending":0,
        "failed":12,"attempts":1,"held":false,"active":false})";

TEST(Table, ColumnsAreAlignedAndKeepTheirWidths) {
  Table table({{"NAME", false}, {"N", true}, {"LAST", false}}, false);
  table.add({{"a"}, {"1"}, {"x"}});
  table.add({{"j\xC3\xBCrgen"}, {"100"}, {""}});
  EXPECT_EQ(table.take(), "NAME      N  LAST\na         1  x\nj\xC3\xBCrgen  100\n");
  table.add({{"b"}, {"2"}, {"y"}});
  EXPECT_EQ(table.take(), "b         2  y\n");
  EXPECT_EQ(table.take(), "");
}

TEST(Table, ColourOnlyWhereItIsWanted) {
  EXPECT_EQ(coloured("x", Colour::red, false), "x");
  EXPECT_EQ(coloured("x", Colour::red, true), "\x1b[31mx\x1b[0m");
  EXPECT_EQ(coloured("x", Colour::none, true), "x");
  Table table({{"A", false}, {"B", false}}, true);
  table.add({{"a", Colour::green}, {"b"}});
  EXPECT_EQ(table.take(), "\x1b[1mA\x1b[0m  \x1b[1mB\x1b[0m\n\x1b[32ma\x1b[0m  b\n");
}

TEST(QueueText, AListOfMessages) {
  Table table = queue_table(false);
  add_queue_row(table, parse(kDeferred), kNow);
  add_queue_row(table, parse(kFailed), kNow);
  EXPECT_EQ(table.take(),
            "ID                ARRIVED (UTC)        AGE    SIZE  PENDING  FAILED  TRIES  NEXT TRY  STATE\n"
            "01JD7M3W8QZK4T2V  2025-11-21 05:20:00   1h  51 KiB        2       0      3  in 1m30s  deferred\n"
            "01JD7M3W8QZK4T2W  2025-11-21 06:19:59   1s   100 B        0      12      1         -  failed\n");
}

TEST(QueueText, StatesInTheirOrderOfWeight) {
  const auto state = [](const char* members) {
    Table table = queue_table(false);
    add_queue_row(table, parse(members), kNow);
    std::string text = table.take();
    text.pop_back();
    return text.substr(text.rfind("  ") + 2);
  };
  EXPECT_EQ(state(R"({"active":true,"held":true,"failed":1})"), "active");
  EXPECT_EQ(state(R"({"held":true,"failed":1})"), "held");
  EXPECT_EQ(state(R"({"failed":1,"pending":1})"), "partly failed");
  EXPECT_EQ(state(R"({"failed":1,"pending":0})"), "failed");
  EXPECT_EQ(state(R"({"pending":1,"attempts":1})"), "deferred");
  EXPECT_EQ(state(R"({"pending":1,"attempts":0})"), "waiting");
}

TEST(QueueText, OneMessage) {
  const json::Value message = parse(R"({"id":"01JD7M3W8QZK4T2V","session":"","arrived_ms":1763702400000,
      "next_attempt_ms":1763706000000,"reverse_path":"","client":"[2001:db8::1]:4711","login":"","size":2048,"attempts":1,
      "held":false,"recipients":[
        {"path":"alice@example.org","original":"info@example.org","state":"pending","attempts":1,"last_reply":"451 4.3.0 later"},
        {"path":"bob@example.org","original":"","state":"delivered","attempts":1,"last_reply":"250 2.0.0 \u001b[31mok\n"}]})");
  EXPECT_EQ(queue_message_text(message, kNow, false),
            "id           01JD7M3W8QZK4T2V\n"
            "arrived      2025-11-21 05:20:00 UTC, 1h ago\n"
            "from         <>\n"
            "client       [2001:db8::1]:4711\n"
            "size         2 KiB\n"
            "attempts     1\n"
            "next try     now\n"
            "\n"
            "RECIPIENT                                 STATE      TRIES  LAST REPLY\n"
            "alice@example.org (for info@example.org)  pending        1  451 4.3.0 later\n"
            "bob@example.org                           delivered      1  250 2.0.0 \\x1b[31mok\\x0a\n");
}

TEST(QueueText, Status) {
  EXPECT_EQ(queue_status_text(parse(R"({"messages":5,"held":1,"failed_recipients":2,"bytes_on_disk":1048576,
      "bytes_limit":1073741824,"index_bytes":500,"healthy":true,"sick_because":""})"),
                              false),
            "messages     5\n"
            "held         1\n"
            "failed       2 recipients\n"
            "on disk      1 MiB of at most 1 GiB\n"
            "index        500 B of memory\n"
            "storage      healthy\n");
  EXPECT_NE(queue_status_text(parse(R"({"healthy":true,"counters":{"postern_budgets_saturation_percent":12,
      "postern_greylist_evicted_total":3,"postern_known_evicted_total":0}})"),
                              false)
                .find("tables       budgets 12 % saturated; pushed out 3 first attempts, 0 known senders\n"),
            std::string::npos);
  EXPECT_NE(queue_status_text(parse(R"({"healthy":false,"sick_because":"fsync: No space"})"), false)
                .find("storage      failing: fsync: No space\n"),
            std::string::npos);
}

}  // namespace
}  // namespace postern::cli
