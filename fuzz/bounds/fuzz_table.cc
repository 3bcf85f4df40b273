// Any octets opened as a table: never a crash, always a table of the size that was asked for, in which every answer is
// within its bounds. The input's first octet says which table, whether the header's checksum is put right (so that the
// fuzzer gets past it), and how many lines are asked for; the second moves the clock. The rest is the file.
#include <stdlib.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>

#include "base/bytes.h"
#include "base/log.h"
#include "base/result.h"
#include "bounds/known_senders.h"
#include "bounds/pending.h"
#include "bounds/prefix_budgets.h"
#include "bounds/table_file.h"

using namespace postern;
using namespace postern::bounds;

namespace {

constexpr std::uint32_t kNow = 1'795'243'208;
constexpr std::size_t kFileMax = 64 << 10;
constexpr std::size_t kHeaderUsed = 68;

// A folder in memory, where there is one, for as long as the process runs.
class Folder {
 public:
  Folder() : path_((::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") + std::string("/postern_fuzz_XXXXXX")) {
    POSTERN_CHECK(::mkdtemp(path_.data()) != nullptr);
    log::set_level(log::Level::error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    for (const char* name : {"/t", "/t.damaged", "/t.new"}) ::unlink((path_ + name).c_str());
    ::rmdir(path_.c_str());
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A header that names what is opened, over whatever stands there: the lines are then the fuzzer's.
void put_right(std::string& file, const TableFormat& format) {
  const std::size_t lines = file.size() <= kHeaderBytes ? 0 : (file.size() - kHeaderBytes) / kLineBytes / 2 * 2;
  file.resize(kHeaderBytes + lines * kLineBytes);
  const TableHeader header{.kind = static_cast<std::uint32_t>(format.kind),
                           .version = format.version,
                           .lines = lines,
                           .secret = {1, 2},
                           .created = kNow,
                           .since = kNow};
  file.replace(0, kHeaderUsed, header.encode());
}

void use(PrefixBudgets& table, std::uint32_t now) {
  for (std::uint8_t i = 0; i < 40; ++i) {
    const ip::Address address =
        i % 2 == 0 ? ip::Address::v4({192, 0, 2, i}) : ip::Address::v6({0x20, 1, 0xD, 0xB8, 0, 0, i});
    const Event event{.address = address, .known = i % 5 == 0, .identity = i, .cost = static_cast<double>(i % 7)};
    const Decision decision = table.take(event, now + i);
    POSTERN_CHECK(decision.admitted == (decision.refused_by == 0));
    POSTERN_CHECK(decision.fullest.share >= 0 && decision.fullest.share <= 1);
    table.charge(event, now - i);
    for (const Load& load : table.describe(address, now).all()) POSTERN_CHECK(load.share >= 0 && load.share <= 1);
    // Whatever stood there fails open in the end.
    POSTERN_CHECK(table.decide({.address = address, .known = true, .identity = {}}, now + 10'000'000).admitted);
  }
  const double occupancy = table.occupancy(now);
  POSTERN_CHECK(occupancy >= 0 && occupancy <= 1);
}

void use(Pending& table, std::uint32_t now) {
  const GreylistTimes times;
  for (std::uint64_t key = 0; key < 40; ++key) {
    const auto before = table.look(key, now, times);
    POSTERN_CHECK(before.kind != Pending::Kind::early || (before.seconds > 0 && before.seconds <= times.delay));
    table.note(key, now, times);
    // One thread: what was noted is there, and due after the delay.
    POSTERN_CHECK(table.look(key, now, times).kind != Pending::Kind::unseen);
    POSTERN_CHECK(table.look(key, now + times.delay, times).kind != Pending::Kind::early);
  }
  POSTERN_CHECK(table.occupancy(now, times) <= 1);
}

void use(KnownSenders& table, std::uint32_t now) {
  for (std::uint64_t key = 0; key < 40; ++key) {
    (void)table.look(key, now);
    const auto after = table.note(key, static_cast<SenderEvent>(key % 8), now);
    POSTERN_CHECK(!after || (after->accepted <= 15 && after->passes <= 3 && after->tls_failures <= 3));
    if (table.note(key, SenderEvent::pinned, now)) POSTERN_CHECK(table.known(key, now));
  }
  (void)table.shares(now);
}

template <class Table>
void open_and_use(std::string file, bool right, std::uint64_t bytes, std::uint32_t now) {
  static const Folder folder;
  const std::string path = folder.path() + "/t";
  if (right) put_right(file, Table::format());
  {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(file.data(), static_cast<std::streamsize>(file.size()));
  }
  const auto open = [&] {
    if constexpr (std::is_same_v<Table, PrefixBudgets>) {
      return Table(TableFile::open(path, bytes, Table::format(), now), {});
    } else {
      return Table(TableFile::open(path, bytes, Table::format(), now));
    }
  };
  {
    Table table = open();
    POSTERN_CHECK(table.table().bytes() == bytes);
    use(table, now);
  }
  Table again = open();
  POSTERN_CHECK(again.table().notes().empty());
  use(again, now + 60);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > kFileMax) return 0;
  const std::uint8_t how = data[0];
  const std::uint32_t now = kNow + data[1] * 4099U;
  const std::string file(reinterpret_cast<const char*>(data) + 2, size - 2);
  const bool right = (how & 4U) != 0;
  const std::uint64_t bytes = kTableBytesMin + (how >> 3U) * 2 * kLineBytes;
  switch (how % 4) {
    case 0:
      open_and_use<PrefixBudgets>(file, right, bytes, now);
      break;
    case 1:
      open_and_use<Pending>(file, right, bytes, now);
      break;
    default:
      open_and_use<KnownSenders>(file, right, bytes, now);
      break;
  }
  return 0;
}
