#include "cli/access.h"

#include <cerrno>
#include <cstdio>
#include <optional>

#include "access/operator_file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/data_directory.h"
#include "cli/output.h"
#include "cli/table.h"
#include "config/config.h"
#include "control/access_commands.h"
#include "control/control.h"

namespace postern::cli {

namespace {

using json::Value;

// Whoever owns the list at the moment.
class Backend {
 public:
  explicit Backend(const config::Loaded& loaded) : loaded_(loaded) {}

  Result<Value> ask(const Value& request) {
    if (!file_) {
      auto answer = control::request(loaded_.data_dir + "/control.sock", request);
      const bool nobody = !answer && control::nobody_serves(answer.error());
      if (!nobody) return answer;
      POSTERN_TRY_VOID(open());
    }
    if (request.at("command").string() == "access_list") return control::list_access(*list_, request, wall_now());
    POSTERN_TRY(control::AccessAnswer done, control::change_access(*file_, request, wall_now()));
    return std::move(done.answer);
  }
  [[nodiscard]] bool server_runs() const { return !file_; }

 private:
  Result<void> open() {
    POSTERN_TRY_VOID(become_owner(loaded_));
    file_.emplace(loaded_.data_dir);
    const access::OperatorFile::Loaded loaded = file_->load();
    for (const Error& problem : loaded.problems) complain(problem.what);
    list_ = loaded.list;
    return {};
  }

  const config::Loaded& loaded_;
  std::optional<access::OperatorFile> file_;
  std::shared_ptr<const access::OperatorList> list_;
};

Value text(const std::string& value) { return Value(value); }

// "2026-12-21 06:33 UTC"
std::string moment(WallMs time) {
  std::string out = iso8601(time).substr(0, 16);
  if (out.size() > 10) out[10] = ' ';
  return out + " UTC";
}

std::string word_of(const Value& entry) { return entry.at("allow").is_string() ? "allow" : "deny"; }
std::string subject_of(const Value& entry) {
  return std::string(entry.at(entry.at("allow").is_string() ? "allow" : "deny").string());
}

int failed(const Error& error) {
  complain(error.what);
  return error.kind == ErrorKind::invalid ? kUsage : kNegative;
}

void add_row(Table& table, const Value& entry) {
  const bool allow = word_of(entry) == "allow";
  const std::int64_t until = entry.at("until").integer();
  table.add({{word_of(entry), allow ? Colour::green : Colour::red},
             {printable(subject_of(entry), 320), Colour::none},
             {moment(entry.at("since").integer()), Colour::dim},
             {until == 0 ? "for ever" : moment(until), Colour::none},
             {printable(entry.at("note").string(), access::kNoteMax), Colour::none}});
}

int list(Backend& backend, bool as_json) {
  Table table({{"WORD", false}, {"ABOUT", false}, {"SINCE", false}, {"UNTIL", false}, {"NOTE", false}},
              colour_wanted());
  std::string out;
  json::Writer writer(out);
  if (as_json) writer.begin_object().key("entries").begin_array();
  std::size_t rows = 0;
  std::string after;
  do {
    Value::Object request{{"command", text("access_list")}};
    if (!after.empty()) request.emplace("after", text(after));
    const auto page = backend.ask(Value(std::move(request)));
    if (!page) return failed(page.error());
    for (const Value& entry : page->at("entries").array()) {
      ++rows;
      if (as_json)
        entry.write(writer);
      else
        add_row(table, entry);
    }
    if (!as_json && rows > 0) out += table.take();
    print(out);
    out.clear();
    after = page->at("next").string();
  } while (!after.empty());
  if (as_json) {
    writer.end_array().end_object();
    print(out + "\n");
  } else if (rows == 0) {
    print("There are no entries.\n");
  }
  return kOk;
}

int change(Backend& backend, const AccessOptions& options) {
  Value::Object request{{"command", text(options.remove ? "access_remove" : options.word)},
                        {"subject", text(options.subject)}};
  if (!options.note.empty()) request.emplace("note", text(options.note));
  if (!options.duration.empty()) request.emplace("for_ms", Value(*parse_duration_ms(options.duration)));
  const auto answer = backend.ask(Value(std::move(request)));
  if (!answer) return failed(answer.error());
  if (options.json) {
    Value::Object members = answer->object();
    members.erase("ok");
    print(Value(std::move(members)).text() + "\n");
    return kOk;
  }
  const Value& removed = answer->at("removed");
  const Value& replaced = answer->at("replaced");
  if (removed.is_object())
    print("removed: " + access_text(removed) + "\n");
  else
    print(access_text(answer->at("entry")) + (replaced.is_object() ? "\ninstead of: " + access_text(replaced) : "") +
          "\n");
  if (!backend.server_runs()) print("No server is running; it will know at its start.\n");
  return kOk;
}

// What can be told without asking anybody. True when the arguments make sense.
bool good_usage(const AccessOptions& options) {
  const auto bad = [&](const std::string& what) {
    complain(options.word + ": " + what + "; --help tells more");
    return false;
  };
  if (options.list &&
      (options.remove || !options.subject.empty() || !options.note.empty() || !options.duration.empty()))
    return bad("--list stands alone");
  if (options.list) return true;
  if (options.subject.empty()) return bad("name an address, a domain or a prefix, or --list");
  if (options.remove && (!options.note.empty() || !options.duration.empty()))
    return bad("--remove goes with neither --for nor --note");
  if (const auto subject = access::parse_subject(options.subject); !subject) {
    complain(subject.error().what);
    return false;
  }
  const auto duration = parse_duration_ms(options.duration.empty() ? "1s" : options.duration);
  if (!duration || *duration <= 0 || *duration > access::kDurationMaxMs) {
    return bad("--for \"" + printable(options.duration, 64) +
               "\" is not a duration; write \"30d\" or \"12h\", at most " + human_duration(access::kDurationMaxMs));
  }
  return true;
}

}  // namespace

std::string access_text(const Value& entry) {
  const std::int64_t until = entry.at("until").integer();
  const std::string note = printable(entry.at("note").string(), access::kNoteMax);
  return word_of(entry) + " " + printable(subject_of(entry), 320) +
         (until == 0 ? std::string(" for ever") : " until " + moment(until)) + (note.empty() ? "" : " (" + note + ")");
}

int run_access(const AccessOptions& options) {
  if (!good_usage(options)) return kUsage;
  const config::Loaded loaded = config::load(options.config);
  if (loaded.data_dir.empty()) {
    for (const config::Problem& problem : loaded.problems) complain(problem.text());
    return kNegative;
  }
  Backend backend(loaded);
  return options.list ? list(backend, options.json) : change(backend, options);
}

}  // namespace postern::cli
