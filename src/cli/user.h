// `postern user`: who may log in, through the control socket of a running server, or on the file itself where none
// runs.
#pragma once

#include <string>

namespace postern::cli {

struct UserOptions {
  std::string config;
  std::string verb;  // "add", "passwd", "list", "remove"
  std::string user;
  bool password_stdin = false;
  bool json = false;
};
[[nodiscard]] int run_user(const UserOptions& options);

}  // namespace postern::cli
