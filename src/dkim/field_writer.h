// FieldWriter: writes a field that is a tag list, folded where a line would pass kColumnsMax. What cannot be folded, a
// very long domain or name, may pass it. Shared with ARC. Thread rule: a value.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace postern::dkim {

inline constexpr std::size_t kColumnsMax = 78;  // RFC 5322 2.1.1
class FieldWriter {
 public:
  explicit FieldWriter(std::string_view name) : text_(name) { text_ += ':'; }
  // " tag=value;": on a new line where it does not fit on this one.
  void tag(std::string_view name, std::string_view value);
  // The same for a list, folded behind its colons.
  void list(std::string_view name, const std::vector<std::string>& items);
  // " b=", the last one, on a line of its own; then its value, when it is known.
  void begin_signature();
  void signature(std::string_view base64_value);
  [[nodiscard]] const std::string& text() const { return text_; }  // without the final CRLF

 private:
  void piece(std::string_view text, bool glued);
  [[nodiscard]] std::size_t column() const;
  std::string text_;
};

}  // namespace postern::dkim
