#include "cli/web_answers.h"

#include "base/id.h"
#include "base/json.h"
#include "insight/aggregates.h"
#include "insight/replay.h"
#include "insight/signal_value.h"
#include "insight/why.h"

namespace postern::cli {

namespace {

constexpr std::size_t kProblemsShown = 10;

std::string all_of(const std::vector<config::Problem>& problems) {
  std::string out;
  for (std::size_t i = 0; i < problems.size() && i < kProblemsShown; ++i)
    out += (out.empty() ? "" : "; ") + problems[i].text();
  return out;
}

std::vector<evidence::CountryCode> home_of(const config::LoadedPolicy& loaded) {
  return loaded.policy ? loaded.policy->choices.home.value_or(std::vector<evidence::CountryCode>{})
                       : std::vector<evidence::CountryCode>{};
}

// Marks that cannot be read are not no marks.
Result<insight::Marks> marks_of(const std::string& records) {
  return insight::Marks::read(insight::data_folder(records) + "/marks.jsonl");
}

}  // namespace

Result<std::string> WebAnswers::explain(const std::string& id) const {
  const auto parsed = Id::parse(id);
  if (!parsed) return fail(ErrorKind::invalid, "an id has 16 letters and digits");
  POSTERN_TRY(auto found, insight::find_session(records_, *parsed, wall_now()));
  if (!found) return fail(ErrorKind::not_found, "no record has the id " + id + "; a session is recorded when it ends");
  const config::LoadedPolicy& policy = *policy_;
  const insight::Why why =
      insight::explain_session(std::move(*found), policy.judge.get(),
                               policy.policy ? policy.policy->lists : evidence::ListNames{}, home_of(policy));
  std::string out;
  json::Writer writer(out);
  append_json(why, writer);
  return out;
}

Result<std::string> WebAnswers::signals(WallMs since, const std::atomic<bool>& stop) const {
  const config::LoadedPolicy& policy = *policy_;
  if (policy.judge == nullptr) return fail(ErrorKind::invalid, all_of(policy.problems));
  POSTERN_TRY(insight::Marks marks, marks_of(records_));
  insight::Outcomes outcomes(std::move(marks));
  const insight::Sources sources{.paths = {records_}, .since = since, .stop = &stop};
  POSTERN_TRY(insight::LineCount lines,
              insight::read_sessions(sources, [&](const record::SessionView& session) { outcomes.add(session); }));
  insight::SignalStudy study(*policy.judge, policy.policy->lists, home_of(policy), outcomes);
  POSTERN_TRY(lines, insight::read_sessions(sources, [&](const record::SessionView& session) { study.add(session); }));
  POSTERN_TRY_VOID(study.add_aggregates(insight::data_folder(records_) + "/aggregates"));
  const insight::SignalReport report = study.finish(lines, wall_now());
  std::string out;
  json::Writer writer(out);
  append_json(report, writer);
  return out;
}

Result<std::string> WebAnswers::backtest(const std::string& policy, WallMs since, const std::atomic<bool>& stop) const {
  // Without its files: what was typed into a page names none that are read
  const config::LoadedPolicy loaded = config::parse_policy(policy, "policy");
  if (loaded.judge == nullptr) return fail(ErrorKind::invalid, all_of(loaded.problems));
  POSTERN_TRY(insight::Marks marks, marks_of(records_));
  insight::Replay replay(*loaded.judge, loaded.policy->lists, std::move(marks));
  const insight::Sources sources{.paths = {records_}, .since = since, .stop = &stop};
  POSTERN_TRY(const insight::LineCount lines,
              insight::read_sessions(sources, [&](const record::SessionView& session) { replay.add(session); }));
  std::string out;
  json::Writer writer(out);
  append_json(replay.finish(lines), writer);
  return out;
}

}  // namespace postern::cli
