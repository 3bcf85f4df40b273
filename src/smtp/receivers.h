// The two ways a message body comes in, each an automaton of its own (RFC 5321 4.1.1.4 and 4.5.2; RFC 3030).
// Both copy nothing: they hand out views into the input, at most one view a call, and say how much they took.
// Only CRLF ends a line and only CRLF.CRLF ends DATA (design invariant 9): a bare CR or bare LF makes the message
// refused, but it is still read to its real end, so that the session stays in step and nothing can be smuggled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::smtp {

struct BodyStep {
  std::size_t consumed = 0;
  std::string_view bytes;  // decoded message octets, dot-unstuffed; a view into the input or a static constant
  bool end = false;        // the message is complete (DATA: the final dot was read; BDAT: this chunk is complete)
};

// What is wrong with the octets received so far; the message must be refused, the first fault is what the reply names.
enum class BodyFault : std::uint8_t { none, bare_cr, bare_lf, nul, line_too_long };

// Judges octets line by line; what a line is, and every fault, does not depend on how the octets were split into calls.
class LineJudge {
 public:
  explicit LineJudge(std::size_t line_max) : line_max_(line_max) {}
  // Sees `bytes` up to and including the first CRLF, or all of them; tells how many.
  std::size_t see_line(std::string_view bytes);
  [[nodiscard]] bool at_line_start() const { return line_ == 0; }
  [[nodiscard]] bool after_cr() const { return cr_; }
  [[nodiscard]] BodyFault fault() const { return fault_; }
  void note(BodyFault fault) {
    if (fault_ == BodyFault::none) fault_ = fault;
  }

 private:
  [[nodiscard]] BodyFault look(std::string_view segment, bool line_feed) const;
  std::size_t line_max_;
  std::size_t line_ = 0;  // octets of the current line so far
  bool cr_ = false;       // the last octet was a CR
  BodyFault fault_ = BodyFault::none;
};

class DataReceiver {
 public:
  // RFC 5321 4.5.3.1.6: text line 1000 octets with CRLF, not counting the dot added for transparency; real mail exceeds
  // it, so the limit is the caller's.
  explicit DataReceiver(std::size_t line_max) : judge_(line_max) {}
  // A view may span many lines; it breaks only where a dot was removed. Octets behind the end are not taken.
  [[nodiscard]] BodyStep step(std::string_view input);
  [[nodiscard]] BodyFault fault() const { return judge_.fault(); }

 private:
  enum class State : std::uint8_t { line_start, dot, dot_cr, text, done };
  LineJudge judge_;
  State state_ = State::line_start;
};

// One BDAT chunk: exactly `size` octets, no dot-stuffing. Line ends and NUL are judged across chunks by BodyJudge.
class BdatReceiver {
 public:
  explicit BdatReceiver(std::uint64_t size) : left_(size) {}
  [[nodiscard]] BodyStep step(std::string_view input);
  [[nodiscard]] std::uint64_t left() const { return left_; }

 private:
  std::uint64_t left_;
};

// Line-end judgement over a sequence of octets that come without dot-stuffing (all chunks of one BDAT transaction).
class BodyJudge {
 public:
  explicit BodyJudge(std::size_t line_max) : judge_(line_max) {}
  void see(std::string_view bytes);
  [[nodiscard]] BodyFault fault() const { return judge_.fault(); }
  // After the last chunk: a final CR without LF is a fault; for text without a last CRLF see ends_with_crlf().
  [[nodiscard]] BodyFault finish();
  // Also true of no octets at all; where false, the reader adds a CRLF.
  [[nodiscard]] bool ends_with_crlf() const { return judge_.at_line_start(); }

 private:
  LineJudge judge_;
};

}  // namespace postern::smtp
