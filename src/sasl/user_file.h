// UserFile: data_dir/users (sasl/users.h), mode 0600, put in place whole at each change; a lock beside it (users.lock)
// lets the server and a command line tool without one change it side by side. data_dir/login.secret has 32 random
// octets, of which the answers for users who are not there are made. Thread rule: any thread; every call blocks on
// files.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sasl/users.h"

namespace postern::sasl {

inline constexpr std::int64_t kUserLockTimeoutMs = 5000;

class UserFile {
 public:
  explicit UserFile(const std::string& data_dir);

  struct Loaded {
    std::shared_ptr<const Users> users;  // never null
    std::vector<Error> problems;         // "FILE:LINE: what and remedy"
  };
  [[nodiscard]] Loaded load() const;  // a file that is not there has no users

  enum class Change : std::uint8_t {
    add,       // a new user; invalid where there is one
    password,  // of a user there is; not_found where there is none
  };
  // `name` and `password` as they were typed; derives the verifier, which takes its time.
  [[nodiscard]] Result<std::shared_ptr<const Users>> set(Change change, std::string_view name,
                                                         std::string_view password);
  [[nodiscard]] Result<std::shared_ptr<const Users>> remove(std::string_view name);

  // Made at the first call.
  [[nodiscard]] Result<std::string> secret();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_, lock_path_, secret_path_;
};

}  // namespace postern::sasl
