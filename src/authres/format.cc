#include "authres/authres.h"
#include "authres/lexer.h"
#include "base/text.h"
#include "dns/name.h"

namespace postern::authres {
namespace {

constexpr std::size_t kLineSoft = 78;  // RFC 5322 2.1.1; a single item may be longer, kValueMax keeps it under 998
constexpr std::string_view kFold = "\r\n\t";

// Printable octets only: others become "?", one for each octet. UTF-8 stays where it is allowed.
std::string sanitised(std::string_view text, bool utf8) {
  std::string out;
  while (!text.empty() && out.size() < kValueMax) {
    const std::size_t length = utf8_length(text);
    const auto octet = static_cast<unsigned char>(text[0]);
    const bool printable_ascii = octet >= 0x20 && octet < 0x7F;
    const bool wide = utf8 && length > 1;
    const std::size_t taken = wide ? length : 1;
    if (wide && out.size() + length > kValueMax) break;
    if (wide || printable_ascii)
      out += text.substr(0, taken);
    else
      out += octet == '\t' ? ' ' : '?';
    text.remove_prefix(taken);
  }
  return out;
}

// U-labels to A-labels where the field must be ASCII (RFC 8616 3): of a domain, or of the domain of an address.
std::string ascii_domain(std::string_view value) {
  const std::size_t at = value.rfind('@');
  const std::string_view domain = at == std::string_view::npos ? value : value.substr(at + 1);
  if (is_ascii(domain)) return std::string(value);
  const auto name = dns::Name::from_unicode(domain);
  if (!name || name->is_root()) return std::string(value);
  return std::string(value.substr(0, value.size() - domain.size())) + name->text();
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

std::string value_text(std::string_view raw, bool utf8) {
  std::string value = sanitised(utf8 ? std::string(raw) : ascii_domain(raw), utf8);
  if (is_token(value)) return value;
  std::string out;
  append_quoted(out, value);
  return out;
}

// RFC 8601 2.2: an email identity MUST be written as [local-part "@"] domain-name, not as a value. What reads back as
// itself in that form is written in it.
std::string pvalue_text(std::string_view raw, bool utf8) {
  std::string value = sanitised(utf8 ? std::string(raw) : ascii_domain(raw), utf8);
  if (is_token(value)) return value;
  Lexer lexer(value);
  if (lexer.pvalue() == value && lexer.at_end()) return value;
  std::string out;
  append_quoted(out, value);
  return out;
}

std::string comment_text(std::string_view raw, bool utf8) {
  std::string out = "(";
  for (const char c : sanitised(raw, utf8)) {
    if (c == '(' || c == ')' || c == '\\') out += '\\';
    out += c;
  }
  return out + ")";
}

// Appends items, folding between two where the line would get long.
class Line {
 public:
  Line(std::string& out, std::size_t column) : out_(out), column_(column) {}
  void item(std::string_view text) {
    if (column_ + 1 + text.size() > kLineSoft) {
      fold();
    } else {
      out_ += ' ';
      ++column_;
    }
    append(text);
  }
  void fold() {
    out_ += kFold;
    column_ = 1;
  }
  void append(std::string_view text) {
    out_ += text;
    column_ += text.size();
  }

 private:
  std::string& out_;
  std::size_t column_;
};

}  // namespace

std::string format(const Results& results, bool utf8) {
  std::string out = value_text(results.authserv_id, utf8);
  if (results.version != 1) out += " " + std::to_string(results.version);
  Line line(out, out.size());
  bool any = false;
  for (const Method& method : results.methods) {
    if (!is_keyword(method.method) || !is_keyword(method.result)) continue;
    any = true;
    line.append(";");
    line.fold();
    line.append(method.method);
    if (method.version != 1) line.append("/" + std::to_string(method.version));
    line.append("=" + method.result);
    if (!method.comment.empty()) line.item(comment_text(method.comment, utf8));
    if (!method.reason.empty()) line.item("reason=" + value_text(method.reason, utf8));
    for (const Property& property : method.properties) {
      if (!is_keyword(property.ptype) || !is_keyword(property.name)) continue;
      line.item(property.ptype + "." + property.name + "=" + pvalue_text(property.value, utf8));
    }
  }
  if (!any) out += "; none";
  return out;
}

}  // namespace postern::authres
