#include "insight/sessions.h"

#include <sys/stat.h>

#include "insight/source_files.h"
#include "record/files.h"

namespace postern::insight {

namespace {

bool is_folder(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// A file's name is the time at which it was closed, behind the end of each of its sessions.
bool ends_before(const record::RecordFile& file, const std::optional<WallMs>& since) {
  if (!since || file.current) return false;
  return file.stem.substr(0, 16) < record::rotation_stem(*since);
}

}  // namespace

std::uint64_t size_of_file(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

Result<std::vector<SourceFile>> list_source_files(const Sources& sources) {
  std::vector<SourceFile> out;
  for (const std::string& path : sources.paths) {
    const std::string folder = record_folder(path);
    if (!is_folder(folder)) {
      out.push_back({path, size_of_file(path), std::nullopt});
      continue;
    }
    POSTERN_TRY(const auto files, record::list_record_files(folder));
    for (const record::RecordFile& file : files) {
      if (!ends_before(file, sources.since)) out.push_back({file.path, file.size, file});
    }
  }
  return out;
}

std::string record_folder(const std::string& path) {
  const std::string within = path + "/records";
  return is_folder(path) && is_folder(within) ? within : path;
}

std::string data_folder(const std::string& path) {
  std::string folder = record_folder(path);
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  const auto slash = folder.rfind('/');
  const std::string name = slash == std::string::npos ? folder : folder.substr(slash + 1);
  if (is_folder(folder) && name != "records") return folder;
  if (slash == std::string::npos) return ".";
  std::string parent = folder.substr(0, slash);
  if (is_folder(folder)) return parent.empty() ? "/" : parent;
  // a single file: of a folder "records" the data_dir around it
  if (parent.ends_with("/records")) parent.erase(parent.size() - std::string_view("/records").size());
  return parent.empty() ? "/" : parent;
}

Result<LineCount> read_sessions(const Sources& sources, const Visitor& visit, const Progress& progress, Damage damage) {
  POSTERN_TRY(const std::vector<SourceFile> files, list_source_files(sources));
  std::uint64_t total = 0;
  for (const SourceFile& file : files) total += file.size;
  std::uint64_t before = 0;
  LineCount count;
  record::SessionReader reader;
  bool stopped = false;
  const auto line = [&](std::string_view text) {
    stopped = sources.stop != nullptr && sources.stop->load(std::memory_order_relaxed);
    if (stopped) return false;
    switch (reader.read(text)) {
      case record::SessionReader::Kind::other:
        ++count.others;
        break;
      case record::SessionReader::Kind::damaged:
        ++count.damaged;
        break;
      case record::SessionReader::Kind::session:
        if (sources.since && reader.session().start < *sources.since) break;
        ++count.sessions;
        visit(reader.session());
        break;
    }
    return true;
  };
  for (const SourceFile& file : files) {
    std::function<void(std::uint64_t)> told;
    if (progress) told = [&](std::uint64_t octets) { progress(before + octets, total); };
    const Result<record::ReadCount> read =
        file.listed ? record::read_records(*file.listed, line, told) : record::read_records(file.path, line, told);
    if (stopped) return fail(ErrorKind::cancelled, "reading the records was stopped");
    if (read)
      count.damaged += read->skipped;
    else if (damage == Damage::told && read.error().kind != ErrorKind::not_found)
      count.damaged_files.push_back({.path = file.path, .problem = read.error().what});
    else
      return std::unexpected(read.error());
    before += file.size;
  }
  return count;
}

const evidence::Evidence& EvidenceWalk::next(const record::DecisionView& decision) {
  if (!decision.changes.empty()) {
    json::Scanner scanner(decision.changes, scratch_);
    std::uint32_t skipped = 0;
    if (!evidence_.apply(scanner, names_, &skipped)) ++skipped;
    skipped_ += skipped;
  }
  return evidence_;
}

}  // namespace postern::insight
