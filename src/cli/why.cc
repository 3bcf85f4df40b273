// `postern why ID`: one session in words.
#include "insight/why.h"

#include "base/id.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/record_source.h"
#include "cli/table.h"
#include "cli/why_text.h"
#include "config/config.h"
#include "control/control.h"

namespace postern::cli {

namespace {

constexpr int kServerTimeoutMs = 5000;
constexpr WallMs kRecent = 6LL * 3600 * 1000;  // a session older than this is over

// Asks a running server to write what it holds back, so that a session that ended this moment is found. Whether one
// answered.
bool flush_records(const std::string& data_folder) {
  const json::Value request(json::Value::Object{{"command", json::Value(std::string("records.flush"))}});
  return control::request(data_folder + "/control.sock", request, kServerTimeoutMs).has_value();
}

Result<std::optional<insight::FoundSession>> find(const RecordSource& source, const Id& id, WallMs now) {
  for (const std::string& path : source.sources.paths) {
    POSTERN_TRY(auto found, insight::find_session(path, id, now));
    if (found) return found;
  }
  return std::optional<insight::FoundSession>();
}

}  // namespace

int run_why(const WhyOptions& options) {
  const auto id = Id::parse(options.id);
  if (!id) {
    complain("\"" + printable(options.id, 64) +
             "\" is not an id; an id has 16 letters and digits, as refusals have it");
    return kUsage;
  }
  const WallMs now = options.common.clock();
  const auto [source, code] = find_records(options.common, now);
  if (!source) return code;
  const bool server = options.common.records.empty() && flush_records(source->data_folder);
  auto found = find(*source, *id, now);
  if (!found) {
    complain(found.error().what);
    return kNegative;
  }
  if (!*found) {
    const WallMs made = id->time(now);
    const bool recent = made > now - kRecent && made < now + kRecent;
    complain("no record has the id " + id->text() + " (" + iso8601(made).substr(0, 19) + "Z)" +
             (server && recent ? "; a session is recorded when it ends: it may still be open" : ""));
    return kNegative;
  }
  // Without a policy the record still says what was decided.
  const auto policy = policy_of(options.common);
  const insight::Why why = insight::explain_session(**std::move(found), policy ? policy->judge.get() : nullptr,
                                                    policy ? policy->lists : evidence::ListNames{},
                                                    policy ? policy->home : std::vector<evidence::CountryCode>{});
  if (options.common.json) {
    std::string out;
    json::Writer writer(out);
    append_json(why, writer);
    print(out + "\n");
  } else {
    print(why_text(why, colour_wanted()));
  }
  return kOk;
}

}  // namespace postern::cli
