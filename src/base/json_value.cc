// The only file that includes nlohmann/json: its SAX parser feeds our own Value, so that depth is bounded while reading
// and no exception leaves.
#include <cmath>
#include <exception>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"

namespace postern::json {

namespace {

class Builder {
 public:
  explicit Builder(int max_depth) : max_depth_(max_depth) {}

  bool null() { return add(Value()); }
  bool boolean(bool value) { return add(Value(value)); }
  bool number_integer(std::int64_t value) { return add(Value(value)); }
  bool number_unsigned(std::uint64_t value) {
    if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return add(Value(static_cast<std::int64_t>(value)));
    }
    return add(Value(static_cast<double>(value)));
  }
  bool number_float(double value, const std::string& /*text*/) { return add(Value(value)); }
  bool string(std::string& value) { return add(Value(std::move(value))); }
  bool binary(std::vector<std::uint8_t>& /*value*/) { return false; }  // never in JSON text
  bool start_object(std::size_t /*size*/) { return open(true); }
  bool start_array(std::size_t /*size*/) { return open(false); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    stack_.back().name = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string& /*token*/, const std::exception& error) {
    std::string_view what = error.what();
    if (const auto bracket = what.find("] "); bracket != std::string_view::npos) what.remove_prefix(bracket + 2);
    error_ = "not JSON at octet " + std::to_string(position) + ": " + printable(what, 200);
    return false;
  }

  [[nodiscard]] const std::string& error() const { return error_; }
  Value take() { return std::move(root_); }

 private:
  struct Level {
    bool is_object = false;
    std::string name;
    Value::Object object;
    Value::Array array;
  };

  bool open(bool is_object) {
    if (stack_.size() >= static_cast<std::size_t>(std::max(max_depth_, 0))) {
      error_ = "JSON nested deeper than " + std::to_string(max_depth_) + " levels";
      return false;
    }
    stack_.emplace_back().is_object = is_object;
    return true;
  }

  bool close() {
    Level level = std::move(stack_.back());
    stack_.pop_back();
    return add(level.is_object ? Value(std::move(level.object)) : Value(std::move(level.array)));
  }

  bool add(Value value) {
    if (stack_.empty()) {
      root_ = std::move(value);
    } else if (Level& level = stack_.back(); level.is_object) {
      level.object.insert_or_assign(std::move(level.name), std::move(value));  // of two equal keys the last one holds
    } else {
      level.array.push_back(std::move(value));
    }
    return true;
  }

  int max_depth_;
  std::vector<Level> stack_;
  Value root_;
  std::string error_;
};

}  // namespace

Result<Value> parse(std::string_view text, int max_depth) {
  // The library takes a NUL between tokens for the end of the text and would ignore whatever follows.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    return fail(ErrorKind::invalid, "not JSON at octet " + std::to_string(nul + 1) + ": NUL octet");
  }
  Builder builder(max_depth);
  try {
    if (nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) return builder.take();
  } catch (const std::exception& error) {
    return fail(ErrorKind::invalid, std::string("not JSON: ") + printable(error.what(), 200));
  }
  return fail(ErrorKind::invalid, builder.error().empty() ? "not JSON" : builder.error());
}

const Value& Value::at(std::string_view key) const {
  static const Value null;
  const auto* object = std::get_if<Object>(&data_);
  if (object == nullptr) return null;
  const auto found = object->find(key);
  return found == object->end() ? null : found->second;
}

std::string_view Value::string(std::string_view fallback) const {
  const auto* value = std::get_if<std::string>(&data_);
  return value != nullptr ? std::string_view(*value) : fallback;
}

std::int64_t Value::integer(std::int64_t fallback) const {
  if (const auto* value = std::get_if<std::int64_t>(&data_)) return *value;
  if (const auto* value = std::get_if<double>(&data_)) {
    // 1e3 and 1.0 are integers to JSON; both bounds are exact in a double
    if (std::trunc(*value) == *value && *value >= -0x1p63 && *value < 0x1p63) return static_cast<std::int64_t>(*value);
  }
  return fallback;
}

double Value::real(double fallback) const {
  if (const auto* value = std::get_if<double>(&data_)) return *value;
  if (const auto* value = std::get_if<std::int64_t>(&data_)) return static_cast<double>(*value);
  return fallback;
}

bool Value::boolean(bool fallback) const {
  const auto* value = std::get_if<bool>(&data_);
  return value != nullptr ? *value : fallback;
}

const Value::Array& Value::array() const {
  static const Array empty;
  const auto* value = std::get_if<Array>(&data_);
  return value != nullptr ? *value : empty;
}

const Value::Object& Value::object() const {
  static const Object empty;
  const auto* value = std::get_if<Object>(&data_);
  return value != nullptr ? *value : empty;
}

void Value::write(Writer& writer) const {
  if (const auto* object = std::get_if<Object>(&data_)) {
    writer.begin_object();
    for (const auto& [name, value] : *object) value.write(writer.key(name));
    writer.end_object();
  } else if (const auto* array = std::get_if<Array>(&data_)) {
    writer.begin_array();
    for (const Value& value : *array) value.write(writer);
    writer.end_array();
  } else if (const auto* text = std::get_if<std::string>(&data_)) {
    writer.string(*text);
  } else if (const auto* integer = std::get_if<std::int64_t>(&data_)) {
    writer.number(*integer);
  } else if (const auto* real = std::get_if<double>(&data_)) {
    writer.number(*real);
  } else if (const auto* boolean = std::get_if<bool>(&data_)) {
    writer.boolean(*boolean);
  } else {
    writer.null();
  }
}

std::string Value::text() const {
  std::string out;
  Writer writer(out);
  write(writer);
  return out;
}

}  // namespace postern::json
