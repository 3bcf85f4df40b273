// postfix-grok-patterns' test cases and crowdsec's log lines (postfix-logs). Every field that a case expects is found
// under the name that is its own without "postfix_", but for those in kNames; every line of crowdsec's is understood.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "base/text.h"
#include "maillog/fields.h"
#include "repository.h"

namespace postern::maillog {
namespace {

namespace fs = std::filesystem;

fs::path suite() { return postern::test::suite_dir("postfix-logs"); }

// One name here for what the patterns have several for, by the daemon.
const std::map<std::string, std::string> kNames{
    {"smtp_response", "response"},
    {"local_response", "response"},
    {"pipe_response", "response"},
    {"error_response", "response"},
    {"postscreen_cache_retained", "cache_retained"},
    {"postscreen_cache_dropped", "cache_dropped"},
    {"verify_cache_retained", "cache_retained"},
    {"verify_cache_dropped", "cache_dropped"},
    {"verify_cleanup_type", "cache_cleanup_type"},
};

struct Case {
  std::string data;
  std::map<std::string, std::string> results;
};

// A scalar of YAML as these files have them: plain, or in double quotes with escapes.
std::string scalar(std::string_view text) {
  text = trim(text);
  if (!text.starts_with('"')) return std::string(text);
  std::string out;
  for (std::size_t i = 1; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    ++i;
    out += text[i] == 'n' ? '\n' : text[i] == 'r' ? '\r' : text[i];
  }
  return out;
}

Case read_case(const fs::path& file) {
  Case out;
  std::ifstream in(file);
  bool results = false;
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(':');
    if (line.starts_with('#') || colon == std::string::npos) continue;
    const std::string key(trim(std::string_view(line).substr(0, colon)));
    const std::string value = scalar(std::string_view(line).substr(colon + 1));
    if (!line.starts_with(' ')) {
      results = key == "results";
      if (key == "data") out.data = value;
    } else if (results) {
      EXPECT_TRUE(key.starts_with("postfix_")) << file;
      out.results[key.substr(8)] = value;
    }
  }
  return out;
}

// The patterns for parts of a line, in a line that has such a part.
std::string message_of(const std::string& what, const std::string& data) {
  if (what == "command_counter_data") return "disconnect from a.example[192.0.2.1] " + data;
  if (what == "delays")
    return "0D9633D: to=<a@b.example>, relay=none, delay=1, delays=" + data + ", dsn=2.0.0, status=sent (ok)";
  if (what == "relay") return "0D9633D: to=<a@b.example>, relay=" + data + ", delay=1, dsn=2.0.0, status=sent (ok)";
  if (what == "tls_features" && data.find('=') == std::string::npos)
    return "0D9633D: to=<a@b.example>, relay=none, delay=1, tls=" + data + ", dsn=2.0.0, status=sent (ok)";
  return data;
}

std::string daemon_of(std::string what) {
  if (what == "command_counter_data") return "smtpd";
  if (what == "delays" || what == "relay" || what == "tls_features") return "smtp";
  std::ranges::replace(what, '_', '-');
  return what;
}

TEST(PostfixLogs, GrokPatterns) {
  const fs::path folder = suite() / "grok-patterns";
  if (!fs::exists(folder)) GTEST_SKIP() << "no " << folder;
  std::size_t cases = 0;
  std::size_t fields = 0;
  for (const auto& file : fs::directory_iterator(folder)) {
    if (file.path().extension() != ".yaml") continue;
    const Case of = read_case(file.path());
    ASSERT_FALSE(of.data.empty()) << file;
    ASSERT_FALSE(of.results.empty()) << file;
    const std::string stem = file.path().stem();
    const std::string what = stem.substr(0, stem.rfind('_'));
    const auto daemon = daemon_named(daemon_of(what));
    ASSERT_TRUE(daemon) << file;
    ++cases;
    Event event;
    const std::string message = message_of(what, of.data);
    read_postfix(*daemon, message, event);
    EXPECT_NE(event.kind, Kind::unknown) << file << ": " << message;
    std::vector<Field> found;
    append_fields(event, found);
    for (const auto& [name, expected] : of.results) {
      ++fields;
      const auto other = kNames.find(name);
      const std::string_view ours = other == kNames.end() ? std::string_view(name) : std::string_view(other->second);
      const auto at = std::ranges::find(found, ours, &Field::name);
      if (at == found.end()) {
        ADD_FAILURE() << file << ": no " << ours << " (" << expected << ") in " << of.data;
        continue;
      }
      std::string_view want = expected;
      // Some patterns take the comma that ends the pairs with them.
      if (name == "keyvalue_data" && want.ends_with(',')) want.remove_suffix(1);
      EXPECT_EQ(at->value, want) << file << ": " << ours;
    }
  }
  EXPECT_EQ(cases, 96U);
  EXPECT_GT(fields, 250U);
}

TEST(PostfixLogs, Crowdsec) {
  const fs::path folder = suite() / "crowdsec";
  if (!fs::exists(folder)) GTEST_SKIP() << "no " << folder;
  std::size_t lines = 0;
  for (const auto& file : fs::directory_iterator(folder)) {
    if (file.path().extension() != ".log") continue;
    std::ifstream in(file.path());
    for (std::string text; std::getline(in, text);) {
      if (text.empty()) continue;
      const Line line = split_line(text);
      ++lines;
      EXPECT_EQ(line.origin, Origin::postfix) << text;
      EXPECT_TRUE(time_of(line, {.now = 1795392000000})) << text;
      Event event;
      read_event(line, event);
      EXPECT_NE(event.kind, Kind::unknown) << text;
      EXPECT_TRUE(event.host.known()) << text;
    }
  }
  EXPECT_EQ(lines, 30U);
}

}  // namespace
}  // namespace postern::maillog
