#include "insight/sessions.h"
#include "insight/why.h"
#include "record/files.h"
#include "record/writer.h"

namespace postern::insight {

namespace {

constexpr WallMs kDay = 24LL * 3600 * 1000;
constexpr std::size_t kDeliveriesMax = 100;

// Files that may hold lines written from `from` to `until`: names are the times of their last lines.
Result<std::vector<record::RecordFile>> files_between(const std::string& folder, WallMs from, WallMs until) {
  std::vector<record::RecordFile> out;
  POSTERN_TRY(const auto files, record::list_record_files(folder));
  const std::string first = record::rotation_stem(from);
  const std::string last = record::rotation_stem(until);
  for (const record::RecordFile& file : files) {
    const std::string closed = file.stem.substr(0, first.size());
    if (!file.current && closed < first) continue;
    out.push_back(file);
    if (!file.current && closed > last) break;
  }
  return out;
}

using Look = std::function<bool(const json::Value& line)>;  // false: enough

// Lines with `needle` somewhere in them, parsed.
Result<void> look_through(const std::vector<record::RecordFile>& files, std::string_view needle, const Look& look) {
  bool more = true;
  for (const record::RecordFile& file : files) {
    const auto each = [&](std::string_view line) {
      if (line.find(needle) == std::string_view::npos) return true;
      const auto value = json::parse(line);
      if (value) more = look(*value);
      return more;
    };
    POSTERN_TRY_VOID(record::read_records(file, each));
    if (!more) break;
  }
  return {};
}

bool is_session_of(const json::Value& line, std::string_view id) {
  if (line.at("schema").string() != "postern.session/1") return false;
  if (line.at("id").string() == id) return true;
  for (const json::Value& transaction : line.at("transactions").array())
    if (transaction.at("message").string() == id) return true;
  return false;
}

bool is_delivery(const json::Value& line) { return line.at("schema").string() == "postern.delivery/1"; }

}  // namespace

Result<std::optional<FoundSession>> find_session(const std::string& records, const Id& id, WallMs now) {
  const std::string folder = record_folder(records);
  // A message's id is made within its session, so its line ends behind it as that of a session does. A session is
  // recorded when it ends, which may be hours later.
  const WallMs made = id.time(now);
  POSTERN_TRY(const auto files, files_between(folder, made - 1000, made + kDay));
  std::optional<FoundSession> found;
  std::optional<Id> of_delivery;
  const std::string text = id.text();
  POSTERN_TRY_VOID(look_through(files, text, [&](const json::Value& line) {
    if (is_session_of(line, text)) {
      found.emplace().session = line;
      return false;
    }
    if (is_delivery(line) && line.at("id").string() == text) of_delivery = Id::parse(line.at("message").string());
    return true;
  }));
  if (!found && of_delivery && *of_delivery != id) return find_session(records, *of_delivery, now);
  if (!found) return found;
  for (const json::Value& transaction : found->session.at("transactions").array()) {
    const std::string message(transaction.at("message").string());
    if (message.empty()) continue;
    POSTERN_TRY_VOID(look_through(files, message, [&](const json::Value& line) {
      if (is_delivery(line) && line.at("message").string() == message) found->deliveries.push_back(line);
      return found->deliveries.size() < kDeliveriesMax;
    }));
  }
  return found;
}

}  // namespace postern::insight
