#include "sasl/users.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "sasl/prep.h"

namespace postern::sasl {

namespace {

constexpr std::size_t kKeySize = crypto::Digest().size();

std::string user_line(const std::string& name, const Verifier& verifier) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object()
      .field("user", name)
      .field("iterations", verifier.iterations)
      .field("salt", to_base64(verifier.salt))
      .field("stored_key", to_base64(verifier.stored_key))
      .field("server_key", to_base64(verifier.server_key))
      .end_object();
  return out += '\n';
}

Result<std::pair<std::string, Verifier>> parse_line(std::string_view line) {
  POSTERN_TRY(const json::Value value, json::parse(line, 2));
  POSTERN_TRY(std::string name, canonical_user(value.at("user").string()));
  const auto octets = [&](std::string_view key) { return from_base64(value.at(key).string()); };
  auto salt = octets("salt");
  auto stored = octets("stored_key");
  auto server = octets("server_key");
  if (!salt || salt->empty() || salt->size() > kSaltMax) return fail(ErrorKind::invalid, "has no good \"salt\"");
  if (!stored || stored->size() != kKeySize) return fail(ErrorKind::invalid, "has no good \"stored_key\"");
  if (!server || server->size() != kKeySize) return fail(ErrorKind::invalid, "has no good \"server_key\"");
  const std::int64_t iterations = value.at("iterations").integer();
  if (iterations < kIterationsMin || iterations > kIterationsMax)
    return fail(ErrorKind::invalid, "has no good \"iterations\"");
  return std::pair(std::move(name), Verifier{.salt = std::move(*salt),
                                             .iterations = static_cast<std::uint32_t>(iterations),
                                             .stored_key = std::move(*stored),
                                             .server_key = std::move(*server)});
}

}  // namespace

Result<std::string> canonical_user(std::string_view name) {
  const auto prepared = prepare(name);
  const bool clean = prepared && prepared->size() <= kNameMax && prepared->find(' ') == std::string::npos;
  if (!clean) {
    return fail(ErrorKind::invalid, "\"" + printable(name, 64) +
                                        "\" cannot be the name of a user; write an address, such as alice@example.org");
  }
  return lower(*prepared);
}

const Verifier* Users::find(std::string_view name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : &found->second;
}

std::string Users::text() const {
  std::string out = "{\"format\":\"" + std::string(kUsersFormat) + "\"}\n";
  for (const auto& [name, verifier] : users_) out += user_line(name, verifier);
  return out;
}

ParsedUsers parse_users(std::string_view text) {
  ParsedUsers out;
  Users::Map users;
  std::size_t number = 0;
  std::size_t bad = 0;
  const auto complain = [&](const std::string& what) {
    if (++bad <= kUserProblemsMax) out.problems.push_back(std::to_string(number) + ": the line " + what);
  };
  bool named = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty()) continue;
    if (line.size() > kUserLineMax) {
      complain("is longer than " + std::to_string(kUserLineMax) + " octets; take it out");
      continue;
    }
    if (!named) {
      const auto first = json::parse(line, 2);
      if (!first || first->at("format").string() != kUsersFormat) {
        complain("does not name the format " + std::string(kUsersFormat) +
                 "; was the file written by another version of postern?");
        break;
      }
      named = true;
      continue;
    }
    auto parsed = parse_line(line);
    if (!parsed) {
      complain(parsed.error().what + "; set the password again with `postern user passwd`");
    } else if (users.size() >= kUsersMax) {
      complain("is beyond the " + std::to_string(kUsersMax) + " users that there may be");
      break;
    } else if (!users.emplace(std::move(*parsed)).second) {
      complain("names a user for the second time; take it out");
    }
  }
  if (bad > kUserProblemsMax)
    out.problems.push_back("and " + std::to_string(bad - kUserProblemsMax) + " more problems");
  out.users = Users(std::move(users));
  return out;
}

}  // namespace postern::sasl
