#include "spool/topped_body.h"

#include <utility>

namespace postern::spool {
namespace {

class ToppedBody final : public Body {
 public:
  ToppedBody(std::unique_ptr<Body> body, std::string top) : body_(std::move(body)), top_(std::move(top)) {}
  [[nodiscard]] std::uint64_t size() const override { return top_.size() + body_->size(); }
  [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::size_t max) override {
    if (offset >= top_.size()) return body_->read(offset - top_.size(), max);
    std::string out = top_.substr(static_cast<std::size_t>(offset), max);
    // "Shorter than asked only at the end": what the fields leave over comes from the body.
    if (out.size() == max) return out;
    POSTERN_TRY(const std::string rest, body_->read(0, max - out.size()));
    out += rest;
    return out;
  }

 private:
  std::unique_ptr<Body> body_;
  std::string top_;
};

}  // namespace

std::unique_ptr<Body> with_fields_on_top(std::unique_ptr<Body> body, const Envelope& envelope) {
  if (envelope.fields_on_top.empty()) return body;
  return std::make_unique<ToppedBody>(std::move(body), envelope.fields_on_top);
}

}  // namespace postern::spool
