// Users: who may log in, and what is kept of their passwords. An immutable value, parsed of data_dir/users: JSON lines,
// the first of which names the format:
//
//   {"format":"postern.users/1"}
//   {"user":"alice@example.org","iterations":32768,"salt":BASE64,"stored_key":BASE64,"server_key":BASE64}
//
// Names are compared in lower case. A bounded parser; a line that cannot be read is told with its number, and the
// others count. Thread rule: immutable after build, shared by all threads.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sasl/scram.h"

namespace postern::sasl {

inline constexpr std::size_t kUsersMax = 200'000;
inline constexpr std::size_t kUserLineMax = 4096;
inline constexpr std::size_t kUsersFileMax = 128 << 20;
inline constexpr std::size_t kUserProblemsMax = 20;  // told at once
inline constexpr std::string_view kUsersFormat = "postern.users/1";

class Users {
 public:
  using Map = std::map<std::string, Verifier, std::less<>>;
  Users() = default;
  explicit Users(Map users) : users_(std::move(users)) {}
  [[nodiscard]] const Verifier* find(std::string_view name) const;  // `name` in lower case
  [[nodiscard]] const Map& all() const { return users_; }
  [[nodiscard]] std::size_t size() const { return users_.size(); }
  [[nodiscard]] std::string text() const;  // the file

 private:
  Map users_;
};

struct ParsedUsers {
  Users users;
  std::vector<std::string> problems;  // "LINE: what and remedy"
};
[[nodiscard]] ParsedUsers parse_users(std::string_view text);
// A name that may stand in the file: prepared, lower case, no control characters or spaces, at most kNameMax octets.
[[nodiscard]] Result<std::string> canonical_user(std::string_view name);

}  // namespace postern::sasl
