#include "bounds/table_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/id.h"
#include "base/log.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace postern::bounds {

namespace {

constexpr std::string_view kMagic = "PSTNTBL\n";
constexpr std::uint32_t kHeaderVersion = 1;
constexpr std::uint32_t kBigEndian = 0x80000000U;
constexpr std::size_t kHeaderUsed = 68;

std::uint32_t native(std::uint32_t version) {
  return std::endian::native == std::endian::big ? version | kBigEndian : version;
}

std::uint64_t line_count(std::uint64_t bytes) {
  return std::clamp(bytes, kTableBytesMin, kTableBytesMax) / kLineBytes / 2 * 2;
}

std::size_t file_size(std::uint64_t lines) { return kHeaderBytes + static_cast<std::size_t>(lines) * kLineBytes; }

crypto::SipKey random_secret() {
  std::array<std::uint8_t, 16> bytes{};
  random_bytes(bytes.data(), bytes.size());
  return crypto::SipKey::from_bytes(bytes);
}

std::string why(int error) { return std::string(std::strerror(error)); }

// Reads until `size` octets are there; false where the file ends before, or cannot be read.
bool read_all(int fd, char* out, std::size_t size, std::size_t offset) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(fd, out + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace

std::string TableHeader::encode() const {
  std::string out;
  BinaryWriter writer(out);
  writer.bytes(kMagic);
  writer.u32(kHeaderVersion);
  writer.u32(kind);
  writer.u32(version);
  writer.u32(kLineBytes);
  writer.u64(lines);
  writer.u64(secret.k0);
  writer.u64(secret.k1);
  writer.u64(created);
  writer.u64(since);
  writer.u32(crc32c(out));
  POSTERN_CHECK(out.size() == kHeaderUsed);
  return out;
}

std::optional<TableHeader> TableHeader::decode(std::string_view bytes) {
  const std::string_view used = bytes.substr(0, kHeaderUsed);
  BinaryReader reader(used);
  if (reader.bytes(kMagic.size()) != kMagic || reader.u32() != kHeaderVersion) return std::nullopt;
  TableHeader header;
  header.kind = reader.u32();
  header.version = reader.u32();
  const std::uint32_t line_bytes = reader.u32();
  header.lines = reader.u64();
  header.secret.k0 = reader.u64();
  header.secret.k1 = reader.u64();
  header.created = reader.u64();
  header.since = reader.u64();
  const std::uint32_t crc = reader.u32();
  if (!reader.complete() || crc != crc32c(used.substr(0, kHeaderUsed - 4))) return std::nullopt;
  if (line_bytes != kLineBytes || header.lines != line_count(header.lines * kLineBytes)) return std::nullopt;
  return header;
}

TableFile::TableFile(TableFile&& other) noexcept { *this = std::move(other); }

TableFile& TableFile::operator=(TableFile&& other) noexcept {
  std::swap(header_, other.header_);
  std::swap(mapping_, other.mapping_);
  std::swap(mapping_size_, other.mapping_size_);
  std::swap(lines_, other.lines_);
  std::swap(on_disk_, other.on_disk_);
  std::swap(notes_, other.notes_);
  return *this;
}

TableFile::~TableFile() {
  if (mapping_ != nullptr) ::munmap(mapping_, mapping_size_);
}

void TableFile::adopt(void* mapping, std::size_t size, std::size_t offset) {
  mapping_ = mapping;
  mapping_size_ = size;
  const std::span<char> bytes = std::span(static_cast<char*>(mapping), size).subspan(offset);
  lines_ = std::span(reinterpret_cast<Line*>(bytes.data()), bytes.size() / kLineBytes);
}

TableFile TableFile::anonymous(const TableHeader& header) {
  TableFile table;
  table.header_ = header;
  const auto map = [](std::size_t size) {
    return ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  };
  std::size_t size = static_cast<std::size_t>(header.lines) * kLineBytes;
  void* mapping = map(size);
  if (mapping == MAP_FAILED) {
    table.notes_.push_back({true, "no memory for a table of " + human_bytes(size) +
                                      "; the smallest one stands for it until a start with a smaller size"});
    size = kTableBytesMin;
    table.header_.lines = line_count(size);
    mapping = map(size);
    POSTERN_CHECK(mapping != MAP_FAILED);
  }
  table.adopt(mapping, size, 0);
  return table;
}

TableFile TableFile::in_memory(std::uint64_t bytes, const crypto::SipKey& secret, std::uint32_t now) {
  return anonymous(
      {.kind = 0, .version = 0, .lines = line_count(bytes), .secret = secret, .created = now, .since = now});
}

TableFile TableFile::in_memory(std::uint64_t bytes, std::uint32_t now) {
  return in_memory(bytes, random_secret(), now);
}

// The steps of open(); each falls back to memory where the disk says no.
struct TableFile::Opener {
  const std::string& path;
  const TableFormat& format;
  std::uint64_t lines;
  std::uint32_t now;
  std::vector<Note> notes;

  void note(std::string text, bool trouble = true) { notes.push_back({trouble, std::move(text)}); }

  TableHeader blank() const {
    return {.kind = static_cast<std::uint32_t>(format.kind),
            .version = native(format.version),
            .lines = lines,
            .secret = random_secret(),
            .created = now,
            .since = now};
  }

  void set_aside(const std::string& as, const std::string& reason) {
    if (::rename(path.c_str(), as.c_str()) == 0) {
      note(reason + "; it is kept as " + as + ", an empty one takes its place");
    } else {
      note(reason + ", and it cannot be renamed to " + as + " (" + why(errno) + "); an empty one replaces it");
    }
  }

  // Maps `fd`, which has all its octets, for reading and writing. nullopt where that fails; then errno says why.
  static std::optional<TableFile> map_shared(int fd, const TableHeader& header) {
    const std::size_t size = file_size(header.lines);
    if (const int error = ::posix_fallocate(fd, 0, static_cast<off_t>(size)); error != 0) {
      errno = error;
      return std::nullopt;
    }
    void* mapping = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapping == MAP_FAILED) return std::nullopt;
    TableFile table;
    table.header_ = header;
    table.adopt(mapping, size, kHeaderBytes);
    table.on_disk_ = true;
    return table;
  }

  // A new file beside `path`, not yet under its name: publish() does that.
  std::optional<TableFile> make(const TableHeader& header, UniqueFd& fd) const {
    const std::string beside = path + ".new";
    ::unlink(beside.c_str());  // what an interrupted start left
    fd.reset(::open(beside.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (!fd.valid()) return std::nullopt;
    auto table = map_shared(fd.get(), header);
    const std::string encoded = header.encode();
    if (table && ::pwrite(fd.get(), encoded.data(), encoded.size(), 0) == static_cast<ssize_t>(encoded.size())) {
      return table;
    }
    const int error = errno;
    ::unlink(beside.c_str());
    errno = error;
    return std::nullopt;
  }

  bool publish(const UniqueFd& fd) const {
    const std::string beside = path + ".new";
    // Synced first: a rename that outlives a power cut must not name a file without its content.
    if (::fsync(fd.get()) == 0 && ::rename(beside.c_str(), path.c_str()) == 0) return true;
    const int error = errno;
    ::unlink(beside.c_str());
    errno = error;
    return false;
  }

  // A table with `header`, on disk if the disk lets us.
  TableFile fresh(const TableHeader& header, const OldTable* old) {
    UniqueFd fd;
    auto table = make(header, fd);
    std::optional<std::size_t> moved;
    const auto fill = [&](TableFile& target) {
      if (old != nullptr && format.carry_over != nullptr) moved = format.carry_over(*old, target, now);
      if (old != nullptr && !moved) target.header_.since = now;
    };
    if (table) {
      fill(*table);
      const std::string encoded = table->header_.encode();
      if (::pwrite(fd.get(), encoded.data(), encoded.size(), 0) == static_cast<ssize_t>(encoded.size()) &&
          publish(fd)) {
        tell(old, moved);
        return std::move(*table);
      }
    }
    note("cannot make " + path + " with " + human_bytes(file_size(header.lines)) + " (" + why(errno) +
         "); the table is in memory only and will be empty after a restart");
    table = anonymous(header);
    fill(*table);
    tell(old, moved);
    return std::move(*table);
  }

  void tell(const OldTable* old, const std::optional<std::size_t>& moved) {
    if (old == nullptr) return;
    const std::string change =
        old->version != native(format.version)
            ? path + " had version " + std::to_string(old->version & ~kBigEndian)
            : path + " had " + human_bytes(old->lines.size_bytes()) + ", now has " + human_bytes(lines * kLineBytes);
    if (moved) {
      note(change + "; " + std::to_string(*moved) + " entries were carried over", false);
    } else {
      note(change + "; its entries cannot be placed anew, so that it starts empty");
    }
  }

  TableFile replace(const UniqueFd& fd, const TableHeader& old_header) {
    TableHeader header = blank();
    header.secret = old_header.secret;
    header.created = old_header.created;
    header.since = old_header.since;
    const std::size_t size = file_size(old_header.lines);
    // Private and writable, because a line is read by the same functions everywhere; nobody writes.
    void* mapping = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd.get(), 0);
    if (mapping == MAP_FAILED) {
      note("cannot map " + path + " (" + why(errno) + "); it starts empty");
      return fresh(blank(), nullptr);
    }
    TableFile old;
    old.adopt(mapping, size, kHeaderBytes);
    const OldTable view{old_header.version, old.lines()};
    if (old_header.version != header.version) {
      const std::string kept = path + ".v" + std::to_string(old_header.version & ~kBigEndian);
      if (::link(path.c_str(), kept.c_str()) == 0) note("the former file stays as " + kept, false);
    }
    return fresh(header, &view);
  }

  // As it is, or a copy in memory where it may be read but not written.
  TableFile take_over(const UniqueFd& fd, const TableHeader& header, bool writable) {
    if (writable) {
      if (auto table = map_shared(fd.get(), header)) return std::move(*table);
    }
    note("cannot write to " + path + " (" + why(writable ? errno : EACCES) +
         "); a copy of it is in memory, and what it learns will be gone after a restart");
    TableFile table = anonymous(header);
    if (!read_all(fd.get(), reinterpret_cast<char*>(table.lines_.data()), table.lines_.size_bytes(), kHeaderBytes)) {
      note("and not all of it could be read");
    }
    return table;
  }

  TableFile run() {
    bool writable = true;
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!fd.valid() && errno == ENOENT) {
      note("made " + path + ", " + human_bytes(lines * kLineBytes), false);
      return fresh(blank(), nullptr);
    }
    if (!fd.valid() && (errno == EACCES || errno == EROFS || errno == EPERM)) {
      writable = false;
      fd.reset(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    }
    struct stat about{};
    if (!fd.valid() || ::fstat(fd.get(), &about) != 0 || !S_ISREG(about.st_mode)) {
      note("cannot open " + path + " (" + (fd.valid() ? "it is no file" : why(errno)) +
           "); the table is in memory only and will be empty after a restart");
      return anonymous(blank());
    }
    // Whoever reads the secret can aim at single lines.
    if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0 && ::fchmod(fd.get(), S_IRUSR | S_IWUSR) == 0) {
      note(path + " could be read by others; its mode is 0600 again. To change the secret, remove the file");
    }
    std::array<char, kHeaderUsed> head{};
    std::optional<TableHeader> header;
    if (read_all(fd.get(), head.data(), head.size(), 0)) header = TableHeader::decode({head.data(), head.size()});
    const bool whole = header && static_cast<std::uint64_t>(about.st_size) == file_size(header->lines);
    if (!whole || header->kind != static_cast<std::uint32_t>(format.kind)) {
      set_aside(path + ".damaged", path + (!header  ? " has no valid header"
                                           : !whole ? " has been cut"
                                                    : " is a table of another kind"));
      return fresh(blank(), nullptr);
    }
    if (header->version != native(format.version) || header->lines != lines) return replace(fd, *header);
    return take_over(fd, *header, writable);
  }
};

TableFile TableFile::open(const std::string& path, std::uint64_t bytes, const TableFormat& format, std::uint32_t now) {
  Opener opener{.path = path, .format = format, .lines = line_count(bytes), .now = now, .notes = {}};
  TableFile table = opener.run();
  table.notes_.insert(table.notes_.begin(), opener.notes.begin(), opener.notes.end());
  for (const Note& note : table.notes_) {
    log::write(note.trouble ? log::Level::warning : log::Level::info, "state_table",
               {{"file", path}, {"what", note.text}});
  }
  return table;
}

}  // namespace postern::bounds
