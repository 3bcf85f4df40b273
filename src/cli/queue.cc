// `postern queue`: through the control socket of a running server, or on the spool itself where none runs.
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/id.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/data_directory.h"
#include "cli/output.h"
#include "cli/queue_text.h"
#include "config/config.h"
#include "control/control.h"
#include "spool/journal_store.h"

namespace postern::cli {

namespace {

using json::Value;

// Whoever owns the queue at the moment.
class Backend {
 public:
  Backend(const config::Loaded& loaded) : loaded_(loaded) {}

  Result<Value> ask(const Value& request) {
    if (store_ != nullptr) return control::queue_command(*store_, request, wall_now());
    auto answer = control::request(loaded_.data_dir + "/control.sock", request, kTimeoutMs);
    const bool nobody = !answer && control::nobody_serves(answer.error());
    if (!nobody) return answer;
    POSTERN_TRY_VOID(open());
    return control::queue_command(*store_, request, wall_now());
  }

  ~Backend() {
    if (store_ != nullptr) store_->close();
  }
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

 private:
  static constexpr int kTimeoutMs = 60000;  // of a million messages held or dropped at once

  Result<void> open() {
    spool::JournalOptions options;
    if (loaded_.config) options = loaded_.config->spool;
    options.directory = loaded_.data_dir + "/spool";
    if (::access(options.directory.c_str(), F_OK) != 0) {
      return fail_errno(ErrorKind::storage, "no server answers, and opening its spool " + options.directory, errno);
    }
    POSTERN_TRY_VOID(become_owner(loaded_));
    POSTERN_TRY(store_, spool::open_journal(options));
    return {};
  }

  const config::Loaded& loaded_;
  std::unique_ptr<spool::Store> store_;
};

Value make_request(std::string_view verb, Value::Object members = {}) {
  members.emplace("command", Value("queue." + std::string(verb)));
  return Value(std::move(members));
}

int failed(const Error& error) {
  complain(error.what);
  return kNegative;
}

int list(Backend& backend, const QueueOptions& options) {
  Table table = queue_table(colour_wanted());
  std::string out;
  json::Writer writer(out);
  if (options.json) writer.begin_object().key("messages").begin_array();
  std::size_t rows = 0;
  std::string after;
  do {
    Value::Object members;
    if (!after.empty()) members.emplace("after", Value(after));
    if (options.max > 0) members.emplace("max", Value(static_cast<std::int64_t>(options.max - rows)));
    const auto page = backend.ask(make_request("list", std::move(members)));
    if (!page) return failed(page.error());
    for (const Value& message : page->at("messages").array()) {
      ++rows;
      if (options.json)
        message.write(writer);
      else
        add_queue_row(table, message, wall_now());
    }
    if (!options.json && rows > 0) out += table.take();
    print(out);
    out.clear();
    after = page->at("next").string();
  } while (!after.empty() && (options.max == 0 || rows < options.max));
  if (options.json) {
    writer.end_array().end_object();
    print(out + "\n");
  } else if (rows == 0) {
    print("The queue is empty.\n");
  }
  return kOk;
}

// The message with all its recipients, which may come in several answers.
Result<Value> message_with_recipients(Backend& backend, const std::string& id) {
  POSTERN_TRY(const Value first, backend.ask(make_request("show", {{"id", Value(id)}})));
  Value::Object message = first.object();
  Value::Array recipients = first.at("recipients").array();
  std::int64_t next = first.at("next_recipient").integer();
  while (next > 0) {
    POSTERN_TRY(const Value more, backend.ask(make_request("show", {{"id", Value(id)}, {"from", Value(next)}})));
    for (const Value& recipient : more.at("recipients").array()) recipients.push_back(recipient);
    next = more.at("next_recipient").integer();
  }
  message.erase("next_recipient");
  message.erase("ok");
  message.insert_or_assign("recipients", Value(std::move(recipients)));
  return Value(std::move(message));
}

int show(Backend& backend, const QueueOptions& options) {
  int code = kOk;
  bool first = true;
  for (const std::string& id : options.ids) {
    const auto message = message_with_recipients(backend, id);
    if (!message) {
      complain(id + ": " + message.error().what);
      code = kNegative;
      continue;
    }
    if (options.json) {
      print(message->text() + "\n");
    } else {
      if (!first) print("\n");
      print(queue_message_text(*message, wall_now(), colour_wanted()));
    }
    first = false;
  }
  return code;
}

int status(Backend& backend, const QueueOptions& options) {
  const auto answer = backend.ask(make_request("status"));
  if (!answer) return failed(answer.error());
  if (options.json) {
    Value::Object members = answer->object();
    members.erase("ok");
    print(Value(std::move(members)).text() + "\n");
  } else {
    print(queue_status_text(*answer, colour_wanted()));
  }
  return answer->at("healthy").boolean() ? kOk : kNegative;
}

int change(Backend& backend, const QueueOptions& options) {
  std::int64_t changed = 0;
  Value::Array errors;
  const auto one = [&](const std::string& name, Value::Object members) {
    const auto answer = backend.ask(make_request(options.verb, std::move(members)));
    if (answer) {
      changed += answer->at("changed").integer();
      return;
    }
    complain(name + ": " + answer.error().what);
    errors.emplace_back(Value::Object{{"id", Value(name)}, {"error", Value(answer.error().what)}});
  };
  if (options.all) one("all", {{"all", Value(true)}});
  for (const std::string& id : options.ids) one(id, {{"id", Value(id)}});
  const int code = errors.empty() ? kOk : kNegative;
  if (options.json) {
    print(Value(Value::Object{{"changed", Value(changed)}, {"errors", Value(std::move(errors))}}).text() + "\n");
  } else if (options.all) {
    print(std::to_string(changed) + (changed == 1 ? " message\n" : " messages\n"));
  }
  return code;
}

// What can be told without asking anybody. True when the arguments make sense.
bool good_usage(const QueueOptions& options) {
  const bool takes_ids = options.verb != "list" && options.verb != "status";
  if (takes_ids && options.ids.empty() && !options.all) {
    complain("queue " + options.verb + ": name an id" + (options.verb == "show" ? "" : ", or --all for every message"));
    return false;
  }
  if (options.all && !options.ids.empty()) {
    complain("queue " + options.verb + ": give ids or --all, not both");
    return false;
  }
  for (const std::string& id : options.ids) {
    if (Id::parse(id)) continue;
    complain("\"" + printable(id, 64) +
             "\" is not an id; an id has 16 letters and digits, as `postern queue list` shows it");
    return false;
  }
  return true;
}

}  // namespace

int run_queue(const QueueOptions& options) {
  if (!good_usage(options)) return kUsage;
  const config::Loaded loaded = config::load(options.config);
  if (loaded.data_dir.empty()) {
    for (const config::Problem& problem : loaded.problems) complain(problem.text());
    return kNegative;
  }
  Backend backend(loaded);
  if (options.verb == "list") return list(backend, options);
  if (options.verb == "show") return show(backend, options);
  if (options.verb == "status") return status(backend, options);
  return change(backend, options);
}

}  // namespace postern::cli
