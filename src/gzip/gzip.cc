#include "gzip/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace postern::gzip {

namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib.h, deflateInit2: a gzip header

struct Stream {
  z_stream z{};
  explicit Stream(std::string_view input) {
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    z.avail_in = static_cast<uInt>(input.size());
  }
};

}  // namespace

std::string compress(std::string_view text) {
  Stream stream(text);
  POSTERN_CHECK(text.size() < 0x7FFFFFFF &&
                deflateInit2(&stream.z, Z_BEST_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream.z, static_cast<uLong>(text.size())), '\0');
  stream.z.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.z.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&stream.z, Z_FINISH);
  out.resize(stream.z.total_out);
  deflateEnd(&stream.z);
  POSTERN_CHECK(done == Z_STREAM_END);
  return out;
}

bool is_gzip(std::string_view octets) { return octets.starts_with("\x1F\x8B\x08"); }

Result<std::string> expand(std::string_view octets, std::size_t max) {
  if (octets.size() >= 0x7FFFFFFF) return fail(ErrorKind::limit, "gzip: too large");
  Stream stream(octets);
  POSTERN_CHECK(inflateInit2(&stream.z, kGzipWindow) == Z_OK);
  std::string out;
  std::array<char, 16384> block;
  int done = Z_OK;
  Error problem{ErrorKind::protocol, "gzip: damaged or cut short", 0};
  for (;;) {
    stream.z.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.z.avail_out = block.size();
    done = inflate(&stream.z, Z_NO_FLUSH);
    if (done != Z_OK && done != Z_STREAM_END) break;
    out.append(block.data(), block.size() - stream.z.avail_out);
    if (out.size() > max) {
      problem = {ErrorKind::limit, "gzip: it holds more than " + std::to_string(max) + " octets", 0};
      done = Z_BUF_ERROR;
      break;
    }
    if (done != Z_STREAM_END) continue;
    // RFC 1952 2.2: further members may follow; anything else behind them is passed over, as gzip(1) does
    const std::string_view rest = octets.substr(octets.size() - stream.z.avail_in);
    if (!is_gzip(rest) || inflateReset(&stream.z) != Z_OK) break;
  }
  inflateEnd(&stream.z);
  if (done != Z_STREAM_END) return std::unexpected(std::move(problem));
  return out;
}

}  // namespace postern::gzip
