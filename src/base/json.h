// JSON in two halves. Writer: appends to a string, escapes, cannot produce an invalid document as long as calls nest;
// used on hot paths (records). Value: a parsed document for everything read back (records, control requests, batch
// input). Bounds: parse() takes at most `max_depth` levels, and the caller bounds the text. Octets that are not UTF-8
// are written as \u00XX (each octet one code point), so that any line is valid JSON whatever a stranger sent.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace postern::json {

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  Writer& begin_object() { return open('{'); }
  Writer& end_object() { return close('}'); }
  Writer& begin_array() { return open('['); }
  Writer& end_array() { return close(']'); }
  Writer& key(std::string_view name);
  Writer& string(std::string_view value);
  Writer& number(std::int64_t value);
  Writer& number(std::uint64_t value);
  Writer& number(int value) { return number(static_cast<std::int64_t>(value)); }
  Writer& number(double value);
  Writer& boolean(bool value);
  Writer& null();
  // key and value in one call
  Writer& field(std::string_view name, std::string_view value) { return key(name).string(value); }
  Writer& field(std::string_view name, const char* value) { return key(name).string(value); }
  Writer& field(std::string_view name, const std::string& value) { return key(name).string(value); }
  Writer& field(std::string_view name, bool value) { return key(name).boolean(value); }
  Writer& field(std::string_view name, double value) { return key(name).number(value); }
  template <class Integer>
    requires std::is_integral_v<Integer>
  Writer& field(std::string_view name, Integer value) {
    if constexpr (std::is_signed_v<Integer>)
      return key(name).number(static_cast<std::int64_t>(value));
    else
      return key(name).number(static_cast<std::uint64_t>(value));
  }

 private:
  Writer& open(char bracket);
  Writer& close(char bracket);
  void comma();
  std::string& out_;
  bool need_comma_ = false;
};

void append_escaped(std::string& out, std::string_view text);  // with the quotes

class Value {
 public:
  using Array = std::vector<Value>;
  using Object = std::map<std::string, Value, std::less<>>;

  Value() = default;
  explicit Value(bool v) : data_(v) {}
  explicit Value(std::int64_t v) : data_(v) {}
  explicit Value(double v) : data_(v) {}
  explicit Value(std::string v) : data_(std::move(v)) {}
  explicit Value(Array v) : data_(std::move(v)) {}
  explicit Value(Object v) : data_(std::move(v)) {}

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  [[nodiscard]] bool is_object() const { return std::holds_alternative<Object>(data_); }
  [[nodiscard]] bool is_array() const { return std::holds_alternative<Array>(data_); }
  [[nodiscard]] bool is_string() const { return std::holds_alternative<std::string>(data_); }
  [[nodiscard]] bool is_number() const {
    return std::holds_alternative<std::int64_t>(data_) || std::holds_alternative<double>(data_);
  }

  // Lenient reads: the default where the key is absent or of another type.
  [[nodiscard]] const Value& at(std::string_view key) const;  // a null Value where absent
  [[nodiscard]] std::string_view string(std::string_view fallback = {}) const;
  [[nodiscard]] std::int64_t integer(std::int64_t fallback = 0) const;
  [[nodiscard]] double real(double fallback = 0) const;
  [[nodiscard]] bool boolean(bool fallback = false) const;
  [[nodiscard]] const Array& array() const;    // empty where not an array
  [[nodiscard]] const Object& object() const;  // empty where not an object

  void write(Writer& writer) const;
  [[nodiscard]] std::string text() const;  // compact

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> data_;
};

[[nodiscard]] Result<Value> parse(std::string_view text, int max_depth = 64);

}  // namespace postern::json
