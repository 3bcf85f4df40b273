// docs/refusals.md is rendered from the refusals themselves: a text cannot change without its page.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include "inbound/refusals.h"
#include "repository.h"
#include "smtp/server_texts.h"

namespace postern::inbound {
namespace {

const std::filesystem::path kPath = test::source_dir() / "docs/refusals.md";

// What the operator does who finds the reason word in a log or a record. The sender's remedy is in the text itself.
const std::map<std::string_view, std::string_view>& operator_advice() {
  static const std::map<std::string_view, std::string_view> advice = {
      {"too_many_sessions",
       "Nothing, unless a wanted sender needs more: `total` is `[limits] sessions`, `v6_64` is `sessions_per_v6_64`, "
       "and "
       "so on."},
      {"drain", "Nothing: the sender comes back after the restart."},
      {"timeout", "Nothing, unless many senders meet it: see `[timeouts] command`."},
      {"data_timeout",
       "Where one network meets it often, look for a path MTU problem on the way; see `[timeouts] data_block`."},
      {"session_timeout", "Nothing, unless senders with much mail meet it: see `[timeouts] session`."},
      {"unknown_user", "Add the mailbox or an alias to its `[[domain]]` if it should exist."},
      {"relay_denied",
       "Add the domain as a `[[domain]]` if it is yours; `[relay] from` lists the hosts that may relay."},
      {"storage_full",
       "Free space below `data_dir`, or raise `[spool] max_bytes`; `postern queue list` shows what waits."},
      {"storage", "Read the log for the error of the disk and mend it. Nothing that was acknowledged is lost."},
      {"bytes_in_flight", "Nothing, unless it stays: raise `[limits] bytes_in_flight` where there is memory."},
      {"tls_unavailable", "Read the log for what is wrong with the certificate, mend it, send SIGHUP."},
      {"bare_carriage_return", "Nothing: the sender's software is broken, or tries to smuggle a second message."},
      {"bare_line_feed", "Nothing: the sender's software is broken, or tries to smuggle a second message."},
      {"nul", "Nothing: the sender must encode such content."},
      {"line_too_long", "Raise `[limits] text_line` if such mail is wanted."},
      {"too_large", "Raise `[limits] message_size` if such mail is wanted."},
      {"loop", "Read the message's Received fields: two hosts forward to each other. See `[limits] received_fields`."},
      {"header_too_large", "Nothing, unless wanted mail meets it: raise `[limits] header_size` or `header_fields`."},
      {"too_many_recipients", "Split the alias that expands to so many mailboxes."},
      {"other_next_hop",
       "Nothing: the sender sends to this recipient in a transaction of its own. `[[domain]] before_accept` made the "
       "difference."},
      {"next_hop", "Ask the server behind this one (`[[domain]] deliver`), whose reply it is."},
      {"next_hop_silent", "Look after the server behind this one: `postern queue list` has what waits for it."},
      {"hold_too_long", "Nothing: the submitter asks for less."},
      {"hold_beyond_by", "Nothing: the submitter asks for one of the two."},
      {"srs_forged",
       "Nothing, unless `data_dir/srs.secret` was lost: what was rewritten with another secret is unknown."},
      {"srs_expired", "Nothing: a notification does not take three weeks."},
      {"login_failed",
       "Nothing, where it is one user: `postern user passwd` gives him another password. The log's `login_failed` "
       "tells "
       "who tries from where."},
      {"login_malformed", "Nothing: the client is broken, or guesses."},
      {"login_unavailable",
       "Read the log's `login_unavailable`: Dovecot's socket does not answer (`[auth] dovecot`), or too many log in at "
       "once."},
      {"login_budget",
       "Nothing: it ends by itself. `[defence.budget]` sets the sizes, and `cost_login_failed` the price of a "
       "failure."},
      {"sender_not_yours",
       "Give the user the address with `identities` in a `[[login]]`, or with an alias that leads to him."},
      {"author_not_yours",
       "Give the user the address with `identities` in a `[[login]]`, or with an alias that leads to him."},
      {"author_missing", "Nothing: the client's messages have no author."},
      {"author_twice", "Nothing: the client is broken."},
      {"author_malformed", "Nothing: the client is broken."},
      {"user_messages",
       "Look what the user sends (`postern queue list`): a password may be stolen. Where he needs more, raise "
       "`messages_per_hour` or `messages_per_day` in his `[[login]]`."},
      {"user_recipients",
       "Look what the user sends (`postern queue list`): a password may be stolen. Where he needs more, raise "
       "`new_recipients_per_hour` or `new_recipients_per_day` in his `[[login]]`."},
      {"budget",
       "Nothing: it ends by itself. `postern why` tells the prefix; `postern allow` spares a sender, "
       "`[defence.budget]` sets the sizes."},
      {"greylisted",
       "Nothing: the sender comes back. `postern allow` spares one for good; `[policy] greylist` and "
       "`[defence.greylist]` decide for all."},
      {"rule", "`postern why` names the rule, which is one of `[[policy.rule]]`."},
      {"operator_deny", "`postern deny --list` shows who was denied; `postern deny SUBJECT --remove` takes it back."},
      {"country",
       "`postern allow` lets one sender in; `[policy] home` is the list of countries, `postern stats --countries` "
       "proposes one."},
      {"evidence",
       "`postern why` tells what each signal added; `[policy] reject_at` is the limit, `[[policy.pin]]` sets a weight "
       "by hand."},
      {"dmarc",
       "The author's domain asked for it. `postern allow` lets a forwarder in; `[policy] dmarc_reject` decides for "
       "all."},
      {"reverse_dns", "A rule with that reason; the sender's operator has to set up his reverse DNS."},
      {"protocol", "Nothing: the client is no mail server, or broken. `postern allow` lets it in all the same."},
      {"forged_helo",
       "Nothing, unless the client is a machine of yours with the same name: list it in `[relay] from`, or `postern "
       "allow` it."},
      {"list", "`postern why` tells the list; its weight is in `[[policy.list]]`. `postern allow` lets one sender in."},
      {"history",
       "Nothing: the mail comes again. Its sender's reverse DNS or SPF record could not be looked up; what would be "
       "refused for want of a history is put off until it can. `postern allow` lets it in at once."},
      {"tls_required", "`[policy] require_tls`; RFC 3207 section 4 forbids it for a public MX."},
      {"authentication_required", "A rule with that reason."},
      {"trap", "Nothing: the session wrote to a spamtrap of yours (`[[domain]] traps`)."},
      {"other_policy",
       "Nothing: the sender sends to this recipient in a transaction of its own. `[[policy.for]]` made the "
       "difference."},
  };
  return advice;
}

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string in_code(std::string_view text) { return "`" + cell(text) + "`"; }

void row(std::string& out, int code, const std::string& enhanced, std::string_view text, std::string_view reason,
         std::string_view advice) {
  out += "| " + std::to_string(code) + " | " + enhanced + " | " + in_code(text) + " |";
  if (!reason.empty()) out += " " + in_code(reason) + " | " + std::string(advice) + " |";
  out += '\n';
}

std::string render() {
  std::string out = R"(# Refusals

Rendered by the unit test `Refusals.ThePageSaysWhatTheServerSays`; do not edit (`POSTERN_WRITE_DOCS=1` rewrites it).

Every refusal is a reply code, an enhanced status code (RFC 3463), one sentence with what the sender can do, and the session's
id in brackets: `550 5.1.1 <nobody@example.org>: no such mailbox here; check the address [06ETWZYA4R0G3K7V]`. The id finds the
session's record and its lines in the log. Codes that begin with 4 are temporary: the sender keeps the message and tries again.
Those that begin with 5 are final. At connect only budgets speak, and they say 421.

No two texts are equal, so that one line of a sender's log names the rule. Scripts may rely on codes and reason words.

## Decisions

What was decided about a connection, a recipient or a message. The reason word stands in the log and in the record (records.md).
Names, numbers and limits inside the texts are examples.

| code | enhanced | text | reason | what to do here |
|---|---|---|---|---|
)";
  for (const Refusal& refusal : refusals::all()) {
    const auto advice = operator_advice().find(refusal.reason);
    row(out, refusal.reply.code, refusal.reply.enhanced.text(), refusal.reply.text, refusal.reason,
        advice == operator_advice().end() ? std::string_view("?") : advice->second);
  }
  out += R"(
## Grammar, order and limits of the protocol

What the SMTP automaton answers by itself: the client's software is to be mended, nothing is to be done here. Faults of syntax
and order count as errors of the session (`errors` in its record). A text that ends with a colon is followed by what was wrong.
With 421 the session ends, and the text stands in the record's `refusal`.

| code | enhanced | text |
|---|---|---|
)";
  for (const smtp::ServerText& text : smtp::texts::kRefusals) {
    std::string_view words = text.text;
    while (words.ends_with(' ')) words.remove_suffix(1);
    row(out, text.code, text.enhanced.text(), words, {}, {});
  }
  return out;
}

TEST(Refusals, ThePageSaysWhatTheServerSays) {
  const std::string expected = render();
  const char* rewrite = std::getenv("POSTERN_WRITE_DOCS");  // NOLINT(concurrency-mt-unsafe): one thread
  if (rewrite != nullptr && std::string_view(rewrite) == "1") {
    std::ofstream out(kPath, std::ios::binary);
    ASSERT_TRUE(out << expected) << kPath;
  }
  std::ifstream in(kPath, std::ios::binary);
  ASSERT_TRUE(in) << kPath << " is missing";
  const std::string found{std::istreambuf_iterator<char>(in), {}};
  EXPECT_EQ(found, expected) << "docs/refusals.md is out of date; run POSTERN_WRITE_DOCS=1 inbound_test "
                                "--gtest_filter=Refusals.ThePageSaysWhatTheServerSays and commit the page";
}

TEST(Refusals, EachReasonHasItsAdvice) {
  std::set<std::string_view> reasons;
  for (const Refusal& refusal : refusals::all()) {
    EXPECT_TRUE(operator_advice().contains(refusal.reason)) << refusal.reason;
    reasons.insert(refusal.reason);
  }
  for (const auto& [reason, advice] : operator_advice()) {
    EXPECT_TRUE(reasons.contains(reason)) << reason << " is no reason any more";
  }
}

TEST(Refusals, NoTextIsSharedWithTheAutomaton) {
  std::set<std::string> texts;
  for (const Refusal& refusal : refusals::all()) texts.insert(refusal.reply.text);
  for (const smtp::ServerText& text : smtp::texts::kRefusals) {
    EXPECT_TRUE(texts.insert(std::string(text.text)).second) << text.text;
  }
}

}  // namespace
}  // namespace postern::inbound
