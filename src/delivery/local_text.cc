#include "delivery/local_text.h"

#include <algorithm>

#include "base/text.h"

namespace postern::delivery {

namespace {
constexpr std::string_view kName = "return-path";
}

// One octet of the header section, line ends already LF.
void LocalText::header_octet(char c, std::string& out) {
  switch (at_) {
    case At::skip_start:
      if (c == ' ' || c == '\t') {  // RFC 5322 2.2.3: the field goes on
        at_ = At::skip;
        return;
      }
      [[fallthrough]];
    case At::line_start:
      if (c == '\n') {
        out.push_back(c);
        at_ = At::body;
        return;
      }
      held_.clear();
      [[fallthrough]];
    case At::name: {
      const bool whole = held_.size() == kName.size();
      if (whole && c == ':') {
        held_.clear();
        at_ = At::skip;
        return;
      }
      if (!whole && ascii_lower(c) == kName[held_.size()]) {
        held_.push_back(c);
        at_ = At::name;
        return;
      }
      out += held_;
      out.push_back(c);
      held_.clear();
      at_ = c == '\n' ? At::line_start : At::keep;
      return;
    }
    case At::skip:
      if (c == '\n') at_ = At::skip_start;
      return;
    case At::keep:
      out.push_back(c);
      if (c == '\n') at_ = At::line_start;
      return;
    case At::body:
      out.push_back(c);
      return;
  }
}

void LocalText::add(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    const char c = bytes.front();
    if (cr_) {
      cr_ = false;
      if (c != '\n') header_octet('\r', out);
    }
    if (c == '\r') {
      cr_ = true;
      bytes.remove_prefix(1);
      continue;
    }
    if (at_ != At::body) {
      header_octet(c, out);
      bytes.remove_prefix(1);
      continue;
    }
    const std::size_t stop = std::min(bytes.find('\r'), bytes.size());
    out.append(bytes.substr(0, stop));
    bytes.remove_prefix(stop);
  }
}

void LocalText::finish(std::string& out) {
  if (cr_) header_octet('\r', out);
  out += held_;
  *this = LocalText();
}

}  // namespace postern::delivery
