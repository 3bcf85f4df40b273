#include "insight/marks.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/json.h"
#include "base/json_scanner.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "record/writer.h"

namespace postern::insight {

Result<Marks> Marks::read(const std::string& file) {
  Marks out;
  if (::access(file.c_str(), F_OK) != 0) {
    if (errno == ENOENT) return out;
    return fail_errno(ErrorKind::storage, "reading " + file, errno);
  }
  POSTERN_TRY(const record::ReadCount count, record::read_records(file, [&out](std::string_view line) {
                if (!out.add_line(line)) ++out.skipped_;
                return true;
              }));
  out.skipped_ += count.skipped;
  return out;
}

bool Marks::add_line(std::string_view line) {
  std::string scratch;
  std::string_view id_text;
  std::string_view word;
  json::Scanner scanner(line, scratch);
  const bool whole = scanner.object([&](std::string_view key) {
    if (key == "id") return scanner.string(id_text);
    if (key == "mark") return scanner.string(word);
    return scanner.skip();
  });
  const auto id = Id::parse(id_text);
  if (!whole || !scanner.finished() || !id || (word != "ham" && word != "spam")) return false;
  if (marks_.size() >= kMarksMax && !marks_.contains(*id)) return false;
  add(*id, word == "ham" ? MarkWord::ham : MarkWord::spam);
  return true;
}

const MarkWord* Marks::find(const Id& id) const {
  const auto found = marks_.find(id);
  return found == marks_.end() ? nullptr : &found->second;
}

const MarkWord* Marks::find(std::string_view id) const {
  if (marks_.empty()) return nullptr;
  const auto parsed = Id::parse(id);
  return parsed ? find(*parsed) : nullptr;
}

Result<void> append_mark(const std::string& file, const Mark& mark, WallMs now) {
  const UniqueFd fd(::open(file.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail_errno(ErrorKind::storage, "opening " + file, errno);
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return fail_errno(ErrorKind::storage, "locking " + file, errno);
  }
  std::string line;
  struct stat status{};
  char last = '\n';
  if (::fstat(fd.get(), &status) == 0 && status.st_size > 0 && ::pread(fd.get(), &last, 1, status.st_size - 1) == 1 &&
      last != '\n') {
    line += '\n';
  }
  json::Writer writer(line);
  writer.begin_object().field("id", mark.id.text()).field("mark", mark.word == MarkWord::ham ? "ham" : "spam");
  writer.field("time", iso8601(now));
  if (!mark.note.empty()) writer.field("note", utf8_head(mark.note, kNoteMax));
  writer.end_object();
  line += '\n';
  const ssize_t written = ::write(fd.get(), line.data(), line.size());
  if (written < 0) return fail_errno(ErrorKind::storage, "writing " + file, errno);
  if (static_cast<std::size_t>(written) != line.size() || ::fsync(fd.get()) != 0) {
    return fail(ErrorKind::storage, "writing " + file + ": not all of it reached the disk");
  }
  return {};
}

}  // namespace postern::insight
