// docs/signals.md has a section for each signal of the catalogue, in its order, and tells each of its values.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "evidence/signals.h"
#include "repository.h"

namespace postern::signals {
namespace {

struct Section {
  std::string name, text;
};

std::vector<Section> sections() {
  std::ifstream in(test::source_dir() / "docs/signals.md");
  EXPECT_TRUE(in) << "docs/signals.md";
  std::vector<Section> out;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("### ")) {
      out.push_back({line.substr(4), ""});
    } else if (line.starts_with("## ")) {
      continue;
    } else if (!out.empty()) {
      out.back().text += line + "\n";
    }
  }
  return out;
}

TEST(SignalsDoc, EverySignalHasItsSectionInOrder) {
  const std::vector<Section> found = sections();
  ASSERT_EQ(found.size(), evidence::kSignals);
  for (const evidence::SignalInfo& signal : evidence::signals()) {
    EXPECT_EQ(found[static_cast<std::size_t>(signal.signal)].name, signal.name);
  }
}

TEST(SignalsDoc, EverySectionTellsValuesStageCostAndWhatUnknownMeans) {
  for (const Section& section : sections()) {
    const auto signal = evidence::find_signal(section.name);
    ASSERT_TRUE(signal) << section.name;
    const evidence::SignalInfo& info = evidence::info(*signal);
    for (const std::string_view value : info.values) {
      EXPECT_TRUE(section.text.contains("`" + std::string(value) + "`")) << section.name << ": " << value;
    }
    EXPECT_TRUE(section.text.contains("Known at " + std::string(evidence::to_string(info.stage)))) << section.name;
    EXPECT_TRUE(section.text.contains("Cost: ")) << section.name;
    EXPECT_TRUE(section.text.contains("`unknown`: ")) << section.name;
    if (section.text.contains("DNS")) {
      EXPECT_TRUE(section.text.contains("Deadline: ") || section.text.contains("Cost: that of") ||
                  !section.text.contains("Cost: DNS"))
          << section.name;
    }
  }
}

}  // namespace
}  // namespace postern::signals
