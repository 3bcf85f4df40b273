// FixtureResolver: answers from a zone in memory, at once: for tests, for `--zone FILE` and for the batch tools. A zone
// maps each name to "SERVFAIL", "TIMEOUT" or {TYPE: [values] | "SERVFAIL" | "TIMEOUT"}; a name that is not there is
// NXDOMAIN, also where names below it are (suites list only what they mean to exist; write {} for an empty non-terminal
// of RFC 8020), a type that is not there is NODATA. Values: TXT a string or a list of strings (one record in pieces;
// code points 0 to 255 are octets, text with others is UTF-8), MX [preference, host], A, AAAA, PTR, NS, CNAME (alone or
// in a list; followed up to kCnamesMax, a longer chain and a loop are SERVFAIL), TLSA in presentation form. Types that
// no protocol here asks for only make the name exist. Also "REFUSED" and "BOGUS"; {"secure": true, ...} beside the
// types marks the name's answers as validated. A name that DNS cannot have (a label over 63 octets) is passed over as a
// key, because nobody can ask for it. Thread rule: immutable once parsed, but the counter.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/json.h"
#include "base/result.h"
#include "dns/resolver.h"
#include "dns/wire.h"

namespace postern::dns {

class Zone {
 public:
  static constexpr std::uint32_t kTtl = 300;  // of what from_json() reads, and of negative answers

  // Errors name the name and type that are wrong.
  [[nodiscard]] static Result<Zone> from_json(const json::Value& zone);
  void set(const Name& name, Type type, Answer answer);
  void set_all(const Name& name, Status status);  // every type of it
  [[nodiscard]] AnswerPtr find(const Name& name, Type type) const;

 private:
  struct Entry {
    std::map<Type, AnswerPtr> types;
    AnswerPtr all;  // where every type fails
    bool secure = false;
  };
  std::map<Name, Entry> names_;
};

class FixtureResolver final : public Resolver {
 public:
  explicit FixtureResolver(Zone zone) : zone_(std::move(zone)) {}
  [[nodiscard]] Task<AnswerPtr> query(Name name, Type type, Budget& budget) override;
  void prefetch(const Name& /*name*/, Type /*type*/) override {}
  [[nodiscard]] std::uint64_t asked() const { return asked_; }

 private:
  Zone zone_;
  std::uint64_t asked_ = 0;
};

}  // namespace postern::dns
