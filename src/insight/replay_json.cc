#include "insight/intervals.h"
#include "insight/replay.h"

namespace postern::insight {

namespace {

void write_sender(const ChangedSender& sender, json::Writer& out) {
  out.begin_object().field("identity", sender.identity).field("sender_domain", sender.sender_domain);
  out.field("client", sender.client).field("family", sender.ipv6 ? "ipv6" : "ipv4");
  out.field("session", sender.session).field("sessions", sender.sessions);
  out.field("first", iso8601(sender.first)).field("last", iso8601(sender.last));
  out.field("before", to_string(sender.before)).field("rule", sender.rule).field("reason", sender.reason);
  out.field("later", to_string(sender.later)).field("signs", text_of(sender.signs));
  if (sender.unfinished) out.field("unfinished", true);
  out.end_object();
}

void write_senders(std::string_view key, const ChangedSenders& senders, json::Writer& out) {
  out.key(key).begin_array();
  for (const ChangedSender& sender : senders.listed) write_sender(sender, out);
  out.end_array();
}

void write_confusion(std::string_view key, const Confusion& confusion, json::Writer& out) {
  out.key(key).begin_object();
  for (const Truth truth : {Truth::ham, Truth::spam, Truth::unknown}) {
    const auto total = static_cast<double>(confusion.total(truth));
    out.key(to_string(truth)).begin_object().field("total", confusion.total(truth));
    for (const bool after : {false, true}) {
      out.key(after ? "after" : "before").begin_object();
      for (const Fate fate : {Fate::accepted, Fate::delayed, Fate::refused}) {
        const std::uint64_t count = after ? confusion.after(truth, fate) : confusion.before(truth, fate);
        const Interval share = wilson(static_cast<double>(count), total);
        out.key(to_string(fate)).begin_object().field("count", count);
        out.field("share", total > 0 ? static_cast<double>(count) / total : 0.0);
        out.field("low", share.low).field("high", share.high).end_object();
      }
      out.end_object();
    }
    out.end_object();
  }
  out.end_object();
}

void write_family(const ReplayReport::PerFamily& family, json::Writer& out) {
  out.begin_object().field("sessions", family.sessions).field("judged", family.judged);
  out.field("changed", family.changed).field("newly_refused", family.newly_refused);
  out.field("newly_delayed", family.newly_delayed).field("newly_accepted", family.newly_accepted);
  write_confusion("confusion", family.sessions_by_truth, out);
  write_confusion("sender_days", family.sender_days, out);
  out.end_object();
}

void write_delays(std::string_view key, const Delays& delays, bool after, json::Writer& out) {
  static constexpr std::array<std::string_view, Delays::kBounds.size()> kNames{"under_5m", "under_15m", "under_1h",
                                                                               "under_4h", "under_1d",  "longer"};
  out.key(key).begin_object();
  for (std::size_t i = 0; i < kNames.size(); ++i) out.field(kNames[i], delays.back[i]);
  out.field("not_back", delays.not_back);
  if (after) out.field("not_asked", delays.not_asked);
  out.end_object();
}

}  // namespace

void append_json(const ReplayReport& report, json::Writer& out) {
  const ReplayReport::PerFamily both = report.both();
  out.begin_object().field("sessions", both.sessions).field("changed", both.changed);
  out.field("judged", both.judged).field("decisions", report.decisions);
  out.field("decisions_changed", report.decisions_changed).field("reasons_changed", report.reasons_changed);
  out.field("scores_changed", report.scores_changed).field("by_this_policy", report.by_this_policy);
  out.key("lines").begin_object().field("total", report.lines.total()).field("sessions", report.lines.sessions);
  out.field("others", report.lines.others).field("damaged", report.lines.damaged).end_object();
  out.field("words_skipped", report.skipped).field("decisions_not_understood", report.not_understood);
  out.field("simulated", report.simulated);
  if (report.oldest > 0) out.field("oldest", iso8601(report.oldest)).field("newest", iso8601(report.newest));
  if (report.simulated) {
    const auto since = [&out](std::string_view key, const std::optional<WallMs>& time) {
      out.key(key);
      if (time)
        out.string(iso8601(*time));
      else
        out.null();
    };
    out.key("warm_since").begin_object();
    since("budgets", report.warm.budgets);
    since("greylist", report.warm.greylist);
    since("known", report.warm.known);
    out.end_object();
  }
  write_senders("newly_refused", report.newly_refused, out);
  write_senders("newly_delayed", report.newly_delayed, out);
  write_senders("newly_accepted", report.newly_accepted, out);
  out.key("sessions_newly").begin_object().field("refused", report.newly_refused.sessions);
  out.field("delayed", report.newly_delayed.sessions).field("accepted", report.newly_accepted.sessions).end_object();
  out.key("not_listed").begin_object().field("refused", report.newly_refused.not_listed);
  out.field("delayed", report.newly_delayed.not_listed).field("accepted", report.newly_accepted.not_listed);
  out.end_object();
  write_confusion("confusion", both.sessions_by_truth, out);
  write_confusion("sender_days", both.sender_days, out);
  out.field("not_in_confusion", report.not_in_confusion);
  out.key("ipv4");
  write_family(report.families[0], out);
  out.key("ipv6");
  write_family(report.families[1], out);
  out.key("delays").begin_object();
  write_delays("before", report.delays_before, false, out);
  write_delays("after", report.delays_after, true, out);
  out.end_object().end_object();
}

}  // namespace postern::insight
