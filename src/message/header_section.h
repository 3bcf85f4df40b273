// HeaderSection: the fields of a message's header, as exact octets, for what has to hash, read or drop some of them. It
// owns the octets; a Field is views into them. Nothing is decoded or normalised, and nothing is refused: a line that is
// neither a field nor a fold becomes a Field with an empty name.
//
// Not here: counting while streaming (header_reader.h), MIME. Thread rule: a value; views live as long as it does.
// Memory: the section plus 48 octets a field; the caller bounds the section. RFC 5322 2.2.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace postern::message {

struct Field {
  std::string_view name;  // as written, without trailing white space (RFC 5322 4.5.8 allows it before the colon)
  std::string_view body;  // after the colon, with folds and the final CRLF left out of the last line only
  std::string_view raw;   // all of it, name to final CRLF
};

class HeaderSection {
 public:
  HeaderSection() = default;
  // `text`: the header section; the empty line that ends it, and what follows, are ignored. Lines end in CRLF; a last
  // line without one is taken as if it had it (raw lacks it then).
  explicit HeaderSection(std::string text);
  HeaderSection(const HeaderSection&) = delete;
  HeaderSection& operator=(const HeaderSection&) = delete;
  HeaderSection(HeaderSection&&) noexcept;
  HeaderSection& operator=(HeaderSection&&) noexcept;
  ~HeaderSection() = default;

  [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }
  [[nodiscard]] std::string_view text() const { return text_ ? std::string_view(*text_) : std::string_view(); }
  // The fields of that name (ASCII case aside), top first.
  [[nodiscard]] std::vector<const Field*> all(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;

 private:
  std::unique_ptr<const std::string> text_;
  std::vector<Field> fields_;
};

// Unfolded (RFC 5322 2.2.3): CRLFs in front of white space taken out, nothing else changed.
[[nodiscard]] std::string unfolded(std::string_view body);

}  // namespace postern::message
