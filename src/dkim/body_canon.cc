#include <algorithm>

#include "dkim/canonical.h"
#include "dkim/white_space.h"

namespace postern::dkim {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kLineEnds =
    "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
    "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";

class Appending final : public OctetSink {
 public:
  explicit Appending(std::string& out) : out_(out) {}
  void octets(std::string_view piece) override { out_.append(piece); }

 private:
  std::string& out_;
};

}  // namespace

// What was held back turned out not to be the end of the body or of a line.
void BodyCanon::release(OctetSink& sink) {
  for (; line_ends_ > 0;) {
    const std::uint64_t now = std::min<std::uint64_t>(line_ends_, kLineEnds.size() / 2);
    sink.octets(kLineEnds.substr(0, now * 2));
    line_ends_ -= now;
  }
  if (space_) sink.octets(" ");
  if (cr_) sink.octets("\r");
  space_ = cr_ = false;
  any_ = true;
}

// Octets that stay as they are, but for line ends at the end, which are held back. `input_ends`: a CR may be last whose
// LF comes with the next piece.
void BodyCanon::clean(std::string_view piece, bool input_ends, OctetSink& sink) {
  const bool cr = input_ends && piece.ends_with('\r');
  if (cr) piece.remove_suffix(1);
  std::uint64_t line_ends = 0;
  for (; piece.ends_with(kLineEnd); ++line_ends) piece.remove_suffix(kLineEnd.size());
  if (!piece.empty()) {
    release(sink);
    sink.octets(piece);
  }
  line_ends_ += line_ends;
  cr_ = cr;
}

// Relaxed, with a run of white space held back: false where `rest` ends before it is known what follows the run.
bool BodyCanon::end_held_space(std::string_view& rest, OctetSink& sink) {
  while (!rest.empty() && is_wsp(rest.front())) rest.remove_prefix(1);
  if (rest.empty()) return false;
  if (rest == "\r") {
    cr_ = true;
    return false;
  }
  if (rest.starts_with(kLineEnd)) {  // 3.4.4: white space at the end of a line
    space_ = false;
    ++line_ends_;
    rest.remove_prefix(kLineEnd.size());
  } else {
    release(sink);
  }
  return true;
}

void BodyCanon::add(std::string_view bytes, OctetSink& sink) {
  if (bytes.empty()) return;
  if (cr_) {
    if (bytes.starts_with('\n')) {
      cr_ = space_ = false;
      ++line_ends_;
      bytes.remove_prefix(1);
    } else {
      release(sink);
    }
  }
  if (canon_ == Canon::simple) {
    if (!bytes.empty()) clean(bytes, true, sink);
    return;
  }
  while (!bytes.empty()) {
    if (space_ && !end_held_space(bytes, sink)) return;
    const std::size_t changed = next_changed(bytes, 0);
    const std::string_view piece = bytes.substr(0, changed);
    bytes.remove_prefix(changed);
    if (!piece.empty()) clean(piece, bytes.empty(), sink);
    if (!bytes.empty()) {
      space_ = true;
      bytes.remove_prefix(1);
    }
  }
}

void BodyCanon::finish(OctetSink& sink) {
  if (cr_) release(sink);  // not the half of a CRLF after all
  space_ = false;
  line_ends_ = 0;
  // 3.4.3: simple ends with exactly one CRLF, an empty body included. 3.4.4: relaxed leaves an empty body empty; that a
  // body of empty lines, or of white space alone, is empty follows from the order of its steps.
  if (any_ || canon_ == Canon::simple) sink.octets(kLineEnd);
}

void BodyCanon::add(std::string_view bytes, std::string& out) {
  Appending sink(out);
  add(bytes, sink);
}

void BodyCanon::finish(std::string& out) {
  Appending sink(out);
  finish(sink);
}

}  // namespace postern::dkim
