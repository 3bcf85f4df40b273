// Arbitrary octets as the segments of a spool: recovery never crashes or loops, and what it lists can be asked for.
// The first octet says what the rest is: an intake segment, a meta log, or records whose check sums are made right
// first, so that the fuzzer gets past them.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "spool/journal.h"
#include "spool/record_format.h"
#include "spool/recovery.h"

namespace {

using namespace postern;
using namespace postern::spool;

class TextFile final : public File {
 public:
  explicit TextFile(std::string octets) : octets_(std::move(octets)) {}
  Result<void> write(std::span<iovec>, std::uint64_t) override { return fail(ErrorKind::storage, "read only"); }
  Result<void> sync() override { return {}; }
  Result<void> allocate(std::uint64_t) override { return fail(ErrorKind::storage, "read only"); }
  Result<std::size_t> read(std::span<char> out, std::uint64_t offset) const override {
    if (offset >= octets_.size()) return std::size_t{0};
    return octets_.copy(out.data(), out.size(), static_cast<std::size_t>(offset));
  }
  Result<std::uint64_t> size() const override { return octets_.size(); }

 private:
  std::string octets_;
};

class TextDisk final : public Disk {
 public:
  std::map<std::string, std::string> files;
  Result<std::unique_ptr<File>> open(const std::string& path, Open how) override {
    const auto found = files.find(path);
    if (how != Open::read || found == files.end()) return fail(ErrorKind::storage, "no such file");
    return std::make_unique<TextFile>(found->second);
  }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    std::vector<std::string> names;
    for (const auto& [path, octets] : files) {
      if (path.starts_with(directory + "/")) names.push_back(path.substr(directory.size() + 1));
    }
    return names;
  }
  Result<void> make_directory(const std::string&) override { return {}; }
  Result<void> rename(const std::string&, const std::string&) override { return {}; }
  Result<void> unlink(const std::string&) override { return {}; }
  Result<void> sync_directory(const std::string&) override { return {}; }
  Result<Space> space(const std::string&) override { return Space{}; }
  Result<std::unique_ptr<File>> lock(const std::string&) override { return std::make_unique<TextFile>(""); }
};

// Takes records (type, two octets of length, payload) and writes them as the log would.
std::string with_check_sums(std::string_view input, LogKind kind) {
  constexpr std::uint64_t kKey = 0x0123456789ABCDEF;
  std::string out = encode_segment_header({kind, 1, kKey});
  while (input.size() >= 3) {
    const auto octet = [&](std::size_t i) { return static_cast<std::uint8_t>(input[i]); };
    const std::size_t length = static_cast<std::size_t>(octet(1)) << 8U | octet(2);
    const std::string_view payload = input.substr(3, length);
    RecordHeader header;
    header.type = static_cast<RecordType>(1 + octet(0) % 5);
    header.length = static_cast<std::uint32_t>(payload.size());
    header.payload_crc = crc32c(payload);
    header.place = {1, static_cast<std::uint32_t>(out.size() / 8)};
    header.key = kKey;
    std::string head(kRecordHeader, '\0');
    encode_record_header(header, std::span(head).first<kRecordHeader>());
    out += head;
    out += payload;
    out.resize(padded(out.size()));
    input.remove_prefix(std::min(input.size(), 3 + length));
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest = std::string_view(reinterpret_cast<const char*>(data), size).substr(1);
  TextDisk disk;
  const bool meta_kind = (data[0] & 1U) != 0;
  const LogKind kind = meta_kind ? LogKind::meta : LogKind::intake;
  const std::string path = meta_kind ? "/meta/00000001.log" : "/intake/00000001.seg";
  disk.files[path] = (data[0] & 2U) != 0 ? with_check_sums(rest, kind) : std::string(rest);
  SegmentLog intake({&disk, LogKind::intake, "/intake", ".seg", 65536, 0});
  SegmentLog meta({&disk, LogKind::meta, "/meta", ".log", 65536, 0});
  Recovered found;
  (void)recover({}, disk, intake, meta, "/deferred", found);
  std::size_t listed = 0;
  for (const QueuedMessage& message : found.index.list(std::nullopt, SIZE_MAX)) {
    if (found.index.find(message.id) == nullptr) std::abort();
    ++listed;
  }
  if (listed != found.index.size()) std::abort();
  return 0;
}
