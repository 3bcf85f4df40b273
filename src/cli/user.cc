#include "cli/user.h"

#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iterator>
#include <optional>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/data_directory.h"
#include "cli/output.h"
#include "config/config.h"
#include "control/control.h"
#include "control/user_commands.h"
#include "crypto/hmac.h"
#include "smtp/address.h"

namespace postern::cli {

namespace {

using json::Value;

// Whoever owns the users at the moment.
class Backend {
 public:
  explicit Backend(const config::Loaded& loaded) : loaded_(loaded) {}

  Result<Value> ask(const Value& request) {
    if (!file_) {
      auto answer = control::request(loaded_.data_dir + "/control.sock", request);
      const bool nobody = !answer && control::nobody_serves(answer.error());
      if (!nobody) return answer;
      POSTERN_TRY_VOID(make_data_directory(loaded_.data_dir, loaded_.config ? loaded_.config->user : std::string()));
      POSTERN_TRY_VOID(become_owner(loaded_));
      file_.emplace(loaded_.data_dir);
    }
    if (request.at("command").string() == "user.list") {
      const sasl::UserFile::Loaded loaded = file_->load();
      for (const Error& problem : loaded.problems) complain(problem.what);
      return control::list_users(*loaded.users, request);
    }
    POSTERN_TRY(control::UserAnswer done, control::change_users(*file_, request));
    return std::move(done.answer);
  }
  [[nodiscard]] bool server_runs() const { return !file_; }

 private:
  const config::Loaded& loaded_;
  std::optional<sasl::UserFile> file_;
};

int failed(const Error& error) {
  complain(error.what);
  return kNegative;
}

// One line, without its newline; nullopt at the end of input or where it is too long.
std::optional<std::string> read_line() {
  std::string line;
  for (;;) {
    const int c = std::getc(stdin);
    if (c == EOF && line.empty()) return std::nullopt;
    if (c == EOF || c == '\n') return line;
    if (line.size() > sasl::kPasswordMax) return std::nullopt;
    line += static_cast<char>(c);
  }
}

// On a terminal without showing it.
class Silence {
 public:
  Silence() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    active_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  ~Silence() {
    if (active_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  termios before_{};
  bool active_ = false;
};

std::optional<std::string> ask_twice() {
  const Silence silence;
  std::fputs("Password: ", stderr);
  auto first = read_line();
  std::fputs("\nAgain: ", stderr);
  const auto second = read_line();
  std::fputs("\n", stderr);
  if (!first || !second || *first != *second) {
    complain("the two are not the same; nothing is changed");
    return std::nullopt;
  }
  return first;
}

std::optional<std::string> read_password(const UserOptions& options) {
  if (!options.password_stdin && ::isatty(STDIN_FILENO) == 0) {
    complain("user " + options.verb + ": standard input is no terminal; give the password with --password-stdin");
    return std::nullopt;
  }
  if (!options.password_stdin) return ask_twice();
  auto line = read_line();
  if (line && line->ends_with('\r')) line->pop_back();
  if (!line || line->empty()) {
    complain("standard input has no line with a password, or one that is longer than " +
             std::to_string(sasl::kPasswordMax) + " octets");
    return std::nullopt;
  }
  return line;
}

int list(Backend& backend, bool as_json) {
  std::string after;
  Value::Array all;
  do {
    Value::Object request{{"command", Value(std::string("user.list"))}};
    if (!after.empty()) request.emplace("after", Value(after));
    const auto page = backend.ask(Value(std::move(request)));
    if (!page) return failed(page.error());
    for (const Value& name : page->at("users").array()) {
      if (as_json)
        all.push_back(name);
      else
        print(printable(name.string(), sasl::kNameMax) + "\n");
    }
    after = page->at("next").string();
  } while (!after.empty());
  if (as_json) print(Value(Value::Object{{"users", Value(std::move(all))}}).text() + "\n");
  return kOk;
}

// Somebody whom no mail reaches can log in all the same; but it is most likely a typing error.
void warn_of_strangers(const config::Loaded& loaded, const std::string& user) {
  if (!loaded.config || !loaded.config->inbound.directory) return;
  const auto mailbox = smtp::parse_mailbox(user, true);
  if (!mailbox) {
    complain("warning: " + printable(user) + " is not an address; it can send only as its identities of [[login]]");
    return;
  }
  const auto found = loaded.config->inbound.directory->resolve(*mailbox, wall_now());
  if (found.disposition != directory::Disposition::local)
    complain("warning: " + printable(user) + " is no mailbox of the configuration; mail to it is refused");
}

}  // namespace

int run_user(const UserOptions& options) {
  const config::Loaded loaded = config::load(options.config);
  if (loaded.data_dir.empty()) {
    for (const config::Problem& problem : loaded.problems) complain(problem.text());
    return kNegative;
  }
  Backend backend(loaded);
  if (options.verb == "list") return list(backend, options.json);

  std::string user = options.user;
  // In the form in which logins are compared: the domain's A-labels
  if (const auto mailbox = smtp::parse_mailbox(user, true)) user = mailbox->text();
  if (const auto canonical = sasl::canonical_user(user); !canonical) {
    complain(canonical.error().what);
    return kUsage;
  }
  Value::Object request{{"command", Value("user." + options.verb)}, {"user", Value(user)}};
  if (options.verb != "remove") {
    auto password = read_password(options);
    if (!password) return kNegative;
    request.emplace("password", Value(std::move(*password)));
  }
  const auto answer = backend.ask(Value(std::move(request)));
  if (!answer) return failed(answer.error());
  if (options.verb == "add") warn_of_strangers(loaded, user);
  if (options.json) {
    Value::Object members = answer->object();
    members.erase("ok");
    print(Value(std::move(members)).text() + "\n");
    return kOk;
  }
  print(options.verb == "add" ? "added: " : options.verb == "passwd" ? "password changed: " : "removed: ");
  print(printable(answer->at(options.verb == "remove" ? "removed" : "user").string(), sasl::kNameMax) + "\n");
  if (loaded.config && !loaded.config->inbound.submission.dovecot.empty())
    complain("warning: [auth] dovecot is set, so that Dovecot's users log in and not these");
  if (!backend.server_runs()) print("No server is running; it will know at its start.\n");
  return kOk;
}

}  // namespace postern::cli
