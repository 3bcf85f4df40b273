// Canonicalisation (RFC 6376 3.4): of header fields, and of a body that streams past. Only CRLF is a line end: a lone
// CR or LF is an octet like any other. Thread rule: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::dkim {

enum class Canon : std::uint8_t { simple, relaxed };
[[nodiscard]] std::string_view to_string(Canon canon);

// 3.4.1, 3.4.2: appends the field with its CRLF. `raw` is the whole field as it stands in the message.
void canonical_field(Canon canon, std::string_view raw, std::string& out);

// Takes canonical octets, in pieces that live until it returns.
class OctetSink {
 public:
  virtual void octets(std::string_view piece) = 0;

 protected:
  ~OctetSink() = default;
};

// 3.4.3, 3.4.4: octets in, in any split; canonical octets out. Long stretches that are canonical already are handed on
// as views into the input. Holds back at most what may still turn out to be trailing empty lines or white space, as
// counts, so memory is constant.
class BodyCanon {
 public:
  explicit BodyCanon(Canon canon) : canon_(canon) {}
  void add(std::string_view bytes, OctetSink& sink);
  void finish(OctetSink& sink);
  // The same, by appending to `out`.
  void add(std::string_view bytes, std::string& out);
  void finish(std::string& out);

 private:
  bool end_held_space(std::string_view& rest, OctetSink& sink);
  void clean(std::string_view piece, bool input_ends, OctetSink& sink);
  void release(OctetSink& sink);

  Canon canon_;
  // Held back, in the order of the text: CRLFs, a run of white space (relaxed), a CR.
  std::uint64_t line_ends_ = 0;
  bool space_ = false;
  bool cr_ = false;
  bool any_ = false;  // anything was written
};

}  // namespace postern::dkim
