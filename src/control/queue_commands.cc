#include <algorithm>
#include <array>

#include "base/counters.h"
#include "base/text.h"
#include "control/control.h"

namespace postern::control {

namespace {

using json::Value;

constexpr std::size_t kListMax = 1000;   // rows of one answer; a row is under 300 octets
constexpr std::size_t kChunkMax = 1000;  // messages that one step of {"all": true} touches
// Octets of recipients in one answer as they are; those that are not UTF-8 grow six-fold (\u00XX) and must still fit a
// line.
constexpr std::size_t kShowBytes = 128 * 1024;

Value number(std::uint64_t value) { return Value(static_cast<std::int64_t>(value)); }
Value text(std::string_view value) { return Value(std::string(value)); }

Result<Id> parse_id(const Value& value) {
  if (!value.is_string()) return fail(ErrorKind::invalid, "the request has no \"id\"");
  const auto id = Id::parse(value.string());
  if (id) return *id;
  return fail(ErrorKind::invalid,
              "\"" + printable(value.string(), 64) +
                  "\" is not an id; an id has 16 letters and digits, as `postern queue list` shows it");
}

std::string_view state_name(spool::RecipientState state) {
  switch (state) {
    case spool::RecipientState::pending:
      return "pending";
    case spool::RecipientState::delivered:
      return "delivered";
    case spool::RecipientState::failed:
      return "failed";
    case spool::RecipientState::dropped:
      return "dropped";
    case spool::RecipientState::bounced:
      return "bounced";
  }
  return "unknown";
}

Result<Value> list(const spool::Store& store, const Value& request) {
  std::optional<Id> after;
  if (!request.at("after").is_null()) {
    POSTERN_TRY(after, parse_id(request.at("after")));
  }
  const auto asked =
      static_cast<std::size_t>(std::clamp<std::int64_t>(request.at("max").integer(kListMax), 1, kListMax));
  const auto rows = store.list(after, asked);
  Value::Array out;
  for (const spool::QueuedMessage& row : rows) {
    out.emplace_back(Value::Object{
        {"id", text(row.id.text())},
        {"arrived_ms", Value(row.arrived)},
        {"next_attempt_ms", Value(row.next_attempt)},
        {"size", number(row.size)},
        {"pending", number(row.pending)},
        {"failed", number(row.failed)},
        {"attempts", number(row.attempts)},
        {"held", Value(row.held)},
        {"active", Value(row.active)},
    });
  }
  Value::Object answer{{"messages", Value(std::move(out))}};
  if (rows.size() == asked) answer.emplace("next", text(rows.back().id.text()));
  return Value(std::move(answer));
}

// {id, from?}: `recipients` begins at index `from`; "next_recipient" is there where more follow.
Result<Value> show(spool::Store& store, const Value& request) {
  POSTERN_TRY(const Id id, parse_id(request.at("id")));
  POSTERN_TRY(const spool::Envelope envelope, store.load(id));
  Value::Array recipients;
  const std::int64_t from = std::max<std::int64_t>(request.at("from").integer(), 0);
  std::size_t index = std::min(static_cast<std::size_t>(from), envelope.recipients.size());
  for (std::size_t octets = 0; index < envelope.recipients.size() && octets < kShowBytes; ++index) {
    const spool::Recipient& recipient = envelope.recipients[index];
    octets += 128 + recipient.forward_path.size() + recipient.original.size() + recipient.last_reply.size();
    recipients.emplace_back(Value::Object{
        {"path", text(recipient.forward_path)},
        {"original", text(recipient.original)},
        {"state", text(state_name(recipient.state))},
        {"attempts", number(recipient.attempts)},
        {"last_reply", text(recipient.last_reply)},
    });
  }
  Value::Object answer{
      {"id", text(envelope.id.text())},
      {"session", text(envelope.session.empty() ? std::string() : envelope.session.text())},
      {"arrived_ms", Value(envelope.arrived)},
      {"next_attempt_ms", Value(envelope.next_attempt)},
      {"reverse_path", text(envelope.reverse_path)},
      {"client", text(envelope.client)},
      {"login", text(envelope.login)},
      {"size", number(envelope.size)},
      {"attempts", number(envelope.attempts)},
      {"eight_bit", Value(envelope.eight_bit)},
      {"utf8", Value(envelope.utf8)},
      {"held", Value(envelope.held)},
      {"recipients_total", number(envelope.recipients.size())},
      {"recipients", Value(std::move(recipients))},
  };
  if (index < envelope.recipients.size()) answer.emplace("next_recipient", number(index));
  return Value(std::move(answer));
}

Value status(const spool::Store& store) {
  const spool::StoreStatus status = store.status();
  Value::Object counters;  // of this process since it started
  for (const auto& [name, value] : counter_values()) counters.emplace(name, Value(value));
  return Value(Value::Object{
      {"messages", number(status.messages)},
      {"held", number(status.held)},
      {"failed_recipients", number(status.failed_recipients)},
      {"bytes_on_disk", number(status.bytes_on_disk)},
      {"bytes_limit", number(status.bytes_limit)},
      {"index_bytes", number(status.index_bytes)},
      {"healthy", Value(status.healthy)},
      {"sick_because", text(status.sick_because)},
      {"counters", Value(std::move(counters))},
  });
}

Result<void> change(spool::Store& store, std::string_view verb, const Id& id, WallMs now) {
  if (verb == "queue.hold") return store.hold(id);
  if (verb == "queue.release") return store.release(id);
  if (verb == "queue.retry") return store.retry(id, now);
  return store.drop(id);
}

struct Chunk {
  std::uint64_t changed = 0;
  std::optional<Id> next;  // where the rest begins; none: done
};

Result<Chunk> change_some(spool::Store& store, std::string_view verb, std::optional<Id> after, WallMs now) {
  Chunk chunk;
  const auto rows = store.list(after, kChunkMax);
  for (const spool::QueuedMessage& row : rows) {
    const auto done = change(store, verb, row.id, now);
    if (done) ++chunk.changed;
    // Delivered between the listing and now: that is what was wanted.
    else if (done.error().kind != ErrorKind::not_found)
      return std::unexpected(done.error());
  }
  if (rows.size() == kChunkMax) chunk.next = rows.back().id;
  return chunk;
}

Value changed_answer(std::uint64_t changed) { return Value(Value::Object{{"changed", number(changed)}}); }

bool is_change(std::string_view command) {
  constexpr std::array<std::string_view, 4> kVerbs = {"queue.hold", "queue.release", "queue.retry", "queue.drop"};
  return std::find(kVerbs.begin(), kVerbs.end(), command) != kVerbs.end();
}

// All messages, in steps between which the loop does its other work.
Task<Result<Value>> change_all(spool::Store& store, std::string verb) {
  std::uint64_t changed = 0;
  std::optional<Id> after;
  do {
    const auto chunk = change_some(store, verb, after, wall_now());
    if (!chunk) co_return std::unexpected(chunk.error());
    changed += chunk->changed;
    after = chunk->next;
    io::Handoff<bool> turn(*io::Loop::current());
    turn.complete(true);
    co_await turn;
  } while (after);
  co_return changed_answer(changed);
}

Task<Result<Value>> run_command(spool::Store& store, std::function<void()> wake, Value request) {
  const std::string command(request.at("command").string());
  const bool all = is_change(command) && request.at("all").boolean();
  const bool tries = wake && (command == "queue.retry" || command == "queue.release");
  // Before as well: the queue works on the first ones while the last ones are being changed
  if (tries) wake();
  Result<Value> answer = Value();
  if (all)
    answer = co_await change_all(store, command);
  else
    answer = queue_command(store, request, wall_now());
  if (tries && answer) wake();
  co_return answer;
}

}  // namespace

Result<Value> queue_command(spool::Store& store, const Value& request, WallMs now) {
  const std::string_view command = request.at("command").string();
  if (command == "queue.list") return list(store, request);
  if (command == "queue.show") return show(store, request);
  if (command == "queue.status") return status(store);
  if (!is_change(command)) return fail(ErrorKind::invalid, "there is no command \"" + printable(command, 64) + "\"");
  if (request.at("all").boolean()) {
    std::uint64_t changed = 0;
    std::optional<Id> after;
    do {
      POSTERN_TRY(const Chunk chunk, change_some(store, command, after, now));
      changed += chunk.changed;
      after = chunk.next;
    } while (after);
    return changed_answer(changed);
  }
  POSTERN_TRY(const Id id, parse_id(request.at("id")));
  POSTERN_TRY_VOID(change(store, command, id, now));
  return changed_answer(1);
}

void add_queue_commands(Server& server, spool::Store& store, std::function<void()> wake) {
  for (const char* const command :
       {"queue.list", "queue.show", "queue.status", "queue.hold", "queue.release", "queue.retry", "queue.drop"}) {
    server.handle(command, [&store, wake](Value request) { return run_command(store, wake, std::move(request)); });
  }
}

}  // namespace postern::control
