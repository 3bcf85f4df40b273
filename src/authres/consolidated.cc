#include "authres/authres.h"
#include "authres/lexer.h"
#include "base/text.h"

namespace postern::authres {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// Appends the results of a body that parse() has read, each behind ";".
void append_results(std::string_view body, std::string& out) {
  Lexer lexer(body);
  lexer.skip_to_semicolon();
  while (lexer.take(';')) {
    const std::size_t start = lexer.position();
    lexer.skip_to_semicolon();
    const std::string_view result = trimmed(body.substr(start, lexer.position() - start));
    if (out.size() + result.size() > kFieldMax) return;
    out += ";\r\n\t";
    out += result;
  }
}

}  // namespace

std::string consolidated(const message::HeaderSection& header, std::string_view authserv_id) {
  std::string results;
  for (const message::Field* field : header.all("Authentication-Results")) {
    const auto parsed = parse(field->body);
    if (!parsed || parsed->methods.empty() || !iequals(parsed->authserv_id, authserv_id)) continue;
    append_results(field->body, results);
  }
  std::string out = format({.authserv_id = std::string(authserv_id), .version = 1, .methods = {}}, true);
  if (results.empty()) return out;
  out.resize(out.size() - std::string_view("; none").size());
  return out + results;
}

}  // namespace postern::authres
