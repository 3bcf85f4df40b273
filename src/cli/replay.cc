// `postern replay`: recorded traffic under another policy.
#include <algorithm>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/record_source.h"
#include "cli/simulation.h"
#include "cli/table.h"
#include "insight/intervals.h"
#include "insight/replay.h"

namespace postern::cli {

namespace {

using insight::ChangedSender;
using insight::ChangedSenders;
using insight::Confusion;
using insight::Delays;
using insight::Fate;
using insight::ReplayReport;
using insight::Truth;

constexpr std::size_t kShownMax = 50;  // senders of each kind on a page; --json has all

std::string plural(std::uint64_t count, std::string_view thing) {
  return std::to_string(count) + " " + std::string(thing) + (count == 1 ? "" : "s");
}

std::string times(const ChangedSender& sender) {
  const std::string first = iso8601(sender.first).substr(0, 16);
  return sender.sessions == 1 ? first : first + " to " + iso8601(sender.last).substr(0, 16);
}

void print_senders(const std::string& title, const ChangedSenders& senders) {
  if (senders.sessions == 0) return;
  print("\n" + title + ": " + plural(senders.listed.size(), "sender") + " in " + plural(senders.sessions, "session") +
        "\n");
  Table table(
      {{"sender"}, {"domain"}, {"client"}, {"sessions", true}, {"when (UTC)"}, {"before"}, {"by"}, {"later"}, {"id"}},
      colour_wanted());
  // What an administrator must see first: mail that was wanted.
  std::vector<const ChangedSender*> order;
  for (const ChangedSender& sender : senders.listed) order.push_back(&sender);
  const auto rank = [](Truth truth) { return truth == Truth::ham ? 0 : truth == Truth::unknown ? 1 : 2; };
  std::ranges::sort(order, [&](const ChangedSender* a, const ChangedSender* b) {
    return std::tuple(rank(a->later), b->sessions, a->first, a->session) <
           std::tuple(rank(b->later), a->sessions, b->first, b->session);
  });
  for (std::size_t i = 0; i < order.size() && i < kShownMax; ++i) {
    const ChangedSender& sender = *order[i];
    const std::string later =
        std::string(to_string(sender.later)) + (sender.signs != 0 ? " (" + insight::text_of(sender.signs) + ")" : "");
    table.add({{printable(sender.identity, 60)},
               {printable(sender.sender_domain, 60)},
               {sender.client},
               {std::to_string(sender.sessions)},
               {times(sender)},
               {std::string(to_string(sender.before))},
               {printable(sender.rule, 40)},
               {later, sender.later == Truth::ham    ? Colour::green
                       : sender.later == Truth::spam ? Colour::red
                                                     : Colour::dim},
               {sender.session, Colour::dim}});
  }
  print(table.take());
  if (order.size() > kShownMax)
    print("... and " + std::to_string(order.size() - kShownMax) + " more; --json has them\n");
  if (senders.not_listed > 0)
    print("... and " + plural(senders.not_listed, "session") + " of senders beyond the list\n");
  if (std::ranges::any_of(senders.listed, &ChangedSender::unfinished)) {
    print("Their messages were never seen: what would be said at the end of DATA is not known.\n");
  }
}

void print_confusion(const std::string& title, const Confusion& confusion) {
  if (confusion.total(Truth::ham) + confusion.total(Truth::spam) + confusion.total(Truth::unknown) == 0) return;
  print("\n" + title + "\n");
  Table table({{""}, {"total", true}, {"", true}, {"before", true}, {"after", true}, {"share"}, {"95 %"}},
              colour_wanted());
  for (const Truth truth : {Truth::ham, Truth::spam, Truth::unknown}) {
    const std::uint64_t total = confusion.total(truth);
    if (total == 0) continue;
    bool first = true;
    for (const Fate fate : {Fate::accepted, Fate::delayed, Fate::refused}) {
      const std::uint64_t after = confusion.after(truth, fate);
      const insight::Interval share = insight::wilson(static_cast<double>(after), static_cast<double>(total));
      table.add(
          {{first ? std::string(to_string(truth)) : ""},
           {first ? std::to_string(total) : ""},
           {std::string(to_string(fate))},
           {std::to_string(confusion.before(truth, fate))},
           {std::to_string(after),
            truth == Truth::ham && fate != Fate::accepted && after > confusion.before(truth, fate) ? Colour::red
                                                                                                   : Colour::none},
           {percent(static_cast<double>(after) / static_cast<double>(total))},
           {percent(share.low) + " to " + percent(share.high), Colour::dim}});
      first = false;
    }
  }
  print(table.take());
}

void print_delays(const ReplayReport& report) {
  static constexpr std::array<const char*, Delays::kBounds.size()> kNames{"up to 5 min", "up to 15 min", "up to 1 h",
                                                                          "up to 4 h",   "up to 1 day",  "longer"};
  const auto any = [](const Delays& delays) {
    return delays.not_back + delays.not_asked > 0 || std::ranges::any_of(delays.back, [](auto n) { return n > 0; });
  };
  if (!any(report.delays_before) && !any(report.delays_after)) return;
  print("\nDelays of senders who were told to come again\n");
  Table table({{""}, {"before", true}, {"after", true}}, colour_wanted());
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    table.add(
        {{kNames[i]}, {std::to_string(report.delays_before.back[i])}, {std::to_string(report.delays_after.back[i])}});
  }
  table.add({{"did not come back"},
             {std::to_string(report.delays_before.not_back)},
             {std::to_string(report.delays_after.not_back)}});
  table.add({{"were not asked to then"}, {"-"}, {std::to_string(report.delays_after.not_asked)}});
  print(table.take());
}

void print_warmth(const ReplayReport& report) {
  if (!report.simulated) return;
  const auto since = [](const std::optional<WallMs>& time) {
    return time ? "warm since " + iso8601(*time) : std::string("never warm: the records do not reach that far");
  };
  print("Simulated from cold: budgets " + since(report.warm.budgets) + "; greylist " + since(report.warm.greylist) +
        "; known senders " + since(report.warm.known) + "\n");
}

void print_report(const ReplayReport& report) {
  const ReplayReport::PerFamily both = report.both();
  if (both.sessions == 0) {
    print("No sessions are recorded.\n");
    return;
  }
  print(iso8601(report.oldest) + " to " + iso8601(report.newest) + "\n");
  print(plural(both.sessions, "session") + ", " + std::to_string(both.judged) + " judged, " +
        std::to_string(report.by_this_policy) + " of them by this very policy\n");
  print(plural(both.changed, "session") + " would change (IPv4 " + std::to_string(report.families[0].changed) + " of " +
        std::to_string(report.families[0].sessions) + ", IPv6 " + std::to_string(report.families[1].changed) + " of " +
        std::to_string(report.families[1].sessions) + "); of " + plural(report.decisions, "decision") + " " +
        std::to_string(report.decisions_changed) + " by what is done, " + std::to_string(report.reasons_changed) +
        " by rule or reason alone\n");
  if (report.lines.damaged > 0) print(plural(report.lines.damaged, "damaged line") + " passed over\n");
  if (report.skipped + report.not_understood > 0) {
    print(std::to_string(report.skipped + report.not_understood) + " words of another version were not understood\n");
  }
  print_warmth(report);
  print_senders("Newly refused", report.newly_refused);
  print_senders("Newly delayed", report.newly_delayed);
  print_senders("Newly accepted", report.newly_accepted);
  print_confusion("What became of mail, by what is known of its sender now (one a sender and day)", both.sender_days);
  for (const bool ipv6 : {false, true}) {
    print_confusion(ipv6 ? "IPv6 alone" : "IPv4 alone", report.families[ipv6 ? 1 : 0].sender_days);
  }
  print_delays(report);
}

}  // namespace

int run_replay(const ReplayOptions& options) {
  const auto [source, code] = find_records(options.common, options.common.clock());
  if (!source) return code;
  const auto policy = policy_of_file(options.policy);
  auto marks = read_marks(*source);
  if (!policy || !marks) return kNegative;
  std::unique_ptr<insight::SimulatedState> state;
  if (options.resimulate) {
    const auto simulation = simulation_of(options.policy);
    if (!simulation) return kNegative;
    state = insight::simulate(*simulation);
  }
  insight::Replay replay(*policy->judge, policy->lists, *std::move(marks), state.get());
  insight::LineCount lines;
  {
    ProgressBar bar("replaying");
    const auto read = insight::read_sessions(
        source->sources, [&](const record::SessionView& session) { replay.add(session); },
        [&](std::uint64_t done, std::uint64_t total) { bar.show(done, total); });
    if (!read) {
      complain(read.error().what);
      return kNegative;
    }
    lines = *read;
  }
  const ReplayReport report = replay.finish(lines);
  if (options.common.json) {
    std::string out;
    json::Writer writer(out);
    append_json(report, writer);
    print(out + "\n");
  } else {
    print_report(report);
  }
  return kOk;
}

}  // namespace postern::cli
