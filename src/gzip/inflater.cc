#include "gzip/inflater.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

namespace postern::gzip {

namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib.h, inflateInit2: a gzip header
constexpr char kMagic = '\x1F';       // RFC 1952 2.3.1: ID1

}  // namespace

struct Inflater::Stream {
  z_stream z{};
};

Inflater::Inflater() : stream_(std::make_unique<Stream>()) {
  POSTERN_CHECK(inflateInit2(&stream_->z, kGzipWindow) == Z_OK);
}

Inflater::~Inflater() { inflateEnd(&stream_->z); }

Result<Inflater::Step> Inflater::step(std::string_view input, std::span<char> output) {
  constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
  z_stream& z = stream_->z;
  Step done;
  while (done.consumed < input.size() || state_ == State::inside) {
    const std::string_view rest = input.substr(done.consumed);
    if (state_ == State::behind) {
      done.consumed = input.size();
      break;
    }
    if (state_ == State::between) {
      if (any_ && rest.front() != kMagic) {
        state_ = State::behind;
        continue;
      }
      if (any_ && inflateReset(&z) != Z_OK) return fail(ErrorKind::protocol, "gzip: cannot go on behind a member");
      state_ = State::inside;
    }
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(rest.data()));
    z.avail_in = static_cast<uInt>(std::min(rest.size(), kMost));
    z.next_out = reinterpret_cast<Bytef*>(output.data() + done.produced);
    z.avail_out = static_cast<uInt>(std::min(output.size() - done.produced, kMost));
    const uInt in_before = z.avail_in;
    const uInt out_before = z.avail_out;
    const int code = inflate(&z, Z_NO_FLUSH);
    done.consumed += in_before - z.avail_in;
    done.produced += out_before - z.avail_out;
    if (code == Z_STREAM_END) {
      state_ = State::between;
      any_ = true;
    } else if (code == Z_BUF_ERROR) {
      break;  // nothing to read, or nowhere to write: no error
    } else if (code != Z_OK) {
      return fail(ErrorKind::protocol, "gzip: damaged");
    }
    if (done.produced == output.size()) break;
  }
  return done;
}

}  // namespace postern::gzip
