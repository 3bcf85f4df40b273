#include "control/access_commands.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace postern::control {

namespace {

using access::Entry;
using access::OperatorFile;
using access::OperatorList;
using evidence::value::Operator;
using json::Value;

constexpr std::int64_t kListMax = 1000;  // rows of one answer
// Octets of entries as they are: notes that are not ASCII do not grow, since they are UTF-8.
constexpr std::size_t kListBytes = 512 * 1024;

Value shown(const Entry& entry) {
  Value::Object object = access::entry_value(entry).object();
  object.emplace("kind", Value(std::string(access::to_string(entry.kind))));
  return Value(std::move(object));
}

Result<Entry> entry_of(const Value& request, WallMs now) {
  POSTERN_TRY(Entry entry, access::parse_subject(request.at("subject").string()));
  entry.word = request.at("command").string() == "allow" ? Operator::allow : Operator::deny;
  entry.since = now;
  entry.note = request.at("note").string();
  if (!request.at("for_ms").is_null()) {
    const std::int64_t duration = request.at("for_ms").integer();
    if (duration <= 0 || duration > access::kDurationMaxMs) {
      return fail(ErrorKind::invalid, "the duration must lie between 1ms and " +
                                          human_duration(access::kDurationMaxMs) + "; without one it is for ever");
    }
    entry.until = now + duration;
  }
  return entry;
}

// Changes that overtake each other on the pool are published in the order in which they were made.
struct Published {
  std::uint64_t sequence = 0;
};

Task<Result<Value>> run_change(OperatorFile& file, io::BlockingPool& pool, AccessState state,
                               std::shared_ptr<Published> published, Value request) {
  std::move_only_function<Result<AccessAnswer>()> work = [&file, request] {
    return change_access(file, request, wall_now());
  };
  auto done = co_await pool.run<Result<AccessAnswer>>(std::move(work));
  if (!done) co_return std::unexpected(done.error());
  if (done->change.sequence > published->sequence) {
    published->sequence = done->change.sequence;
    state.publish(done->change.list);
  }
  log::info("operator_word", {{"command", request.at("command").string()},
                              {"subject", request.at("subject").string()},
                              {"entries", done->change.list->size()}});
  co_return std::move(done->answer);
}

Task<Result<Value>> run_list(AccessState state, Value request) {
  const std::shared_ptr<const OperatorList> list = state.current();
  co_return list_access(*list, request, wall_now());
}

}  // namespace

Result<AccessAnswer> change_access(OperatorFile& file, const Value& request, WallMs now) {
  const std::string_view command = request.at("command").string();
  if (!request.at("subject").is_string()) return fail(ErrorKind::invalid, "the request has no \"subject\"");
  if (command == "access_remove") {
    POSTERN_TRY(OperatorFile::Change change, file.remove(request.at("subject").string(), now));
    Value answer(Value::Object{{"removed", shown(*change.before)}});
    return AccessAnswer{std::move(answer), std::move(change)};
  }
  if (command != "allow" && command != "deny") {
    return fail(ErrorKind::invalid, "there is no command \"" + printable(command, 64) + "\"");
  }
  POSTERN_TRY(const Entry entry, entry_of(request, now));
  POSTERN_TRY(OperatorFile::Change change, file.add(entry, now));
  Value::Object answer{{"entry", shown(entry)}};
  if (change.before) answer.emplace("replaced", shown(*change.before));
  return AccessAnswer{Value(std::move(answer)), std::move(change)};
}

Result<Value> list_access(const OperatorList& list, const Value& request, WallMs now) {
  const auto max = static_cast<std::size_t>(std::clamp<std::int64_t>(request.at("max").integer(kListMax), 1, kListMax));
  const std::span<const Entry> entries = list.entries();
  auto at = entries.begin();
  if (request.at("after").is_string()) {
    at = std::ranges::upper_bound(entries, request.at("after").string(), {},
                                  [](const Entry& entry) -> std::string_view { return entry.subject; });
  }
  Value::Array rows;
  std::size_t octets = 0;
  std::string_view last;
  for (; at != entries.end() && rows.size() < max && octets < kListBytes; ++at) {
    if (at->expired(now)) continue;
    octets += 200 + at->subject.size() + at->note.size();
    rows.push_back(shown(*at));
    last = at->subject;
  }
  Value::Object answer{{"entries", Value(std::move(rows))}};
  if (at != entries.end() && !last.empty()) answer.emplace("next", Value(std::string(last)));
  return Value(std::move(answer));
}

void add_access_commands(Server& server, OperatorFile& file, io::BlockingPool& pool, AccessState state) {
  const auto published = std::make_shared<Published>();
  for (const char* const command : {"allow", "deny", "access_remove"}) {
    server.handle(command, [&file, &pool, state, published](Value request) {
      return run_change(file, pool, state, published, std::move(request));
    });
  }
  server.handle("access_list", [state](Value request) { return run_list(state, std::move(request)); });
}

}  // namespace postern::control
