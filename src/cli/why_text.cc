#include "cli/why_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/text.h"
#include "cli/table.h"

namespace postern::cli {

namespace {

using evidence::Action;
using insight::Fate;
using insight::Why;
using json::Value;

constexpr std::size_t kRulesShownMax = 10;  // of those that were nearly true
constexpr std::size_t kAgainstMax = 2;      // comparisons that a rule failed by, to be called nearly true
constexpr std::size_t kTextShown = 200;

std::string safe(std::string_view text) { return printable(text, kTextShown); }

std::string nats(double value) {
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), "%+.2f", value);
  return {text.data(), static_cast<std::size_t>(std::max(size, 0))};
}

std::string endpoint(const Value& value) {
  const std::string address(value.at("address").string());
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(value.at("port").integer());
}

Colour colour_of(Action action) {
  switch (insight::fate_of(action)) {
    case Fate::refused:
      return Colour::red;
    case Fate::delayed:
      return Colour::yellow;
    case Fate::accepted:
      break;
  }
  return Colour::green;
}

// In the words of somebody who tells it.
std::string_view said(Action action) {
  switch (action) {
    case Action::accept:
      return "accepted";
    case Action::tag:
      return "accepted and tagged";
    case Action::greylist:
      return "told to come again";
    case Action::throttle:
      return "told to come later";
    case Action::reject:
      return "refused";
  }
  return "";
}

class Text {
 public:
  explicit Text(bool colour) : colour_(colour) {}
  void row(std::string_view name, const std::string& value) {
    if (value.empty()) return;
    out_ += "  " + std::string(name) + std::string(12 - std::min<std::size_t>(name.size(), 11), ' ') + value + "\n";
  }
  void title(const std::string& text) { out_ += "\n" + coloured(text, Colour::bold, colour_) + "\n"; }
  void line(const std::string& text) { out_ += text + "\n"; }
  [[nodiscard]] std::string shade(std::string_view text, Colour colour) const {
    return coloured(text, colour, colour_);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
  bool colour_;
};

std::string tls_text(const Value& tls) {
  if (tls.is_null()) return "in the clear";
  if (!tls.at("error").string().empty()) return "a TLS handshake failed: " + safe(tls.at("error").string());
  return safe(tls.at("version").string()) + " " + safe(tls.at("cipher").string());
}

std::string joined(const Value& array) {
  std::string out;
  for (const Value& entry : array.array()) out += (out.empty() ? "" : " ") + safe(entry.string());
  return out;
}

void write_session(Text& out, const Value& session) {
  out.title("Session " + safe(session.at("id").string()));
  out.row("when", safe(session.at("time").string()) + ", for " + human_duration(session.at("duration_ms").integer()));
  std::string who =
      endpoint(session.at("client")) + " (" + (session.at("family").string() == "ipv6" ? "IPv6" : "IPv4") + ")";
  if (const auto helo = session.at("helo").string(); !helo.empty()) who += ", which said " + safe(helo);
  out.row("who", who);
  out.row("known as", safe(session.at("state").at("identity").string()));
  out.row("history of", safe(session.at("state").at("known_by").string()));
  out.row("login", safe(session.at("login").string()));
  out.row("where to", safe(session.at("listener").string()) + " at " + endpoint(session.at("server")));
  out.row("over", tls_text(session.at("tls")));
  out.row("did", joined(session.at("outline")));
  for (const Value& text : session.at("odd").array()) out.row("odd", safe(text.string()));
  out.row("facts", joined(session.at("facts")));
  std::string end(safe(session.at("end").string()));
  if (const auto refusal = session.at("refusal").string(); !refusal.empty()) end += ": " + safe(refusal);
  out.row("ended by", end);
  const Value& state = session.at("state");
  if (!state.at("budget_level").string().empty()) {
    out.row("budget", std::to_string(std::lround(state.at("budget_load").real() * 100)) + " % used at " +
                          safe(state.at("budget_level").string()));
  }
}

void write_transactions(Text& out, const Why& why) {
  const auto& transactions = why.session.at("transactions").array();
  for (std::size_t i = 0; i < transactions.size(); ++i) {
    const Value& transaction = transactions[i];
    const std::string_view message = transaction.at("message").string();
    out.title("Mail " + std::to_string(i + 1) + (message.empty() ? "" : ", message " + safe(message)));
    out.row("from", "<" + safe(transaction.at("from").string()) + ">");
    for (const Value& recipient : transaction.at("to").array()) {
      out.row("to", "<" + safe(recipient.at("path").string()) + ">  " + std::to_string(recipient.at("code").integer()) +
                        " " + safe(recipient.at("enhanced").string()) + " " + safe(recipient.at("reason").string()));
    }
    std::string end(safe(transaction.at("reason").string()));
    if (transaction.at("code").integer() > 0) end = std::to_string(transaction.at("code").integer()) + " " + end;
    out.row("ended", end);
    if (transaction.at("size").integer() > 0) {
      out.row("size", human_bytes(static_cast<std::uint64_t>(transaction.at("size").integer())));
    }
    for (const Value& delivery : why.deliveries) {
      if (delivery.at("message").string() != message || message.empty()) continue;
      for (const Value& outcome : delivery.at("outcomes").array()) {
        out.row("delivery", safe(delivery.at("time").string()) + "  <" + safe(outcome.at("path").string()) + ">  " +
                                safe(outcome.at("state").string()) + " by " + safe(delivery.at("transport").string()) +
                                "  " + safe(outcome.at("reply").string()));
      }
    }
  }
}

void write_facts(Text& out, const Why::Decision& decision) {
  if (decision.facts.empty()) return;
  out.line("  known by then, and not before:");
  std::size_t width = 0;
  for (const Why::Fact& fact : decision.facts) width = std::max(width, evidence::info(fact.signal).name.size());
  for (const Why::Fact& fact : decision.facts) {
    const std::string_view name = evidence::info(fact.signal).name;
    out.line("    " + std::string(name) + std::string(width + 2 - name.size(), ' ') + safe(fact.value));
  }
}

void write_rules(Text& out, const policy::Explanation& explanation) {
  using Truth = policy::Answer::Truth;
  for (const policy::Answer& answer : explanation.answers) {
    if (answer.truth != Truth::yes) continue;
    out.line("  true:         " + safe(answer.rule) + " (" + std::string(to_string(answer.action)) +
             (answer.shadow ? ", in shadow: not enforced" : "") + ")");
  }
  std::size_t shown = 0;
  for (const policy::Answer& answer : explanation.answers) {
    if (answer.truth == Truth::yes || answer.against.empty() || answer.against.size() > kAgainstMax) continue;
    if (++shown > kRulesShownMax) continue;
    std::string against;
    for (const std::string& comparison : answer.against) against += (against.empty() ? "" : " and ") + safe(comparison);
    out.line("  nearly true:  " + safe(answer.rule) + " (" + std::string(to_string(answer.action)) + "), but for " +
             against + (answer.truth == Truth::unknown ? ", which is not known" : ""));
  }
  if (shown > kRulesShownMax)
    out.line("  ... and " + std::to_string(shown - kRulesShownMax) + " more; --json has them");
}

void write_score(Text& out, const Why::Decision& decision) {
  if (decision.score == 0 && decision.score_low == 0) return;
  std::string line =
      "  score:        " + nats(decision.score) + " nats, " + nats(decision.score_low) + " by what is sure";
  if (decision.explanation) {
    const auto at = [](double threshold) { return std::isfinite(threshold) ? nats(threshold) : std::string("never"); };
    line += "; delayed from " + at(decision.explanation->greylist_at) + ", refused from " +
            at(decision.explanation->reject_at);
  }
  out.line(line);
  if (!decision.explanation) return;
  for (const policy::Term& term : decision.explanation->terms) {
    std::string row = "    " + nats(term.nats) + "  " + safe(term.what);
    if (term.pinned) {
      row += "  (pinned by the operator)";
    } else {
      row += "  (" + std::to_string(std::lround(term.spam)) + " spam, " + std::to_string(std::lround(term.ham)) +
             " ham; sure " + nats(term.low) + ")";
    }
    out.line(row);
  }
}

void write_changes(Text& out, const Why::Decision& decision) {
  if (decision.changes.empty()) return;
  out.line("  each of these alone would have let it in:");
  for (const Why::Change& change : decision.changes) {
    std::string instead;
    for (const std::string& word : change.instead) instead += (instead.empty() ? "" : " or ") + safe(word);
    out.line("    " + std::string(evidence::info(change.signal).name) + " " + instead + " (it is " +
             safe(change.value) + ")");
  }
}

void write_decision(Text& out, const Why::Decision& decision, std::size_t number) {
  std::string title = "Decision " + std::to_string(number) + ", at " + std::string(to_string(decision.stage)) +
                      " after " + human_duration(decision.ms);
  if (!decision.recipient.empty()) title += ", about <" + safe(decision.recipient) + ">";
  out.title(title);
  std::string verdict = "  " + out.shade(said(decision.action), colour_of(decision.action));
  if (decision.rule == "score") {
    verdict += ", by the score of the evidence";
  } else if (decision.rule != "default") {
    verdict += ", by " + safe(decision.rule);
  }
  if (decision.reason != evidence::Reason::none) verdict += " (" + std::string(to_string(decision.reason)) + ")";
  if (!decision.enforced) verdict += "; told only, not done";
  out.line(verdict);
  for (const std::string& tag : decision.tags) out.line("  tagged:       " + safe(tag));
  if (!decision.explanation) {
    for (const std::string& rule : decision.shadow)
      out.line("  true:         " + safe(rule) + " (in shadow: not enforced)");
  }
  write_facts(out, decision);
  if (decision.explanation) write_rules(out, *decision.explanation);
  write_score(out, decision);
  write_changes(out, decision);
  if (!decision.way_out.empty()) out.line("  the way out:  " + decision.way_out);
}

}  // namespace

std::string why_text(const Why& why, bool colour) {
  Text out(colour);
  write_session(out, why.session);
  write_transactions(out, why);
  for (std::size_t i = 0; i < why.decisions.size(); ++i) write_decision(out, why.decisions[i], i + 1);
  const auto total = static_cast<std::size_t>(why.session.at("decisions_total").integer());
  if (total > why.decisions.size()) {
    out.line("\n" + std::to_string(total - why.decisions.size()) + " further decisions are not in the record");
  }
  if (!why.judged) {
    out.line("\nNo policy judged this session.");
  } else if (!why.same_policy) {
    out.line("\nThe policy has changed since: rules are named as recorded, and what else they said is not known.");
  }
  std::string text = out.take();
  if (text.starts_with('\n')) text.erase(0, 1);
  return text;
}

}  // namespace postern::cli
