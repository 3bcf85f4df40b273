// Golden dialogues: tests/dialogue/NAME.in is what a client sends and how the caller decides, NAME.ref what comes of
// it. Each is run whole, octet by octet, and split in two at every place; the transcript must be the same each time.
//
// NAME.in: lines up to "---" set the stage: "# comment", "option KEY VALUE", "on KIND [<MATCH>] accept|refuse CODE
// D.S.D TEXT| challenge BASE64". Behind it each line is sent with CRLF; escapes \r \n \0 \t \\ \xNN; a line that ends
// in \c is sent without CRLF; "%tls" lets the TLS handshake happen; "%repeat N TEXT" sends a line N times.
// POSTERN_WRITE_REF=1 writes the .ref files anew, to be read before they are believed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "repository.h"
#include "unit/smtp/scripted_caller.h"

namespace postern::smtp::test {
namespace {

namespace fs = std::filesystem;

struct Dialogue {
  ServerOptions options;
  std::vector<Rule> rules;
  std::string future_release;                        // offer_to_submitter()
  std::vector<std::string> segments{std::string()};  // a TLS handshake between each two
};

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    switch (text[++i]) {
      case 'r':
        out.push_back('\r');
        break;
      case 'n':
        out.push_back('\n');
        break;
      case '0':
        out.push_back('\0');
        break;
      case 't':
        out.push_back('\t');
        break;
      case 'x':
        out += from_hex(text.substr(i + 1, 2)).value_or("?");
        i += 2;
        break;
      default:
        out.push_back(text[i]);
    }
  }
  return out;
}

std::string_view word(std::string_view& text) {
  const std::string_view first = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(text.size(), first.size() + 1));
  return first;
}

void set_option(Dialogue& d, std::string_view key, std::string_view value) {
  const auto number = parse_unsigned(value).value_or(0);
  const auto small = static_cast<std::uint32_t>(number);
  ServerLimits& limits = d.options.limits;
  if (key == "starttls")
    d.options.starttls = value == "on";
  else if (key == "chunking")
    d.options.chunking = value == "on";
  else if (key == "smtputf8")
    d.options.smtputf8 = value == "on";
  else if (key == "auth")
    d.options.auth = value;
  else if (key == "dsn")
    d.options.dsn = value == "on";
  else if (key == "submitter")
    d.future_release = value;
  else if (key == "recipients")
    limits.recipients = small;
  else if (key == "errors")
    limits.errors = small;
  else if (key == "size")
    limits.message_size = number;
  else if (key == "command_line")
    limits.command_line = number;
  else if (key == "transactions")
    limits.transactions = small;
  else
    FAIL() << "unknown option " << key;
}

Dialogue read(const fs::path& file) {
  Dialogue d;
  d.options.hostname = "mx.example.org";
  std::ifstream in(file, std::ios::binary);
  std::string line;
  bool stage = true;
  while (std::getline(in, line)) {
    std::string_view rest = line;
    if (stage) {
      if (rest == "---") {
        stage = false;
      } else if (rest.starts_with("option ")) {
        word(rest);
        const auto key = word(rest);
        set_option(d, key, rest);
      } else if (rest.starts_with("on ")) {
        word(rest);
        Rule rule;
        rule.kind = word(rest);
        if (rest.starts_with('<')) {
          const auto match = word(rest);
          rule.match = match.substr(1, match.size() - 2);
        }
        const auto action = word(rest);
        if (action == "refuse") {
          rule.action = Rule::Action::refuse;
          const auto code = static_cast<int>(parse_unsigned(word(rest)).value_or(0));
          const auto parts = split(word(rest), '.');
          const auto at = [&](std::size_t i) {
            return static_cast<std::uint16_t>(parse_unsigned(parts.at(i)).value_or(0));
          };
          rule.reply = Reply(code, {static_cast<std::uint8_t>(at(0)), at(1), at(2)}, std::string(rest));
        } else if (action == "challenge") {
          rule.action = Rule::Action::challenge;
          rule.base64 = rest;
        }
        d.rules.push_back(std::move(rule));
      } else {
        EXPECT_TRUE(rest.empty() || rest.starts_with('#')) << file << ": " << line;
      }
      continue;
    }
    if (rest == "%tls") {
      d.segments.emplace_back();
    } else if (rest.starts_with("%repeat ")) {
      word(rest);
      const auto times = parse_unsigned(word(rest)).value_or(0);
      for (std::uint64_t i = 0; i < times; ++i) d.segments.back() += unescape(rest) + "\r\n";
    } else if (rest.ends_with("\\c")) {
      d.segments.back() += unescape(rest.substr(0, rest.size() - 2));
    } else {
      d.segments.back() += unescape(rest) + "\r\n";
    }
  }
  return d;
}

// Splits the whole conversation after `first` octets, or into single octets.
std::string run(const Dialogue& d, std::size_t first, bool single) {
  ScriptedCaller caller(d.options, d.rules);
  if (!d.future_release.empty()) caller.machine.offer_to_submitter(d.future_release);
  caller.greet();
  std::size_t done = 0;
  for (std::size_t s = 0; s < d.segments.size(); ++s) {
    if (s > 0) caller.start_tls();
    const std::string_view text = d.segments[s];
    if (single) {
      for (std::size_t i = 0; i < text.size(); ++i) caller.feed(text.substr(i, 1));
    } else {
      const std::size_t cut = first > done ? std::min(first - done, text.size()) : 0;
      if (cut > 0) caller.feed(text.substr(0, cut));
      caller.feed(text.substr(cut));
    }
    done += text.size();
  }
  std::string out = caller.finish();
  const std::uint32_t facts = caller.machine.facts() & ~kArrivalFacts;
  out += "facts " + std::to_string(facts) + ", " + std::to_string(caller.machine.command_count()) + " commands, " +
         std::to_string(caller.machine.error_count()) + " errors\noutline";
  for (const Exchange& exchange : caller.machine.outline()) {
    out += std::string(" ") + exchange.verb + std::to_string(exchange.code);
  }
  return out + "\n";
}

std::vector<fs::path> dialogues() {
  std::vector<fs::path> files;
  for (const auto& file : fs::directory_iterator(postern::test::source_dir() / "tests" / "dialogue")) {
    if (file.path().extension() == ".in") files.push_back(file.path());
  }
  std::ranges::sort(files);
  return files;
}

TEST(Dialogue, EachSaysTheSameHoweverItIsSplit) {
  const auto files = dialogues();
  ASSERT_GE(files.size(), 25U);
  for (const fs::path& file : files) {
    SCOPED_TRACE(file.filename().string());
    const Dialogue d = read(file);
    fs::path ref = file;
    ref.replace_extension(".ref");
    const std::string whole = run(d, 0, false);
    if (std::getenv("POSTERN_WRITE_REF") != nullptr) std::ofstream(ref, std::ios::binary) << whole;
    std::ifstream in(ref, std::ios::binary);
    std::stringstream expected;
    expected << in.rdbuf();
    EXPECT_EQ(expected.str(), whole);
    EXPECT_EQ(whole, run(d, 0, true)) << "octet by octet";
    std::size_t total = 0;
    for (const std::string& segment : d.segments) total += segment.size();
    const std::size_t stride = total > 4000 ? 37 : 1;  // long ones repeat themselves
    for (std::size_t at = 1; at < total; at += stride) ASSERT_EQ(whole, run(d, at, false)) << "split at " << at;
  }
}

}  // namespace
}  // namespace postern::smtp::test
