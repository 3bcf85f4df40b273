#include "access/operator_file.h"

#include <algorithm>
#include <span>

#include "base/file.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace postern::access {

namespace {

constexpr std::size_t kSuggestFrom = 10'000;  // subjects looked at for "did you mean"

Result<void> save(const std::string& path, std::span<const Entry> entries) {
  std::string text;
  for (const Entry& entry : entries) text += entry_line(entry) + "\n";
  return replace_file(path, text);
}

struct Parsed {
  std::vector<Entry> entries;
  std::vector<Error> problems;
};

Parsed read(const std::string& path) {
  Parsed out;
  const auto text = read_file(path, kFileMax);
  if (!text) {
    if (text.error().kind != ErrorKind::not_found) out.problems.push_back(text.error());
    return out;
  }
  std::size_t number = 0;
  std::size_t bad = 0;
  const auto complain = [&](ErrorKind kind, const std::string& what) {
    if (++bad <= kFileProblemsMax) {
      out.problems.push_back(Error{kind, path + ":" + std::to_string(number) + ": " + what, 0});
    }
  };
  for (std::string_view line : split(*text, '\n')) {
    ++number;
    line = trim(line);
    if (line.empty()) continue;
    auto entry = parse_entry(line);
    if (!entry) {
      complain(entry.error().kind, "the line " + entry.error().what + "; mend it or take it out");
    } else if (out.entries.size() >= kEntriesMax) {
      complain(ErrorKind::limit, "is beyond the " + std::to_string(kEntriesMax) + " entries that there may be");
      break;
    } else {
      out.entries.push_back(std::move(*entry));
    }
  }
  if (bad > kFileProblemsMax) {
    out.problems.push_back(
        Error{ErrorKind::invalid, path + ": and " + std::to_string(bad - kFileProblemsMax) + " more problems", 0});
  }
  return out;
}

// What a change starts from.
Result<std::vector<Entry>> read_for_change(const std::string& path) {
  Parsed parsed = read(path);
  if (parsed.problems.empty()) return std::move(parsed.entries);
  Error first = std::move(parsed.problems.front());
  first.what = "nothing is changed, because what cannot be read would be lost: " + first.what;
  return std::unexpected(std::move(first));
}

}  // namespace

OperatorFile::OperatorFile(const std::string& data_dir)
    : path_(data_dir + "/operator.jsonl"), lock_path_(data_dir + "/operator.lock") {}

OperatorFile::Loaded OperatorFile::load() const {
  Parsed parsed = read(path_);
  return {.list = std::make_shared<const OperatorList>(std::move(parsed.entries)),
          .problems = std::move(parsed.problems)};
}

Result<OperatorFile::Change> OperatorFile::add(const Entry& entry, WallMs now) {
  POSTERN_TRY_VOID(check(entry));
  POSTERN_TRY(const UniqueFd held, lock_file(lock_path_, kLockTimeoutMs));
  POSTERN_TRY(std::vector<Entry> entries, read_for_change(path_));
  Change change;
  std::erase_if(entries, [&](const Entry& other) {
    const bool same = other.subject == entry.subject;
    if (same && !other.expired(now)) change.before = other;
    return same || other.expired(now);
  });
  if (entries.size() >= kEntriesMax) {
    return fail(ErrorKind::limit, "there are " + std::to_string(kEntriesMax) +
                                      " entries already, which is the limit; remove some, or deny wider prefixes");
  }
  entries.push_back(entry);
  change.list = std::make_shared<const OperatorList>(std::move(entries));
  POSTERN_TRY_VOID(save(path_, change.list->entries()));
  change.sequence = ++sequence_;
  return change;
}

Result<OperatorFile::Change> OperatorFile::remove(std::string_view subject, WallMs now) {
  POSTERN_TRY(const Entry wanted, parse_subject(subject));
  POSTERN_TRY(const UniqueFd held, lock_file(lock_path_, kLockTimeoutMs));
  POSTERN_TRY(std::vector<Entry> entries, read_for_change(path_));
  Change change;
  std::vector<std::string> others;
  std::erase_if(entries, [&](const Entry& other) {
    const bool same = other.subject == wanted.subject;
    if (other.expired(now)) return true;
    if (same) change.before = other;
    if (!same && others.size() < kSuggestFrom) others.push_back(other.subject);
    return same;
  });
  if (!change.before) {
    const auto near = nearest(wanted.subject, others);
    return fail(ErrorKind::not_found, "there is no entry for " + wanted.subject +
                                          (near ? "; did you mean " + *near + "?" : "; see what there is with --list"));
  }
  change.list = std::make_shared<const OperatorList>(std::move(entries));
  POSTERN_TRY_VOID(save(path_, change.list->entries()));
  change.sequence = ++sequence_;
  return change;
}

}  // namespace postern::access
