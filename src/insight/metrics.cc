#include "insight/metrics.h"

#include <algorithm>
#include <array>

namespace postern::insight {

namespace {

using enum MetricType;

constexpr auto kMetrics = std::to_array<MetricInfo>({
    {"io_accept_paused_total", counter, "", "Times that accepting stopped for want of file descriptors."},
    {"io_accepted_total", counter, "", "Connections accepted, on all listeners and the control socket."},
    {"io_task_exceptions_total", counter, "", "Tasks that ended with an exception: each is a defect."},
    {"postern_authentication_total", counter, "method, result",
     "Messages authenticated, by method and result (RFC 8601); of several DKIM signatures the best."},
    {"postern_budgets_evicted_total", counter, "",
     "Prefixes that were pushed out of the table of budgets while loaded."},
    {"postern_budgets_saturation_percent", gauge, "",
     "Share of the table of budgets that is pushed out while a prefix does one event; over 50 it is too small."},
    {"postern_build_info", gauge, "version", "1; the version is in the label."},
    {"postern_delivery_attempt_seconds", histogram, "transport", "How long delivery attempts took."},
    {"postern_delivery_recipients_total", counter, "transport, family, tls, state",
     "Recipients of delivery attempts, by what became of them; tls is clear, anonymous or certified."},
    {"postern_dns_lookup_failures_total", counter, "", "Look-ups that ended without an answer: timeout, SERVFAIL."},
    {"postern_dns_lookup_seconds", histogram, "", "How long look-ups took that our own cache could not answer."},
    {"postern_dns_lookups_total", counter, "", "Look-ups that our own cache could not answer."},
    {"postern_dns_resolver_dead", gauge, "", "1 while no name server answers: mail flows, names are unknown."},
    {"postern_dns_resolver_deaths_total", counter, "", "Times that no name server answered any more."},
    {"postern_dns_stale_answers_total", counter, "", "Expired answers that were used because no name server answered."},
    {"postern_greylist_evicted_total", counter, "", "First attempts that were forgotten within their window."},
    {"postern_greylisted_total", counter, "", "Recipients and messages told to come again by the greylist."},
    {"postern_known_evicted_total", counter, "", "Known senders that newcomers pushed out: the table is too small."},
    {"postern_known_full_percent", gauge, "",
     "Share of the table of known senders that is taken by such who are not forgotten yet, from a sample."},
    {"postern_logins_failed_total", counter, "", "Logins that failed."},
    {"postern_logins_total", counter, "", "Logins that succeeded."},
    {"postern_messages_accepted_total", counter, "", "Messages answered 250."},
    {"postern_messages_refused_total", counter, "", "Messages refused or put off at their end."},
    {"postern_notifications_total", counter, "", "Delivery status notifications that were sent."},
    {"postern_picked_up_messages_total", counter, "",
     "Messages that programs of this machine left (postern sendmail)."},
    {"postern_policy_refused_total", counter, "", "Recipients and messages that the policy refused."},
    {"postern_queue_failed_recipients", gauge, "",
     "Recipients that failed and of whom nobody can be told: look at them."},
    {"postern_queue_held", gauge, "", "Messages in the queue that the operator holds."},
    {"postern_queue_latency_seconds", histogram, "transport",
     "From a message's arrival to the end of an attempt that delivered it."},
    {"postern_queue_messages", gauge, "", "Messages in the queue, held ones too."},
    {"postern_recipients_refused_total", counter, "", "Recipients refused or put off."},
    {"postern_records_dropped_total", counter, "", "Records that were lost to a full or failing disk."},
    {"postern_records_written_total", counter, "", "Records written."},
    {"postern_sessions_refused_total", counter, "",
     "Connections refused before the greeting; without those at sinkholes."},
    {"postern_sessions_total", counter, "", "Connections that became sessions, without those at sinkholes."},
    {"postern_sinkhole_messages_total", counter, "", "Messages that sinkholes swallowed; nothing else counts them."},
    {"postern_sinkhole_sessions_total", counter, "family", "Sessions at sinkholes; nothing else counts them."},
    {"postern_smtp_commit_seconds", histogram, "",
     "From the end of a message (and of authentication) to its being on stable storage."},
    {"postern_smtp_messages_total", counter, "listener, family, tls, verdict, reason",
     "Transactions that ended; verdict is accepted, deferred, refused or abandoned by the client."},
    {"postern_smtp_recipients_total", counter, "listener, family, verdict, reason", "Recipients named, by the answer."},
    {"postern_smtp_session_duration_seconds", histogram, "family", "How long sessions took."},
    {"postern_smtp_sessions_total", counter, "listener, family, tls, verdict, reason",
     "Sessions that ended; verdict is the policy's strongest word that was enforced, none where nobody was judged."},
    {"postern_smtp_tls_sessions_total", counter, "family, version", "Sessions with TLS, by version."},
    {"postern_spool_bytes", gauge, "", "Octets that the spool has on the disk."},
    {"postern_spool_commit_messages_total", counter, "", "Messages that were made safe by group commits."},
    {"postern_spool_commit_seconds", histogram, "", "How long a group commit took: write and sync."},
    {"postern_spool_limit_bytes", gauge, "", "Octets above which the spool takes no more mail."},
    {"postern_spool_sick", gauge, "", "1 while the spool's disk fails and no mail is taken."},
    {"postern_tagged_total", counter, "", "Messages that the policy tagged."},
    {"postern_throttled_total", counter, "", "Connections and recipients that budgets put off."},
    {"postern_users_limited_total", counter, "", "Messages and recipients put off because a user sent too much."},
    {"process_open_fds", gauge, "", "Open file descriptors."},
    {"process_resident_memory_bytes", gauge, "", "Resident memory."},
    {"process_start_time_seconds", gauge, "", "When the process started, seconds since 1970."},
});
static_assert(std::ranges::is_sorted(kMetrics, {}, &MetricInfo::name));

const MetricInfo* find(std::string_view name) {
  const auto found = std::ranges::lower_bound(kMetrics, name, {}, &MetricInfo::name);
  return found != kMetrics.end() && found->name == name ? &*found : nullptr;
}

// Microseconds as seconds, exactly: "0.001", "2.5", "30".
std::string seconds_text(std::int64_t us) {
  const std::int64_t whole = us / 1'000'000;
  std::int64_t rest = us % 1'000'000;
  std::string out = std::to_string(whole);
  if (rest == 0) return out;
  std::string digits = std::to_string(rest + 1'000'000).substr(1);
  while (digits.ends_with('0')) digits.pop_back();
  return out + "." + digits;
}

void append_series(std::string& out, std::string_view name, std::string_view labels, std::string_view value) {
  out += name;
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out.append(" ").append(value).append("\n");
}

void append_histogram(std::string& out, const MetricFamily& family, const MetricFamily::Series& series) {
  const std::string begin = series.labels.empty() ? "" : series.labels + ",";
  for (std::size_t i = 0; i < series.counts.size(); ++i) {
    append_series(out, family.name + "_bucket", begin + "le=\"" + seconds_text(family.bounds[i]) + "\"",
                  std::to_string(series.counts[i]));
  }
  append_series(out, family.name + "_bucket", begin + "le=\"+Inf\"", std::to_string(series.value));
  append_series(out, family.name + "_sum", series.labels, seconds_text(series.sum_us));
  append_series(out, family.name + "_count", series.labels, std::to_string(series.value));
}

}  // namespace

std::string_view to_string(MetricType type) {
  return type == counter ? "counter" : type == gauge ? "gauge" : "histogram";
}

std::span<const MetricInfo> metrics() { return kMetrics; }

std::string prometheus_text(std::span<const MetricFamily> families) {
  std::string out;
  for (const MetricFamily& family : families) {
    if (const MetricInfo* const info = find(family.name)) {
      out.append("# HELP ").append(family.name).append(" ").append(info->help).append("\n");
      out.append("# TYPE ").append(family.name).append(" ").append(to_string(info->type)).append("\n");
    } else {
      out.append("# TYPE ").append(family.name).append(" untyped\n");
    }
    for (const MetricFamily::Series& series : family.series) {
      if (family.kind == MetricFamily::Kind::histogram)
        append_histogram(out, family, series);
      else
        append_series(out, family.name, series.labels, std::to_string(series.value));
    }
  }
  return out;
}

std::string metrics_table() {
  std::string out = "| metric | type | labels | meaning |\n|---|---|---|---|\n";
  for (const MetricInfo& info : kMetrics) {
    out.append("| `").append(info.name).append("` | ").append(to_string(info.type)).append(" | ");
    out.append(info.labels).append(" | ").append(info.help).append(" |\n");
  }
  return out;
}

}  // namespace postern::insight
