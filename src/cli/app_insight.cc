// The command line: what records and logs tell.
#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <functional>
#include <string_view>

#include "base/text.h"
#include "cli/app_options.h"

namespace postern::cli {

namespace {

void add_record_options(CLI::App& app, RecordOptions& common, bool records) {
  common.config = kDefaultConfig;
  app.add_option_function<std::string>(
         "-c,--config",
         [&common](const std::string& file) {
           common.config = file;
           common.config_given = true;
         },
         "the configuration file: its policy, and its records where none are named")
      ->type_name("FILE");
  app.add_flag("--json", common.json, "for machines");
  app.add_option("--now", common.now, "the time to reckon with, in seconds since 1970")->type_name("UNIXTIME");
  if (!records) return;
  app.add_option("--since", common.since, "sessions from then on: 7d, 2026-11-21, 2026-11-21T06:43:08Z")
      ->type_name("TIME");
  app.add_option("records", common.records, "files, folders of records, or data_dirs")->type_name("RECORDS");
}

}  // namespace

void add_why(CLI::App& app, Options& options) {
  CLI::App* const why = app.add_subcommand("why", "what is behind an id: the session in words, and the way out");
  why->group("Insight");
  add_record_options(*why, options.why.common, false);
  why->add_option("--records", options.why.common.records, "look in these, not in those of the configuration")
      ->type_name("RECORDS")
      ->allow_extra_args(false);
  why->add_option("id", options.why.id, "of a session, a message or a delivery")->type_name("ID")->required();
  why->footer(
      "Rules and score are explained where the policy of the configuration is the one that judged.\n"
      "Exit code 0: found. 1: there is no such record. 2: bad usage.\n\n"
      "Example:\n  postern why M7YDGB6VQ0N6K727");
  why->callback([&options] { options.chosen = [&options] { return run_why(options.why); }; });
}

void add_mark(CLI::App& app, Options& options) {
  CLI::App* const mark = app.add_subcommand("mark", "say of a session or a message that it was ham or spam");
  mark->group("Insight");
  MarkOptions& o = options.mark;
  add_config_option(*mark, o.config);
  mark->add_option("--data-dir", o.data_dir, "in place of the configuration's")->type_name("DIR");
  mark->add_option("id", o.id, "of a session or a message")->type_name("ID")->required();
  mark->add_option("word", o.word, "ham or spam")->type_name("ham|spam")->required();
  mark->add_option("--note", o.note, "for whoever reads the marks")->type_name("TEXT");
  mark->footer(
      "Marks are the ground truth of `postern signals` and `postern replay`; they change nothing of what is judged.\n"
      "The last mark of an id holds.\n\nExample:\n  postern mark M7YDGB6VQ0N6K727 spam --note \"phishing\"");
  mark->callback([&options] { options.chosen = [&options] { return run_mark(options.mark); }; });
}

namespace {

void add_maillog_options(CLI::App& app, MaillogOptions& o) {
  CLI::Option* const files =
      app.add_option(
             "--maillog", o.files,
             "count logs of Postfix or Exim, not records: plain, gzip, zstd or journal export; - is standard input")
          ->type_name("FILE...");
  app.add_flag("--lines", o.lines, "each line of the logs as a JSON object")->needs(files);
  app.add_flag("--all", o.all, "of the logs every table, not one screen")->needs(files);
  app.add_flag("--unknown", o.unknown, "show lines of the logs that are not understood")->needs(files);
  app.add_option("--threads", o.threads, "how many count; as many as there are processors")
      ->type_name("N")
      ->needs(files);
  for (const char* of_records : {"--compare", "--countries", "records"}) files->excludes(app.get_option(of_records));
}

}  // namespace

void add_stats(CLI::App& app, Options& options) {
  CLI::App* const stats =
      app.add_subcommand("stats", "connections and messages by family, TLS, verdict, reason; delays");
  stats->group("Insight");
  add_record_options(*stats, options.stats.common, true);
  stats->add_option("--until", options.stats.until, "only what began before this; as --since")->type_name("TIME");
  CLI::Option* const compare =
      stats->add_flag("--compare", options.stats.compare, "beside the period of the same length before --since");
  stats->add_flag("--countries", options.stats.countries, "propose [policy] home, with the mail it would have cost")
      ->excludes(compare);  // a set of home countries is for one period
  add_maillog_options(*stats, options.stats.maillog);
  stats->footer(
      "Examples:\n  postern stats --since 7d --compare\n  postern stats --since 2026-11-01 --until 2026-12-01 --json\n "
      " postern stats --countries var/records\n"
      "  postern stats --maillog /var/log/mail.log /var/log/mail.log.*.gz");
  stats->callback([&options] { options.chosen = [&options] { return run_stats(options.stats); }; });
}

void add_metrics(CLI::App& app, Options& options) {
  CLI::App* const metrics = app.add_subcommand("metrics", "what a running server counts, as Prometheus reads it");
  metrics->group("Insight");
  add_config_option(*metrics, options.metrics.config);
  metrics->add_flag("--reference", options.metrics.reference, "all metrics and their meaning, as Markdown");
  metrics->footer("Example:\n  postern metrics --config /etc/postern/postern.toml");
  metrics->callback([&options] { options.chosen = [&options] { return run_metrics(options.metrics); }; });
}

void add_signals(CLI::App& app, Options& options) {
  CLI::App* const signals = app.add_subcommand("signals", "what each signal is worth, measured on your own traffic");
  signals->group("Insight");
  add_record_options(*signals, options.signals.common, true);
  signals->add_option("--write", options.signals.write, "write the counts, for [policy] evidence = FILE")
      ->type_name("FILE");
  signals->footer(
      "A row that says \"no evidence yet\" may be chance; \"need about n more\" are events, one a sender and day.\n\n"
      "Examples:\n"
      "  postern signals --config /etc/postern/postern.toml\n"
      "  postern signals var/records --write evidence.json");
  signals->callback([&options] { options.chosen = [&options] { return run_signals(options.signals); }; });
}

void add_replay(CLI::App& app, Options& options) {
  CLI::App* const replay = app.add_subcommand("replay", "what another policy would have made of recorded traffic");
  replay->group("Insight");
  add_record_options(*replay, options.replay.common, true);
  replay->add_option("--policy", options.replay.policy, "a configuration, or its [policy] alone")
      ->type_name("NEW.toml")
      ->required();
  replay->add_flag("--resimulate", options.replay.resimulate,
                   "let budgets, greylist and known senders evolve anew, from cold");
  replay->footer(
      "The policy that judged gives every verdict again, so what differs is the new policy's doing.\n\n"
      "Examples:\n"
      "  postern replay --policy new.toml --since 7d\n"
      "  postern replay --policy new.toml var/records --json | jq '.newly_refused[] | select(.later != \"spam\")'");
  replay->callback([&options] { options.chosen = [&options] { return run_replay(options.replay); }; });
}

}  // namespace postern::cli
