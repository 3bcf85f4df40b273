#include "spool/topped_body.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace postern::spool {
namespace {

class TextBody final : public Body {
 public:
  explicit TextBody(std::string text) : text_(std::move(text)) {}
  std::uint64_t size() const override { return text_.size(); }
  Result<std::string> read(std::uint64_t offset, std::size_t max) override {
    if (broken) return fail(ErrorKind::storage, "told so by the test");
    return text_.substr(std::min<std::size_t>(offset, text_.size()), max);
  }
  bool broken = false;

 private:
  std::string text_;
};

TEST(ToppedBody, ReadsAsOneTextFromEveryOffsetInEverySize) {
  Envelope envelope;
  envelope.fields_on_top = "Top: 1\r\n";
  const std::string whole = envelope.fields_on_top + "A: b\r\n\r\nbody\r\n";
  const auto body = with_fields_on_top(std::make_unique<TextBody>("A: b\r\n\r\nbody\r\n"), envelope);
  ASSERT_EQ(body->size(), whole.size());
  for (std::size_t offset = 0; offset <= whole.size(); ++offset) {
    for (std::size_t max = 1; max <= whole.size() + 1; ++max) {
      const auto read = body->read(offset, max);
      ASSERT_TRUE(read);
      EXPECT_EQ(*read, whole.substr(offset, max)) << offset << " " << max;
    }
  }
}

TEST(ToppedBody, WithoutFieldsTheBodyItself) {
  auto body = std::make_unique<TextBody>("x");
  const Body* const same = body.get();
  EXPECT_EQ(with_fields_on_top(std::move(body), Envelope{}).get(), same);
}

TEST(ToppedBody, AnErrorOfTheBodyIsPassedOn) {
  Envelope envelope;
  envelope.fields_on_top = "Top: 1\r\n";
  auto body = std::make_unique<TextBody>("x");
  body->broken = true;
  EXPECT_FALSE(with_fields_on_top(std::move(body), envelope)->read(0, 100));
}

}  // namespace
}  // namespace postern::spool
