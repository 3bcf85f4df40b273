#include "dkim/canonical.h"

#include <algorithm>

#include "base/text.h"
#include "dkim/white_space.h"

namespace postern::dkim {
namespace {

// Appends `text` unfolded (RFC 5322 2.2.3), each run of white space as one SP, without any at the ends.
void append_reduced(std::string_view text, std::string& out) {
  const std::size_t start = out.size();
  bool space = true;  // at the start: nothing to write yet
  std::size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (is_wsp(c)) {
      if (!space) out.push_back(' ');
      space = true;
      ++at;
    } else if (c == '\r' && text.substr(at).starts_with("\r\n") && at + 2 < text.size() && is_wsp(text[at + 2])) {
      at += 2;
    } else {
      // To the next octet that might not stay as it is. A lone CR is passed here, one octet at a time.
      std::size_t end = at + 1;
      while (end < text.size() && !is_wsp(text[end]) && text[end] != '\r') ++end;
      out.append(text.substr(at, end - at));
      space = false;
      at = end;
    }
  }
  if (space && out.size() > start) out.pop_back();
}

}  // namespace

std::string_view to_string(Canon canon) { return canon == Canon::simple ? "simple" : "relaxed"; }

void canonical_field(Canon canon, std::string_view raw, std::string& out) {
  if (raw.ends_with("\r\n")) raw.remove_suffix(2);
  if (canon == Canon::simple) {
    out.append(raw);
  } else {
    // 3.4.2: name in lower case, no white space around the colon
    const std::size_t colon = raw.find(':');
    if (colon != std::string_view::npos) {
      for (const char c : trim(raw.substr(0, colon))) out.push_back(ascii_lower(c));
      out.push_back(':');
      raw.remove_prefix(colon + 1);
    }
    append_reduced(raw, out);
  }
  out.append("\r\n");
}

}  // namespace postern::dkim
