#include "message/header_reader.h"

#include "base/text.h"

namespace postern::message {

namespace {

// Without an early way out of the loop, so that the compiler may look at many octets at once: nearly all mail is ASCII.
bool has_high_bit(std::string_view bytes) {
  unsigned char seen = 0;
  for (const char c : bytes) seen |= static_cast<unsigned char>(c);
  return seen >= 0x80;
}

}  // namespace

void HeaderReader::see(std::string_view bytes) {
  if (!eight_bit_) eight_bit_ = has_high_bit(bytes);
  for (std::size_t i = 0; in_header_ && i < bytes.size(); ++i) {
    const char c = bytes[i];
    ++octets_;
    switch (at_) {
      case At::line_start:
        name_.clear();
        if (c == '\r') {
          at_ = At::cr;
          line_empty_ = true;
        } else if (c == ' ' || c == '\t') {
          at_ = At::rest;  // a folded line belongs to the field before it
          line_empty_ = false;
          if (fields_ == 0) ++malformed_;
        } else {
          line_empty_ = false;
          at_ = At::name;
          --i;
          --octets_;
        }
        break;
      case At::name:
        if (c == ':') {
          end_name();
          at_ = At::rest;
        } else if (c == ' ' || c == '\t') {
          at_ = At::name_space;  // RFC 5322 4.5: obsolete syntax allows white space before the colon
        } else if (c == '\r') {
          ++malformed_;
          at_ = At::cr;
        } else if (c > 0x20 && c < 0x7f) {
          if (name_.size() <= kNameMax) name_.push_back(ascii_lower(c));
        } else {
          ++malformed_;
          at_ = At::rest;
        }
        break;
      case At::name_space:
        if (c == ':') {
          end_name();
          at_ = At::rest;
        } else if (c == '\r') {
          ++malformed_;
          at_ = At::cr;
        } else if (c != ' ' && c != '\t') {
          ++malformed_;
          at_ = At::rest;
        }
        break;
      case At::rest: {
        // Skip to the line's end at memchr speed.
        const auto cr = bytes.find('\r', i);
        if (cr == std::string_view::npos) {
          octets_ += bytes.size() - i - 1;
          i = bytes.size();
        } else {
          octets_ += cr - i;
          i = cr;
          at_ = At::cr;
        }
        break;
      }
      case At::cr:
        if (c == '\n') {
          if (line_empty_) end_header();
          at_ = At::line_start;
        } else if (c != '\r') {
          line_empty_ = false;
          at_ = At::rest;
        }
        break;
    }
  }
}

void HeaderReader::end_name() {
  if (name_.empty() || name_.size() > kNameMax) {
    ++malformed_;
    return;
  }
  ++fields_;
  if (name_ == "received")
    ++received_;
  else if (name_ == "date")
    ++date_;
  else if (name_ == "from")
    ++from_;
  else if (name_ == "message-id")
    ++message_id_;
}

}  // namespace postern::message
