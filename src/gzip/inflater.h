// Inflater: gzip (RFC 1952) as it comes, for files that are larger than memory should be. All members of a file, one
// after the other; what stands behind the last one is passed over, as gzip(1) does. Thread rule: one thread an object.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"

namespace postern::gzip {

class Inflater {
 public:
  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  struct Step {
    std::size_t consumed = 0;  // octets of the input that are done with
    std::size_t produced = 0;  // octets of the output that are filled
  };
  // Goes on until the input is used up or the output is full. Error: protocol, where it is damaged; for good.
  [[nodiscard]] Result<Step> step(std::string_view input, std::span<char> output);
  // The input may end here: no member has begun that has not ended.
  [[nodiscard]] bool complete() const { return state_ != State::inside; }

 private:
  enum class State : unsigned char { between, inside, behind };
  struct Stream;
  std::unique_ptr<Stream> stream_;
  State state_ = State::between;
  bool any_ = false;  // a member has ended
};

}  // namespace postern::gzip
