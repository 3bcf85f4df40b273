#include "evidence/evidence.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "base/json.h"
#include "evidence/verdict.h"

namespace postern::evidence {
namespace {

Evidence random_evidence(std::mt19937& random, const ListNames& names) {
  Evidence out;
  for (const SignalInfo& signal : signals()) {
    if (random() % 3 == 0) continue;
    switch (signal.type) {
      case Type::category:
        out.set_number(signal.signal, static_cast<std::int64_t>(random() % signal.values.size()));
        break;
      case Type::country:
        out.set_country(country_code(static_cast<char>('A' + random() % 26), static_cast<char>('A' + random() % 26)));
        break;
      case Type::number:
        out.set_number(signal.signal, static_cast<std::int64_t>(random()) - 1'000'000'000);
        break;
      case Type::text:
        out.set_text(signal.signal, "text \"" + std::to_string(random()) + "\n\xc3\xa9");
        break;
      case Type::names: {
        const auto mask = static_cast<std::uint32_t>((1U << names.size()) - 1U);
        const auto answered = static_cast<std::uint32_t>(random()) & mask;
        out.set_lists(answered, answered & static_cast<std::uint32_t>(random()));
        break;
      }
    }
  }
  return out;
}

TEST(Evidence, ChangesPutOverWhatWasBeforeGiveTheSame) {
  std::mt19937 random(7);
  ListNames names{"zen", "dbl", "dwl"};
  for (int i = 0; i < 2000; ++i) {
    const Evidence before = random_evidence(random, names);
    const Evidence after = random_evidence(random, names);
    std::string text;
    json::Writer writer(text);
    after.append_changes(before, names, writer);
    const auto parsed = json::parse(text);
    ASSERT_TRUE(parsed) << text;
    Evidence read = before;
    std::uint32_t skipped = 0;
    ListNames known = names;
    read.apply(*parsed, known, &skipped);
    EXPECT_EQ(skipped, 0U);
    ASSERT_EQ(read, after) << text;
  }
}

// Replay reads records by the text path: it must see what the document path sees, of any object.
TEST(Evidence, ChangesFromTextAreThoseOfTheDocument) {
  std::mt19937 random(11);
  const ListNames names{"zen", "dbl", "dwl"};
  const auto both = [](const Evidence& before, const std::string& text, const ListNames& known) {
    Evidence by_document = before;
    Evidence by_text = before;
    ListNames document_names = known;
    ListNames text_names = known;
    std::uint32_t document_skipped = 0;
    std::uint32_t text_skipped = 0;
    const auto parsed = json::parse(text);
    ASSERT_TRUE(parsed) << text;
    by_document.apply(*parsed, document_names, &document_skipped);
    std::string scratch;
    json::Scanner scanner(text, scratch);
    ASSERT_TRUE(by_text.apply(scanner, text_names, &text_skipped)) << text;
    EXPECT_TRUE(scanner.finished());
    EXPECT_EQ(by_text, by_document) << text;
    EXPECT_EQ(text_names, document_names) << text;
    EXPECT_EQ(text_skipped, document_skipped) << text;
  };
  for (int i = 0; i < 2000; ++i) {
    const Evidence before = random_evidence(random, names);
    std::string text;
    json::Writer writer(text);
    random_evidence(random, names).append_changes(before, names, writer);
    both(before, text, i % 2 == 0 ? names : ListNames{"dwl"});
  }
  const std::string long_text = R"({"helo_name":")" + std::string(300, 'h') + "\\u00e9\"}";
  for (const std::string& text : {
           std::string("{}"),
           std::string("[1,2]"),
           std::string("7"),
           long_text,
           std::string(R"({"rdns":"of a later version","os":7,"spf":null,"tls":["x"],"unheard_of":{"a":[1,"]"]}})"),
           std::string(R"({ "errors" : 2e0 , "size" : 1.5, "recipients":"3", "messages":null,"country":5 })"),
           std::string(R"({"lists":["zen",3,"","new"],"lists_clean":["d\u0062l"],"country":"us"})"),
           std::string(R"({"lists_clean":["zen"]})"),
           std::string(R"({"lists":null,"lists_clean":["zen"]})"),
           std::string(R"({"lists":"zen"})"),
           std::string(R"({"\u0072dns":"none","helo_name":"a\ud83d\ude00\n\u00ff"})"),
       }) {
    both(random_evidence(random, names), text, names);
  }
}

TEST(Evidence, TextThatIsNoJsonIsRefused) {
  for (const char* text : {"", "{", R"({"rdns")", R"({"rdns":)", R"({"rdns":"none")", R"({"rdns":"none",})",
                           R"({"x":[})", R"({"helo_name":"\ud800"})", R"({"errors":--1})"}) {
    Evidence evidence;
    ListNames names;
    std::string scratch;
    json::Scanner scanner(text, scratch);
    EXPECT_FALSE(evidence.apply(scanner, names)) << text;
  }
}

TEST(Evidence, NothingChangedIsAnEmptyObject) {
  std::string text;
  json::Writer writer(text);
  Evidence().append_changes(Evidence(), {}, writer);
  EXPECT_EQ(text, "{}");
}

TEST(Evidence, WhatALaterVersionWroteIsSkippedAndCounted) {
  Evidence evidence;
  ListNames names;
  std::uint32_t skipped = 0;
  evidence.apply(
      *json::parse(R"({"aura":"dark","rdns":"sideways","os":"windows","lists":["new"],"lists_clean":["old"]})"), names,
      &skipped);
  EXPECT_EQ(skipped, 2U);
  EXPECT_EQ(evidence.get<value::Os>(Signal::os), value::Os::windows);
  EXPECT_TRUE(evidence.is_unknown(Signal::rdns));
  ASSERT_EQ(names, (ListNames{"new", "old"}));
  EXPECT_EQ(evidence.lists_listed(), 1U);
  EXPECT_EQ(evidence.lists_answered(), 3U);
}

TEST(Evidence, MoreListsThanThereIsRoomForAreSkipped) {
  std::string text = R"({"lists":[)";
  for (std::size_t i = 0; i < kListsMax + 1; ++i) text += (i != 0 ? ",\"l" : "\"l") + std::to_string(i) + "\"";
  text += "]}";
  Evidence evidence;
  ListNames names;
  std::uint32_t skipped = 0;
  evidence.apply(*json::parse(text), names, &skipped);
  EXPECT_EQ(names.size(), kListsMax);
  EXPECT_EQ(skipped, 1U);
  EXPECT_EQ(evidence.lists_listed(), 0xffffffffU);
}

TEST(Evidence, EachSignalIsUnknownUntilItIsSet) {
  const Evidence evidence;
  for (const SignalInfo& signal : signals()) {
    EXPECT_TRUE(evidence.is_unknown(signal.signal)) << signal.name;
    EXPECT_EQ(evidence.show(signal.signal, {}), "unknown") << signal.name;
  }
}

TEST(Evidence, TextsKeepTheirPlaceAndTheirLimit) {
  Evidence evidence;
  for (const SignalInfo& signal : signals())
    if (signal.type == Type::text) evidence.set_text(signal.signal, signal.name);
  for (const SignalInfo& signal : signals())
    if (signal.type == Type::text) {
      EXPECT_EQ(evidence.text(signal.signal), signal.name);
    }
  evidence.set_text(Signal::helo_name, "mail\xff.example");
  EXPECT_EQ(evidence.text(Signal::helo_name), "mail?.example");
  evidence.set_text(Signal::helo_name, std::string(kTextMax, 'a'));
  EXPECT_EQ(evidence.text(Signal::helo_name).size(), kTextMax);
  evidence.set_text(Signal::helo_name, std::string(kTextMax + 1, 'a'));
  EXPECT_EQ(evidence.text(Signal::helo_name).size(), kTextMax);
}

TEST(Signals, NamesAndWordsAreFoundAgain) {
  for (const SignalInfo& signal : signals()) {
    EXPECT_EQ(find_signal(signal.name), signal.signal);
    EXPECT_EQ(signal.values.empty(), signal.type != Type::category) << signal.name;
    if (!signal.values.empty()) EXPECT_EQ(signal.values[0], "unknown") << signal.name;
    for (std::size_t i = 0; i < signal.values.size(); ++i)
      EXPECT_EQ(find_value(signal.signal, signal.values[i]), static_cast<std::uint8_t>(i)) << signal.name;
  }
  EXPECT_FALSE(find_signal("weather"));
  EXPECT_FALSE(find_value(Signal::os, "beos"));
  EXPECT_EQ(info(Signal::tls).values[static_cast<std::size_t>(value::Tls::tls1_3)], "tls1_3");
  EXPECT_EQ(info(Signal::helo).values[static_cast<std::size_t>(value::Helo::invalid)], "invalid");
  EXPECT_EQ(info(Signal::os).values[static_cast<std::size_t>(value::Os::other)], "other");
}

TEST(Signals, StagesActionsAndReasonsAreFoundAgain) {
  for (const char* word : {"connect", "helo", "mail", "rcpt", "data"}) EXPECT_EQ(to_string(*parse_stage(word)), word);
  for (const char* word : {"accept", "greylist", "throttle", "reject", "tag"})
    EXPECT_EQ(to_string(*parse_action(word)), word);
  EXPECT_FALSE(parse_action("quarantine"));
  EXPECT_FALSE(parse_action("discard"));
  EXPECT_EQ(to_string(*parse_reason("trap")), "trap");
  EXPECT_EQ(parse_reason("dmarc"), Reason::dmarc);
}

TEST(Evidence, CountriesAreTwoLetters) {
  EXPECT_EQ(country_text(parse_country("us")), "US");
  EXPECT_EQ(parse_country("U5"), 0);
  EXPECT_EQ(parse_country("USA"), 0);
  EXPECT_EQ(parse_country(""), 0);
}

}  // namespace
}  // namespace postern::evidence
