#include <algorithm>

#include "authres/authres.h"
#include "authres/lexer.h"
#include "base/text.h"

namespace postern::authres {
namespace {

constexpr std::uint32_t kInstanceMax = 50;  // RFC 8617 4.2.1

// One field body. Each step returns false with problem_ set.
class Reader {
 public:
  Reader(std::string_view body, bool lenient) : lexer_(body), lenient_(lenient) {}

  bool instance(std::uint32_t& out) {
    // RFC 8617 3.9: instance = [CFWS] %s"i" [CFWS] "=" [CFWS] 1*2DIGIT
    if (!cfws()) return false;
    if (!lexer_.take('i') || !cfws() || !lexer_.take('=') || !cfws()) return problem("no instance tag \"i=\"");
    const std::size_t from = lexer_.position();
    const auto number = lexer_.number();
    if (!number || lexer_.position() - from > 2 || *number < 1 || *number > kInstanceMax) {
      lexer_.seek(from);
      return problem("an instance that is not 1 to 50");
    }
    out = *number;
    return cfws() && (lexer_.take(';') || problem("no \";\" after the instance"));
  }

  bool payload(Results& out) {
    if (!cfws()) return false;
    auto id = lexer_.value();
    if (!id || id->empty()) return problem("no authserv-id");
    out.authserv_id = std::move(*id);
    const std::size_t after_id = lexer_.position();
    if (!cfws()) return false;
    if (is_digit(lexer_.peek()) && lexer_.position() > after_id) {
      const auto version = lexer_.number();
      if (!version) return problem("a version that is no number");
      out.version = *version;
      if (!cfws()) return false;
    }
    if (lexer_.at_end()) return problem("no result after the authserv-id");
    return results(out);
  }

  [[nodiscard]] Error error() const {
    return Error{ErrorKind::invalid,
                 "Authentication-Results: " + problem_ + " at octet " + std::to_string(lexer_.position())};
  }

 private:
  bool problem(std::string_view what) {
    if (problem_.empty()) problem_ = what;
    return false;
  }
  bool cfws() { return lexer_.skip_cfws() || problem("a malformed comment or control character"); }

  bool results(Results& out) {
    bool none = false;
    while (!lexer_.at_end()) {
      if (!lexer_.take(';')) return problem("something other than \";\"");
      if (!cfws()) return false;
      if (lenient_ && (lexer_.at_end() || lexer_.peek() == ';')) continue;
      if (none) return problem("a result beside \"none\"");
      if (out.methods.size() == kMethodsMax) return problem("too many results");
      const std::size_t start = lexer_.position();
      Method method;
      bool no_result = false;
      if (result(method, no_result)) {
        if (no_result) {
          if (!out.methods.empty()) return problem("\"none\" beside a result");
          none = true;
        } else {
          out.methods.push_back(std::move(method));
        }
      } else if (!lenient_) {
        return false;
      } else {
        problem_.clear();
        lexer_.seek(start);
        lexer_.skip_to_semicolon();
      }
    }
    return !out.methods.empty() || none || problem("no result");
  }

  bool result(Method& out, bool& no_result) {
    const std::string_view name = word();
    if (name.empty()) return problem("no method");
    if (!cfws()) return false;
    out.method = lower(name);
    if (lexer_.take('/')) {
      if (!cfws()) return false;
      const auto version = lexer_.number();
      if (!version) return problem("a method version that is no number");
      out.version = *version;
      if (!cfws()) return false;
    } else if (out.method == "none" && (lexer_.at_end() || lexer_.peek() == ';')) {
      no_result = true;
      return true;
    }
    if (!lexer_.take('=') || !cfws()) return problem("no \"=\" after the method");
    const std::string_view result = word();
    if (result.empty()) return problem("no result after \"=\"");
    out.result = lower(result);
    return details(out);
  }

  // [CFWS reasonspec] [CFWS 1*propspec], to the next ";" or the end.
  bool details(Method& out) {
    bool reason = false;
    bool separated = false;  // by CFWS, or by the end of a quoted value
    while (true) {
      const std::size_t before = lexer_.position();
      if (!cfws()) return false;
      separated = separated || lexer_.position() > before;
      if (lexer_.at_end() || lexer_.peek() == ';') return true;
      if (!separated) return problem("no space between two items");
      const std::string_view word_read = word();
      const std::string name = lower(word_read);
      if (name.empty()) return problem("something that is neither a property nor \";\"");
      if (!cfws()) return false;
      if (lexer_.take('=')) {
        if (!cfws()) return false;
        if (name != "reason" && !lenient_) return problem("a value without \"type.property\"");
        if (name == "reason" && !lenient_ && (reason || !out.properties.empty())) return problem("a misplaced reason");
        auto value = value_of(name == "reason" ? &Lexer::value : &Lexer::pvalue);
        if (!value) return problem("a malformed value");
        if (name == "reason") out.reason = std::move(*value);
        reason = true;
        separated = false;
      } else {
        if (!property(out, name)) return false;
        separated = lexer_.before() == '"';  // 1*propspec: nothing need stand between two of them
      }
    }
  }

  bool property(Method& out, const std::string& ptype) {
    if (!lexer_.take('.') || !cfws()) return problem("no \".\" after a property type");
    const std::string_view name = word();
    if (name.empty()) return problem("no property after \".\"");
    if (!cfws() || !lexer_.take('=') || !cfws()) return problem("no \"=\" after a property");
    auto value = value_of(&Lexer::pvalue);
    if (!value) return problem("a malformed property value");
    if (++properties_ > kPropertiesMax) return problem("too many properties");
    out.properties.push_back({.ptype = ptype, .name = lower(name), .value = std::move(*value)});
    return true;
  }

  std::optional<std::string> value_of(std::optional<std::string> (Lexer::*read)()) {
    const std::size_t start = lexer_.position();
    auto value = (lexer_.*read)();
    if (!lenient_ || (value && at_value_end())) return value;
    lexer_.seek(start);
    return unquoted();
  }

  [[nodiscard]] bool at_value_end() const {
    return lexer_.before() == '"' || lexer_.at_end() || std::string_view(" \t\r\n;()").contains(lexer_.peek());
  }

  // Lenient: a value as others write it without the quotes it needs ("header.b=/d5r", "smtp.mailfrom=<>",
  // "policy.iprev=2001:db8::1").
  std::optional<std::string> unquoted() {
    const std::string_view here = lexer_.rest();
    const std::string_view value = here.substr(0, here.find_first_of(" \t\r\n;()\"\\"));
    if (!std::ranges::all_of(value, [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F; }) ||
        !is_utf8(value)) {
      return std::nullopt;
    }
    lexer_.seek(lexer_.position() + value.size());
    return std::string(value);
  }

  std::string_view word() {
    if (!lenient_) return lexer_.keyword();
    // Lenient: "_" in names
    const std::string_view here = lexer_.rest();
    std::size_t length = 0;
    while (length < here.size() &&
           (is_alpha(here[length]) || is_digit(here[length]) || here[length] == '-' || here[length] == '_')) {
      ++length;
    }
    lexer_.seek(lexer_.position() + length);
    return length > kKeywordMax ? std::string_view() : here.substr(0, length);
  }

  Lexer lexer_;
  bool lenient_;
  std::size_t properties_ = 0;
  std::string problem_;
};

Result<void> check_size(std::string_view body) {
  if (body.size() <= kFieldMax) return {};
  return fail(ErrorKind::limit, "Authentication-Results: " + std::to_string(body.size()) + " octets, at most " +
                                    std::to_string(kFieldMax) + " are read");
}

Result<ArcResults> read_arc(std::string_view body, bool lenient) {
  POSTERN_TRY_VOID(check_size(body));
  Reader reader(body, lenient);
  ArcResults out;
  if (!reader.instance(out.instance)) return std::unexpected(reader.error());
  if (!reader.payload(out.results)) {
    if (!lenient) return std::unexpected(reader.error());
  }
  return out;
}

}  // namespace

Result<Results> parse(std::string_view body) {
  POSTERN_TRY_VOID(check_size(body));
  Reader reader(body, false);
  Results out;
  if (!reader.payload(out)) return std::unexpected(reader.error());
  return out;
}

Result<Results> parse_lenient(std::string_view body) {
  POSTERN_TRY_VOID(check_size(body));
  Reader reader(body, true);
  Results out;
  if (!reader.payload(out)) return std::unexpected(reader.error());
  return out;
}

std::uint32_t arc_instance(std::string_view body) {
  std::uint32_t instance = 0;
  return Reader(body, false).instance(instance) ? instance : 0;
}

Result<ArcResults> parse_arc(std::string_view body) { return read_arc(body, false); }
Result<ArcResults> parse_arc_lenient(std::string_view body) { return read_arc(body, true); }

}  // namespace postern::authres
