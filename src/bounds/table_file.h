// TableFile: the memory of a table whose size never changes while it runs: a file that is mapped, or memory alone where
// there is no file or no disk for it.
//
// What is written to it survives the death of the process (kill -9) at once and a power cut as far as the kernel had
// written it. There is nothing to flush and no recovery: every entry of every table is a hint that may be missing, and
// any octets whatever are a valid table. The header alone is checked.
//
// Opening never fails, because mail must flow without these tables (design invariant 7). What opening did:
//
//   no file                      made, 0600, with a new secret
//   same kind, version, size     taken over as it is
//   another size or version      what the table's carry_over can save moves to a file of the right size, with the same
//                                secret; where it cannot, the new one starts empty. A file of another version stays as
//                                NAME.vN for who goes back to it
//   damaged, cut, another kind   moved aside to NAME.damaged (one is kept), a fresh one made
//   no room, no right, no disk   memory, with the file's content where it could be read; the file stays as it is
//
// Each is told in notes(), and logged once as `state_table`. The file has all its blocks from the beginning
// (posix_fallocate), so that a disk that gets full later is no SIGBUS.
//
// A new file is made beside and renamed, so that a process that still has the old one mapped is not disturbed. Two
// processes may have one file open; they share it as threads do.
//
// The header, little endian, in the first 4096 octets; lines follow, in the machine's order (big endian is a version
// of its own: version | 2^31).
//   "PSTNTBL\n"  u32 1  u32 kind  u32 version  u32 64 (octets a line)  u64 lines  16 octets secret
//   u64 created  u64 since  u32 CRC-32C of the 64 octets before
// Thread rule: opened by one thread; lines() by any (lines.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bounds/lines.h"
#include "crypto/siphash.h"

namespace postern::bounds {

enum class TableKind : std::uint8_t { budgets = 1, pending = 2, known = 3 };

inline constexpr std::uint64_t kTableBytesMin = 4096;
inline constexpr std::uint64_t kTableBytesMax = std::uint64_t{64} << 30U;
inline constexpr std::size_t kHeaderBytes = 4096;  // a page, so that lines are aligned to pages

struct TableHeader {
  std::uint32_t kind = 0;
  std::uint32_t version = 0;
  std::uint64_t lines = 0;
  crypto::SipKey secret;
  std::uint64_t created = 0;  // when the secret was made
  std::uint64_t since = 0;    // since when the content has been gathered without a loss: from when the table is warm

  [[nodiscard]] std::string encode() const;
  // nullopt where it is none of ours, or damaged. `bytes` may be longer than a header.
  [[nodiscard]] static std::optional<TableHeader> decode(std::string_view bytes);
};

class TableFile;

struct OldTable {
  std::uint32_t version;
  std::span<Line> lines;
};

struct TableFormat {
  TableKind kind{};
  std::uint32_t version = 1;  // of a line's layout
  // Moves what `old` holds into `fresh`, which is empty and has the same secret; returns how many entries, or nullopt
  // where that version cannot be read or entries cannot be placed anew. nullptr: never.
  std::optional<std::size_t> (*carry_over)(const OldTable& old, TableFile& fresh, std::uint32_t now) = nullptr;
};

struct Note {
  bool trouble = false;  // something was lost or will be
  std::string text;
};

class TableFile {
 public:
  // `bytes` of lines, rounded down to an even number of lines, within kTableBytesMin and kTableBytesMax; the header
  // comes on top in the file. `now`: Unix seconds.
  [[nodiscard]] static TableFile open(const std::string& path, std::uint64_t bytes, const TableFormat& format,
                                      std::uint32_t now);
  [[nodiscard]] static TableFile in_memory(std::uint64_t bytes, const crypto::SipKey& secret, std::uint32_t now = 0);
  [[nodiscard]] static TableFile in_memory(std::uint64_t bytes, std::uint32_t now = 0);  // with a random secret

  TableFile(TableFile&& other) noexcept;
  TableFile& operator=(TableFile&& other) noexcept;
  TableFile(const TableFile&) = delete;
  TableFile& operator=(const TableFile&) = delete;
  ~TableFile();

  [[nodiscard]] std::span<Line> lines() const { return lines_; }
  [[nodiscard]] std::uint64_t bytes() const { return lines_.size_bytes(); }
  [[nodiscard]] std::uint32_t version() const { return header_.version; }  // as OldTable has it
  [[nodiscard]] const crypto::SipKey& secret() const { return header_.secret; }
  [[nodiscard]] std::uint64_t created() const { return header_.created; }
  [[nodiscard]] std::uint64_t since() const { return header_.since; }
  [[nodiscard]] bool on_disk() const { return on_disk_; }
  [[nodiscard]] const std::vector<Note>& notes() const { return notes_; }

 private:
  TableFile() = default;
  void adopt(void* mapping, std::size_t size, std::size_t offset);
  static TableFile anonymous(const TableHeader& header);
  struct Opener;

  TableHeader header_;
  void* mapping_ = nullptr;
  std::size_t mapping_size_ = 0;
  std::span<Line> lines_;
  bool on_disk_ = false;
  std::vector<Note> notes_;
};

}  // namespace postern::bounds
