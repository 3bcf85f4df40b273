#include "insight/aggregates.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>

#include "base/text.h"
#include "base/unique_fd.h"
#include "record/files.h"
#include "record/writer.h"

namespace postern::insight {

namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

std::string day_text(std::int64_t number) { return iso8601(number * kDayMs).substr(0, 10); }
std::string month_of(std::int64_t number) { return day_text(number).substr(0, 7); }

// "2026-11.jsonl"
bool is_month_file(std::string_view name) {
  return name.size() == 13 && name.ends_with(".jsonl") &&
         parse_iso8601(std::string(name.substr(0, 7)) + "-01").has_value();
}

Result<std::vector<std::string>> month_files(const std::string& folder) {
  std::vector<std::string> out;
  const std::unique_ptr<DIR, CloseDir> dir(::opendir(folder.c_str()));
  if (dir == nullptr) {
    if (errno == ENOENT) return out;
    return fail_errno(ErrorKind::storage, "opening " + folder, errno);
  }
  while (const dirent* const entry = ::readdir(dir.get())) {
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (is_month_file(name)) out.push_back(folder + "/" + std::string(name));
  }
  std::ranges::sort(out);
  return out;
}

Result<void> write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail_errno(ErrorKind::storage, "writing " + path, errno);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> replace_file(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  const UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail_errno(ErrorKind::storage, "opening " + beside, errno);
  POSTERN_TRY_VOID(write_all(fd.get(), text, beside));
  if (::fsync(fd.get()) != 0) return fail_errno(ErrorKind::storage, "syncing " + beside, errno);
  if (::rename(beside.c_str(), path.c_str()) != 0) return fail_errno(ErrorKind::storage, "renaming " + beside, errno);
  return {};
}

// The day of the oldest session that is recorded.
Result<std::optional<std::int64_t>> oldest_day(const std::string& records) {
  POSTERN_TRY(const auto files, record::list_record_files(records));
  std::optional<std::int64_t> out;
  record::SessionReader reader;
  for (const record::RecordFile& file : files) {
    POSTERN_TRY_VOID(record::read_records(file, [&](std::string_view line) {
      if (reader.read(line) == record::SessionReader::Kind::session) out = reader.session().start / kDayMs;
      return !out;
    }));
    if (out) return out;
  }
  return out;
}

// Which days are to be written: those that are over and were not, and those that have settled since.
std::set<std::int64_t> due_days(const std::map<std::int64_t, Day>& written, std::int64_t oldest, WallMs now) {
  std::set<std::int64_t> out;
  const std::int64_t end = (now - kGraceMs) / kDayMs;  // the first day that is not over
  for (std::int64_t day = oldest; day < end; ++day) {
    const auto found = written.find(day);
    const bool is_new = found == written.end();
    // Of the oldest day records may be gone already: what is written of it stays.
    const bool settles = !is_new && !found->second.settled && day + kSettledDays < end && day > oldest;
    if (is_new || settles) out.insert(day);
  }
  return out;
}

}  // namespace

const evidence::Evidence* DayBuilder::add(const record::SessionView& session) {
  const std::int64_t number = session.start / kDayMs;
  walk_.begin();
  for (const record::DecisionView& decision : session.decisions) walk_.next(decision);
  key_ = sender_key(session, walk_.now());
  const bool first = sender_days_.first(session, key_);
  if (wanted_ && !wanted_(number)) return nullptr;
  Day& day = days_[number];
  day.number = number;
  day.statistics.add(session);
  if (!first) return nullptr;
  own_signs_ = outcomes_.signs_of(session, walk_.now());
  day.tally.add(walk_.now(), session.ipv6, own_signs_, outcomes_.signs_of_sender(key_));
  return &walk_.now();
}

Result<std::map<std::int64_t, Day>> read_days(const std::string& folder, evidence::ListNames& names) {
  std::map<std::int64_t, Day> out;
  POSTERN_TRY(const auto files, month_files(folder));
  for (const std::string& file : files) {
    const auto read = record::read_records(file, [&](std::string_view line) {
      if (auto day = parse_day(line, names)) out.insert_or_assign(day->number, std::move(*day));
      return true;
    });
    if (!read) return std::unexpected(read.error());
  }
  return out;
}

Result<AggregateCount> aggregate_days(const std::string& records, const std::string& folder, const Marks& marks,
                                      WallMs now, const Progress& progress, const std::atomic<bool>* stop) {
  AggregateCount count;
  const std::string record_files = record_folder(records);
  POSTERN_TRY(const auto oldest, oldest_day(record_files));
  if (!oldest) return count;
  evidence::ListNames names;
  POSTERN_TRY(auto days, read_days(folder, names));
  const std::set<std::int64_t> due = due_days(days, *oldest, now);
  if (due.empty()) return count;

  const Sources sources{.paths = {record_files}, .since = *due.begin() * kDayMs, .stop = stop};
  Outcomes outcomes(marks);
  POSTERN_TRY_VOID(
      read_sessions(sources, [&](const record::SessionView& session) { outcomes.add(session); }, progress));
  DayBuilder builder(outcomes, names, [&due](std::int64_t day) { return due.contains(day); });
  POSTERN_TRY_VOID(read_sessions(sources, [&](const record::SessionView& session) { builder.add(session); }, progress));

  std::set<std::string> months;
  const std::int64_t end = (now - kGraceMs) / kDayMs;
  for (const std::int64_t number : due) {
    Day day = std::move(builder.days()[number]);
    day.number = number;
    day.settled = number + kSettledDays < end;
    days.insert_or_assign(number, std::move(day));
    months.insert(month_of(number));
    ++count.written;
  }
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno(ErrorKind::storage, "making " + folder, errno);
  }
  for (const std::string& month : months) {
    std::string text;
    for (const auto& [number, day] : days)
      if (month_of(number) == month) text += day_line(day, builder.names()) + "\n";
    POSTERN_TRY_VOID(replace_file(folder + "/" + month + ".jsonl", text));
  }
  return count;
}

}  // namespace postern::insight
