// XmlReader: elements and their text, of documents that strangers send (DMARC reports). A small pull parser with hard
// limits, because a report needs nothing of what makes XML dangerous: no document type (an error), so no entities but
// the five that are predefined and characters by number; no namespaces (a prefix is cut off), attributes are skipped,
// comments and processing instructions passed over. Octets that are not UTF-8 stay as they are: what prints them
// escapes. Thread rule: a value.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postern::dmarcrpt {

class XmlReader {
 public:
  static constexpr std::size_t kDepthMax = 32;
  static constexpr std::size_t kNameMax = 128;
  static constexpr std::size_t kTextMax = 64 * 1024;  // of one element; what goes past it is cut

  enum class Event : std::uint8_t { start, end, finished };
  explicit XmlReader(std::string_view document);
  // start: name() is the element's. end: name() is, and text() is what stood directly in it, trimmed.
  [[nodiscard]] Result<Event> next();
  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] std::size_t depth() const { return open_.size(); }

 private:
  [[nodiscard]] std::unexpected<Error> wrong(std::string what) const;
  [[nodiscard]] Result<void> read_text(std::size_t end);
  [[nodiscard]] Result<Event> read_tag();
  [[nodiscard]] bool skip_past(std::string_view mark);
  void add(std::string_view octets);
  struct Open {
    std::string_view name;  // as written, with its prefix
    std::string text;
  };
  std::string_view document_;
  std::size_t at_ = 0;
  std::vector<Open> open_;
  bool seen_root_ = false;
  bool empty_element_ = false;
  std::string_view name_;
  std::string text_;
};

}  // namespace postern::dmarcrpt
