#include "message/author.h"

#include "base/text.h"
#include "message/address_lexer.h"

namespace postern::message {
namespace {

using Status = Result<void>;

class ListParser {
 public:
  explicit ListParser(std::string_view body) : lexer_(body) { advance(); }

  Result<std::vector<Address>> run() {
    while (true) {
      if (auto read = member(); !read) return std::unexpected(std::move(read).error());
      if (token_.kind == TokenKind::end) break;
      advance();  // the comma, colon or semicolon that ended it
    }
    if (in_group_) return wrong("a group without its semicolon");
    return std::move(found_);
  }

 private:
  std::unexpected<Error> wrong(std::string_view why) const {
    return fail(ErrorKind::invalid, "address list, octet " + std::to_string(token_.at) + ": " +
                                        std::string(token_.kind == TokenKind::bad ? token_.problem : why));
  }
  void advance() { token_ = lexer_.next(); }

  // The words and dots in front of "@" or "<". `run_` is what would be the local part if "@" came next: the last words
  // that dots join (RFC 5322 4.4 obs-local-part), other words being phrase.
  void take_word() {
    if (!joined_) {
      run_.clear();
      word_begun_ = encoded_ = false;
    }
    run_ += token_.text;
    if (token_.kind == TokenKind::atom) watch_for_encoded_word(token_.text);
    has_word_ = true;
    joined_ = false;
    advance();
  }
  // RFC 2047 5 (3): no encoded word inside of an addr-spec. One that is there ("=?utf-8?q?a=40b.example?=@c.example")
  // is decoded by some readers and not by others. Dots part it into several atoms.
  void watch_for_encoded_word(std::string_view atom) {
    word_begun_ = word_begun_ || atom.contains("=?");
    encoded_ = encoded_ || (word_begun_ && atom.contains("?="));
  }
  void take_dot() {
    run_ += '.';
    joined_ = true;
    advance();
  }
  void reset_run() {
    run_.clear();
    joined_ = has_word_ = word_begun_ = encoded_ = false;
  }

  Status phrase() {
    while (true) {
      if (token_.word()) {
        take_word();
      } else if (token_.is('.')) {
        take_dot();
      } else if (token_.kind == TokenKind::literal) {
        // "Example [Support] <a@b>": a name, as long as nobody can find an address in the brackets.
        if (token_.text.find_first_of("@<>,:;\"") != std::string::npos) return wrong("an address in brackets");
        reset_run();
        any_ = true;
        advance();
      } else {
        any_ = any_ || has_word_;
        return {};
      }
    }
  }

  // domain = dot-atom / domain-literal / obs-domain
  Result<std::string> domain() {
    if (token_.kind == TokenKind::literal) {
      std::string text = "[" + token_.text + "]";
      advance();
      return text;
    }
    std::string text;
    while (token_.kind == TokenKind::atom) {
      if (!is_utf8(token_.text)) return wrong("a domain that is not UTF-8");
      watch_for_encoded_word(token_.text);
      if (encoded_) return wrong("an encoded word in a domain");
      text += token_.text;
      advance();
      if (!token_.is('.')) return text;
      text += '.';
      advance();
    }
    // "example.org." names the same domain to everyone who takes it at all
    if (text.empty() || token_.is('.') || token_.word()) return wrong("no domain behind the @");
    return text;
  }

  // What follows the local part, from "@" on.
  Result<Address> address() {
    if (!has_word_) return wrong("no local part before the @");
    if (encoded_) return wrong("an encoded word in an address");
    Address out{.local = std::move(run_), .domain = {}};
    reset_run();
    advance();
    POSTERN_TRY(out.domain, domain());
    return out;
  }

  // RFC 5322 4.4: obs-route = *(CFWS / ",") "@" domain *("," [CFWS] ["@" domain]) ":". It is read and ignored.
  Status route() {
    while (token_.is(',')) advance();
    while (token_.is('@')) {
      advance();
      POSTERN_TRY([[maybe_unused]] const std::string ignored, domain());
      while (token_.is(',')) advance();
    }
    if (!token_.is(':')) return wrong("a route without its colon");
    advance();
    return {};
  }

  // angle-addr, from "<" on.
  Result<Address> angle() {
    advance();
    reset_run();
    if (token_.is('@') || token_.is(',')) {
      POSTERN_TRY_VOID(route());
    }
    while (token_.word() || token_.is('.')) {
      if (token_.word() && has_word_ && !joined_) return wrong("white space inside of an address");
      if (token_.word()) {
        take_word();
      } else {
        take_dot();
      }
    }
    if (!token_.is('@')) return wrong("no address in angle brackets");
    POSTERN_TRY(Address out, address());
    if (!token_.is('>')) return wrong("no closing angle bracket behind the address");
    advance();
    return out;
  }

  // One member of the list up to the comma, colon or semicolon behind it, which stays in token_.
  Status member() {
    reset_run();
    any_ = added_ = false;
    POSTERN_TRY_VOID(phrase());
    if (token_.is(':')) return begin_group();
    if (token_.is('@')) {
      POSTERN_TRY(Address plain, address());
      if (token_.is('<')) {
        POSTERN_TRY(Address named, angle());
        if (!same_domain(plain.domain, named.domain)) return wrong("two addresses, of different domains, in one place");
        plain = std::move(named);
        POSTERN_TRY_VOID(phrase());
      }
      POSTERN_TRY_VOID(add(std::move(plain)));
    } else if (token_.is('<')) {
      POSTERN_TRY(Address named, angle());
      POSTERN_TRY_VOID(phrase());
      POSTERN_TRY_VOID(add(std::move(named)));
    }
    return end_of_member();
  }

  // RFC 5322 3.4: group = display-name ":" [group-list] ";"
  Status begin_group() {
    if (in_group_) return wrong("a group inside of a group");
    if (!any_) return wrong("a group without a name");
    if (after_group_) return wrong("something other than a comma behind a group");
    in_group_ = true;
    return {};
  }

  Status end_of_member() {
    if (after_group_ && any_member()) return wrong("something other than a comma behind a group");
    after_group_ = false;
    if (token_.is(';')) {
      if (!in_group_) return wrong("a semicolon outside of a group");
      in_group_ = false;
      after_group_ = true;
      return {};
    }
    if (token_.is(',') || token_.kind == TokenKind::end) return {};
    return wrong("a character that cannot stand there");
  }
  [[nodiscard]] bool any_member() const { return any_ || added_; }

  Status add(Address address) {
    if (found_.size() >= kAddressesMax) return fail(ErrorKind::limit, "address list: more addresses than we read");
    found_.push_back(std::move(address));
    added_ = true;
    return {};
  }

  static bool same_domain(std::string_view a, std::string_view b) {
    if (a.ends_with('.')) a.remove_suffix(1);
    if (b.ends_with('.')) b.remove_suffix(1);
    return iequals(a, b);
  }

  AddressLexer lexer_;
  Token token_;
  std::vector<Address> found_;
  std::string run_;
  bool joined_ = false;      // the last token of run_ is a dot
  bool has_word_ = false;    // run_ has a word
  bool word_begun_ = false;  // one of its atoms has the beginning of an encoded word
  bool encoded_ = false;     // and one the end
  bool any_ = false;         // the member has some phrase
  bool added_ = false;       // the member has an address
  bool in_group_ = false;
  bool after_group_ = false;  // the semicolon of a group was just read
};

void append_escaped(std::string& out, std::string_view text, std::string_view specials) {
  for (const char c : text) {
    if (specials.contains(c)) out += '\\';
    out += c;
  }
}

}  // namespace

Result<std::vector<Address>> parse_addresses(std::string_view body) { return ListParser(body).run(); }

std::string to_string(const Address& address) {
  std::string out = "<\"";
  append_escaped(out, address.local, "\\\"");
  out += "\"@";
  if (address.domain.starts_with('[') && address.domain.ends_with(']') && address.domain.size() >= 2) {
    out += '[';
    append_escaped(out, std::string_view(address.domain).substr(1, address.domain.size() - 2), "[]\\ \t");
    out += ']';
  } else {
    out += address.domain;
  }
  return out + ">";
}

}  // namespace postern::message
