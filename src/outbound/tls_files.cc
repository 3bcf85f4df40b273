#include "outbound/tls_files.h"

#include "base/file.h"
#include "base/text.h"
#include "outbound/published_tls.h"

namespace postern::outbound {

namespace {

constexpr std::size_t kFileMax = 64 << 20;

Result<std::string> text_of(const std::string& path) {
  auto text = read_file(path, kFileMax);
  if (!text && text.error().kind == ErrorKind::not_found) return std::string();
  return text;
}

}  // namespace

Result<dns::Name> parse_tls_name(std::string_view text) {
  auto name = dns::Name::from_unicode(text);
  if (name && !name->is_root()) return std::move(*name);
  return fail(
      ErrorKind::invalid,
      "\"" + printable(text, 80) + "\" is no name; write that of a host or a domain, as `postern tls list` shows it");
}

Result<json::Value> forgotten_answer(const dns::Name& name, std::size_t entries) {
  if (entries == 0)
    return fail(ErrorKind::not_found, "nothing is remembered of " + name.text() + "; see `postern tls list`");
  return json::Value(json::Value::Object{{"forgotten", json::Value(static_cast<std::int64_t>(entries))}});
}

Result<json::Value> list_tls_files(const std::string& data_dir, std::int64_t remember_verified_ms, WallMs now) {
  TlsMemory::Times times;
  times.verified = remember_verified_ms;
  TlsMemory memory(times);
  POSTERN_TRY(const std::string remembered, text_of(TlsFiles::memory(data_dir)));
  (void)memory.load(remembered);
  POSTERN_TRY(const std::string policies, text_of(TlsFiles::policies(data_dir)));
  std::vector<StsEntry> entries;
  for (const std::string_view line : split(policies, '\n')) {
    if (auto entry = parse_sts_entry(line)) entries.push_back(std::move(*entry));
  }
  return list_tls(entries, memory, now);
}

Result<json::Value> forget_in_tls_files(const std::string& data_dir, const dns::Name& name) {
  TlsMemory memory({});
  POSTERN_TRY(const std::string remembered, text_of(TlsFiles::memory(data_dir)));
  (void)memory.load(remembered);
  std::size_t forgotten = memory.forget(name);
  if (forgotten > 0) POSTERN_TRY_VOID(replace_file(TlsFiles::memory(data_dir), memory.text()));
  POSTERN_TRY(const std::string policies, text_of(TlsFiles::policies(data_dir)));
  std::string left;
  std::size_t gone = 0;
  for (const std::string_view line : split(policies, '\n')) {
    if (line.empty()) continue;
    const auto entry = parse_sts_entry(line);
    if (entry && entry->domain == name)
      ++gone;
    else
      left += std::string(line) + "\n";
  }
  if (gone > 0) POSTERN_TRY_VOID(replace_file(TlsFiles::policies(data_dir), left));
  return forgotten_answer(name, forgotten + gone);
}

}  // namespace postern::outbound
