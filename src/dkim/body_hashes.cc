#include "dkim/body_hashes.h"

#include <algorithm>
#include <array>

#include "base/result.h"

namespace postern::dkim {
namespace {

// Short pieces are gathered: an update costs as much as the hashing of some sixty octets.
constexpr std::size_t kGathered = 4096;
constexpr std::size_t kShort = 256;

}  // namespace

// One canonicalisation of the body and its running hash, with the lengths at which somebody wants the digest.
class BodyHashes::Stream final : public OctetSink {
 public:
  explicit Stream(Canon canon) : canon_(canon) {}

  void add(std::string_view bytes) { canon_.add(bytes, *this); }
  void octets(std::string_view piece) override {
    octets_ += piece.size();
    if (gathered_size_ + piece.size() > kGathered || piece.size() >= kShort) flush();
    if (piece.size() >= kShort) {
      hash(piece);
    } else {
      std::ranges::copy(piece, gathered_.begin() + static_cast<std::ptrdiff_t>(gathered_size_));
      gathered_size_ += piece.size();
    }
  }
  void want(std::optional<std::uint64_t> limit) {
    if (!limit) {
      whole_ = true;
    } else {
      marks_.push_back({.at = *limit});
      std::ranges::sort(marks_, {}, &Mark::at);
    }
  }
  void finish() {
    canon_.finish(*this);
    flush();
    // A limit beyond the body takes all of it; canonical_octets() tells that it was.
    digest_ = sha_.finish();
    for (; next_ < marks_.size(); ++next_) marks_[next_].digest = digest_;
  }
  [[nodiscard]] const crypto::Digest& digest(std::optional<std::uint64_t> limit) const {
    if (!limit) return digest_;
    const auto found = std::ranges::find(marks_, *limit, &Mark::at);
    POSTERN_CHECK(found != marks_.end());
    return found->digest;
  }
  [[nodiscard]] std::uint64_t total() const { return octets_; }

 private:
  struct Mark {
    std::uint64_t at = 0;
    crypto::Digest digest{};
  };
  void flush() {
    if (gathered_size_ == 0) return;
    hash(std::string_view(gathered_.data(), gathered_size_));
    gathered_size_ = 0;
  }
  void hash(std::string_view piece) {
    while (next_ < marks_.size() && marks_[next_].at - hashed_ <= piece.size()) {
      const auto head = static_cast<std::size_t>(marks_[next_].at - hashed_);
      sha_.update(piece.substr(0, head));
      hashed_ += head;
      piece.remove_prefix(head);
      marks_[next_].digest = sha_.copy().finish();
      ++next_;
    }
    if (next_ == marks_.size() && !whole_) return;  // 3.5 l=: the rest is counted only
    sha_.update(piece);
    hashed_ += piece.size();
  }

  BodyCanon canon_;
  crypto::Sha256 sha_;
  crypto::Digest digest_{};
  std::vector<Mark> marks_;  // ascending
  std::size_t next_ = 0;     // of marks_: the first that is not reached yet
  bool whole_ = false;
  std::uint64_t octets_ = 0;  // that came out of canon_
  std::uint64_t hashed_ = 0;
  std::array<char, kGathered> gathered_;
  std::size_t gathered_size_ = 0;
};

BodyHashes::BodyHashes() = default;
BodyHashes::~BodyHashes() = default;
BodyHashes::BodyHashes(BodyHashes&&) noexcept = default;
BodyHashes& BodyHashes::operator=(BodyHashes&&) noexcept = default;

std::size_t BodyHashes::request(Canon canon, std::optional<std::uint64_t> limit) {
  POSTERN_CHECK(!started_);
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    if (requests_[i].canon == canon && requests_[i].limit == limit) return i;
  }
  std::unique_ptr<Stream>& stream = canon == Canon::simple ? simple_ : relaxed_;
  if (!stream) stream = std::make_unique<Stream>(canon);
  stream->want(limit);
  requests_.push_back({.canon = canon, .limit = limit});
  return requests_.size() - 1;
}

void BodyHashes::add(std::string_view bytes) {
  // In pieces that stay in the nearest caches while they are looked at and hashed, perhaps twice.
  constexpr std::size_t kPiece = std::size_t{16} * 1024;
  started_ = true;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPiece);
    bytes.remove_prefix(piece.size());
    if (simple_) simple_->add(piece);
    if (relaxed_) relaxed_->add(piece);
  }
}

void BodyHashes::finish() {
  if (finished_) return;
  started_ = finished_ = true;
  if (simple_) simple_->finish();
  if (relaxed_) relaxed_->finish();
  for (Request& request : requests_) {
    request.digest = (request.canon == Canon::simple ? simple_ : relaxed_)->digest(request.limit);
  }
}

const crypto::Digest& BodyHashes::digest(std::size_t request) const {
  POSTERN_CHECK(finished_ && request < requests_.size());
  return requests_[request].digest;
}

std::uint64_t BodyHashes::canonical_octets(Canon canon) const {
  const std::unique_ptr<Stream>& stream = canon == Canon::simple ? simple_ : relaxed_;
  return stream ? stream->total() : 0;
}

}  // namespace postern::dkim
