#include "control/user_commands.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace postern::control {

namespace {

using json::Value;

constexpr std::int64_t kListMax = 1000;  // names of one answer

Task<Result<Value>> run_change(sasl::UserFile& file, io::BlockingPool& pool, UserState state, Value request) {
  // Read again after the change, so that of two that overtake each other the later one is what counts
  std::move_only_function<Result<UserAnswer>()> work = [&file, request]() -> Result<UserAnswer> {
    POSTERN_TRY(UserAnswer done, change_users(file, request));
    done.users = file.load().users;
    return done;
  };
  auto done = co_await pool.run<Result<UserAnswer>>(std::move(work));
  if (!done) co_return std::unexpected(done.error());
  state.publish(done->users);
  log::info("user_changed", {{"command", request.at("command").string()},
                             {"user", printable(request.at("user").string())},
                             {"users", done->users->size()}});
  co_return std::move(done->answer);
}

Task<Result<Value>> run_list(UserState state, Value request) {
  const std::shared_ptr<const sasl::Users> users = state.current();
  co_return list_users(*users, request);
}

}  // namespace

Result<UserAnswer> change_users(sasl::UserFile& file, const Value& request) {
  const std::string_view command = request.at("command").string();
  if (!request.at("user").is_string()) return fail(ErrorKind::invalid, "the request has no \"user\"");
  POSTERN_TRY(std::string user, sasl::canonical_user(request.at("user").string()));
  if (command == "user.remove") {
    POSTERN_TRY(auto users, file.remove(user));
    return UserAnswer{Value(Value::Object{{"removed", Value(std::move(user))}}), std::move(users)};
  }
  if (command != "user.add" && command != "user.passwd")
    return fail(ErrorKind::invalid, "there is no command \"" + printable(command, 64) + "\"");
  const auto change = command == "user.add" ? sasl::UserFile::Change::add : sasl::UserFile::Change::password;
  POSTERN_TRY(auto users, file.set(change, user, request.at("password").string()));
  return UserAnswer{Value(Value::Object{{"user", Value(std::move(user))}}), std::move(users)};
}

Value list_users(const sasl::Users& users, const Value& request) {
  const auto max = static_cast<std::size_t>(std::clamp<std::int64_t>(request.at("max").integer(kListMax), 1, kListMax));
  const auto& all = users.all();
  auto at = request.at("after").is_string() ? all.upper_bound(request.at("after").string()) : all.begin();
  Value::Array names;
  for (; at != all.end() && names.size() < max; ++at) names.emplace_back(at->first);
  Value::Object answer;
  if (at != all.end() && !names.empty()) answer.emplace("next", names.back());
  answer.emplace("users", Value(std::move(names)));
  return Value(std::move(answer));
}

void add_user_commands(Server& server, sasl::UserFile& file, io::BlockingPool& pool, UserState state) {
  for (const char* const command : {"user.add", "user.passwd", "user.remove"}) {
    server.handle(command,
                  [&file, &pool, state](Value request) { return run_change(file, pool, state, std::move(request)); });
  }
  server.handle("user.list", [state](Value request) { return run_list(state, std::move(request)); });
}

}  // namespace postern::control
