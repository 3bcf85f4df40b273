// Users through the control socket:
//   user.add {user, password} -> {user}     user.passwd {user, password} -> {user}     user.remove {user} -> {removed}
//   user.list {after?, max?} -> {users, next?}: at most 1000 names, sorted; "next" is the `after` of the rest.
// The server changes the file on the pool, and gives the new users to `publish` before it answers: the next login knows
// them. Passwords are in requests alone, which the socket's mode (0600) keeps to the server's user, and in no log.
#pragma once

#include <functional>
#include <memory>

#include "base/json.h"
#include "base/result.h"
#include "control/control.h"
#include "io/loop.h"
#include "sasl/user_file.h"

namespace postern::control {

struct UserAnswer {
  json::Value answer;
  std::shared_ptr<const sasl::Users> users;
};
// One of the commands that change something; blocks. Also used without a server.
[[nodiscard]] Result<UserAnswer> change_users(sasl::UserFile& file, const json::Value& request);
[[nodiscard]] json::Value list_users(const sasl::Users& users, const json::Value& request);

struct UserState {
  std::function<std::shared_ptr<const sasl::Users>()> current;      // never null
  std::function<void(std::shared_ptr<const sasl::Users>)> publish;  // on the control socket's loop
};
// `file` and `pool` outlive the server.
void add_user_commands(Server& server, sasl::UserFile& file, io::BlockingPool& pool, UserState state);

}  // namespace postern::control
