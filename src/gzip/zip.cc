#include "gzip/zip.h"

#include <zlib.h>

#include <array>
#include <optional>

namespace postern::gzip {

namespace {

constexpr std::size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22, kCommentMax = 65535;
constexpr std::string_view kLocalMark = "PK\x03\x04", kCentralMark = "PK\x01\x02", kEndMark = "PK\x05\x06";
constexpr std::uint32_t kEncrypted = 1, kStored = 0, kDeflated = 8;
constexpr std::uint32_t kZip64 = 0xFFFFFFFF;  // APPNOTE 4.4.1.4: the number stands elsewhere

// Little endian (APPNOTE 4.1); the caller has looked that they are there.
std::uint32_t number(std::string_view octets, std::size_t at, std::size_t size) {
  std::uint32_t out = 0;
  for (std::size_t i = size; i > 0; --i) out = (out << 8U) | static_cast<unsigned char>(octets[at + i - 1]);
  return out;
}

std::unexpected<Error> wrong(std::string what) { return fail(ErrorKind::protocol, "zip: " + std::move(what)); }

struct Entry {
  std::uint32_t flags = 0, method = 0, sum = 0, packed = 0, size = 0, local = 0;
};

// The end record is the last thing but for a comment, whose length it tells.
std::optional<std::size_t> find_end(std::string_view octets) {
  if (octets.size() < kEndSize) return std::nullopt;
  const std::size_t last = octets.size() - kEndSize;
  const std::size_t first = last > kCommentMax ? last - kCommentMax : 0;
  for (std::size_t at = octets.rfind(kEndMark, last); at != std::string_view::npos && at >= first;
       at = octets.rfind(kEndMark, at - 1)) {
    if (at + kEndSize + number(octets, at + 20, 2) <= octets.size()) return at;
    if (at == 0) break;
  }
  return std::nullopt;
}

// The directory behind the files is what counts: sizes in front of a file may be missing (flag 3).
Result<Entry> only_file(std::string_view octets) {
  const auto end = find_end(octets);
  if (!end) return wrong("no directory at its end; damaged or cut short");
  const std::uint32_t entries = number(octets, *end + 10, 2);
  if (number(octets, *end + 4, 2) != 0) return wrong("an archive in several parts");
  std::size_t at = number(octets, *end + 16, 4);
  std::optional<Entry> found;
  for (std::uint32_t i = 0; i < entries; ++i) {
    if (at > *end || *end - at < kCentralSize || octets.substr(at, 4) != kCentralMark)
      return wrong("its directory is damaged");
    const std::size_t name = number(octets, at + 28, 2);
    const std::size_t rest = name + number(octets, at + 30, 2) + number(octets, at + 32, 2);
    if (*end - at - kCentralSize < rest) return wrong("its directory is damaged");
    if (!octets.substr(at + kCentralSize, name).ends_with('/')) {
      if (found) return wrong("it holds more than one file");
      found = Entry{.flags = number(octets, at + 8, 2),
                    .method = number(octets, at + 10, 2),
                    .sum = number(octets, at + 16, 4),
                    .packed = number(octets, at + 20, 4),
                    .size = number(octets, at + 24, 4),
                    .local = number(octets, at + 42, 4)};
    }
    at += kCentralSize + rest;
  }
  if (!found) return wrong("it holds no file");
  return *found;
}

std::unexpected<Error> too_large(std::size_t max) {
  return fail(ErrorKind::limit, "zip: it holds more than " + std::to_string(max) + " octets");
}

// Raw deflate (zlib.h: negative window bits). It must end exactly where the packed octets do.
Result<std::string> inflated(std::string_view packed, std::size_t max) {
  z_stream z{};
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  POSTERN_CHECK(inflateInit2(&z, -15) == Z_OK);
  std::string out;
  std::array<char, 16384> block;
  int done = Z_OK;
  while (done == Z_OK && out.size() <= max) {
    z.next_out = reinterpret_cast<Bytef*>(block.data());
    z.avail_out = block.size();
    done = inflate(&z, Z_NO_FLUSH);
    if (done == Z_OK || done == Z_STREAM_END) out.append(block.data(), block.size() - z.avail_out);
  }
  const bool whole = done == Z_STREAM_END && z.avail_in == 0;
  inflateEnd(&z);
  if (out.size() > max) return too_large(max);
  if (!whole) return wrong("damaged or cut short");
  return out;
}

}  // namespace

bool is_zip(std::string_view octets) { return octets.starts_with(kLocalMark); }

Result<std::string> expand_zip(std::string_view octets, std::size_t max) {
  if (octets.size() >= 0x7FFFFFFF) return fail(ErrorKind::limit, "zip: too large");
  POSTERN_TRY(const Entry entry, only_file(octets));
  if ((entry.flags & kEncrypted) != 0) return wrong("encrypted");
  if (entry.packed == kZip64 || entry.size == kZip64 || entry.local == kZip64)
    return wrong("ZIP64, which no report needs");
  if (entry.size > max) return too_large(max);
  const std::size_t at = entry.local;
  if (at > octets.size() || octets.size() - at < kLocalSize || octets.substr(at, 4) != kLocalMark)
    return wrong("its directory points to no file");
  const std::size_t begin = at + kLocalSize + number(octets, at + 26, 2) + number(octets, at + 28, 2);
  if (begin > octets.size() || octets.size() - begin < entry.packed) return wrong("damaged or cut short");
  const std::string_view packed = octets.substr(begin, entry.packed);
  std::string out;
  if (entry.method == kStored) {
    if (packed.size() > max) return too_large(max);
    out = packed;
  } else if (entry.method == kDeflated) {
    POSTERN_TRY(out, inflated(packed, max));
  } else {
    return wrong("packed by method " + std::to_string(entry.method) + "; only stored and deflated are read");
  }
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(out.data()), static_cast<uInt>(out.size()));
  if (out.size() != entry.size || sum != entry.sum) return wrong("damaged: its sum is wrong");
  return out;
}

}  // namespace postern::gzip
