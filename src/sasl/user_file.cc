#include "sasl/user_file.h"

#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "crypto/hmac.h"
#include "sasl/prep.h"

namespace postern::sasl {

namespace {

constexpr std::size_t kSecretSize = 32;
constexpr std::size_t kSuggestFrom = 10'000;

// What a change starts from: nothing of it may be lost.
Result<Users::Map> read_for_change(const UserFile& file) {
  const UserFile::Loaded loaded = file.load();
  if (!loaded.problems.empty()) {
    return fail(loaded.problems.front().kind,
                "nothing is changed, because what cannot be read would be lost: " + loaded.problems.front().what);
  }
  return loaded.users->all();
}

Result<std::shared_ptr<const Users>> save(const std::string& path, Users::Map map) {
  auto users = std::make_shared<const Users>(std::move(map));
  POSTERN_TRY_VOID(replace_file(path, users->text()));
  return users;
}

}  // namespace

UserFile::UserFile(const std::string& data_dir)
    : path_(data_dir + "/users"), lock_path_(data_dir + "/users.lock"), secret_path_(data_dir + "/login.secret") {}

UserFile::Loaded UserFile::load() const {
  Loaded out;
  const auto text = read_file(path_, kUsersFileMax);
  if (!text) {
    out.users = std::make_shared<const Users>();
    if (text.error().kind != ErrorKind::not_found) out.problems.push_back(text.error());
    return out;
  }
  ParsedUsers parsed = parse_users(*text);
  for (const std::string& problem : parsed.problems)
    out.problems.push_back(Error{ErrorKind::invalid, path_ + ":" + problem, 0});
  out.users = std::make_shared<const Users>(std::move(parsed.users));
  return out;
}

Result<std::shared_ptr<const Users>> UserFile::set(Change change, std::string_view name, std::string_view password) {
  POSTERN_TRY(std::string user, canonical_user(name));
  auto prepared = prepare(password);
  if (!prepared || password.size() > kPasswordMax) {
    return fail(ErrorKind::invalid, "the password is empty, has control characters, is not UTF-8 or is longer than " +
                                        std::to_string(kPasswordMax) + " octets; choose another");
  }
  Verifier verifier = derive(*prepared, crypto::random_octets(kSaltSize));
  crypto::wipe(*prepared);
  POSTERN_TRY(const UniqueFd held, lock_file(lock_path_, kUserLockTimeoutMs));
  POSTERN_TRY(Users::Map users, read_for_change(*this));
  const bool there = users.contains(user);
  if (change == Change::add && there)
    return fail(ErrorKind::invalid, "there is a user " + user + " already; change the password with `user passwd`");
  if (change == Change::password && !there)
    return fail(ErrorKind::not_found, "there is no user " + user + "; see who there is with `user list`");
  if (users.size() >= kUsersMax && !there)
    return fail(ErrorKind::limit, "there are " + std::to_string(kUsersMax) + " users already, which is the limit");
  users.insert_or_assign(std::move(user), std::move(verifier));
  return save(path_, std::move(users));
}

Result<std::shared_ptr<const Users>> UserFile::remove(std::string_view name) {
  POSTERN_TRY(const std::string user, canonical_user(name));
  POSTERN_TRY(const UniqueFd held, lock_file(lock_path_, kUserLockTimeoutMs));
  POSTERN_TRY(Users::Map users, read_for_change(*this));
  if (users.erase(user) == 0) {
    std::vector<std::string> others;
    for (const auto& [other, verifier] : users) {
      if (others.size() < kSuggestFrom) others.push_back(other);
    }
    const auto near = nearest(user, others);
    return fail(
        ErrorKind::not_found,
        "there is no user " + user + (near ? "; did you mean " + *near + "?" : "; see who there is with `user list`"));
  }
  return save(path_, std::move(users));
}

Result<std::string> UserFile::secret() {
  POSTERN_TRY(const UniqueFd held, lock_file(lock_path_, kUserLockTimeoutMs));
  auto octets = read_file(secret_path_, kSecretSize);
  if (octets && octets->size() == kSecretSize) return octets;
  if (!octets && octets.error().kind != ErrorKind::not_found) return octets;
  std::string fresh = crypto::random_octets(kSecretSize);
  POSTERN_TRY_VOID(replace_file(secret_path_, fresh));
  return fresh;
}

}  // namespace postern::sasl
