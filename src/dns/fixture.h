// FixtureResolver: answers from a zone in memory, at once: for tests, for `--zone FILE` and for the batch tools. A zone
// maps each name to "SERVFAIL", "TIMEOUT" or {TYPE: [values] | "SERVFAIL" | "TIMEOUT"}; a name that is not there is
// NXDOMAIN (NODATA where names below it exist, RFC 8020), a type that is not there is NODATA. Values: TXT a string or a
// list of strings (one record in pieces; code points 0 to 255 are octets), MX [preference, host], A, AAAA, PTR, NS,
// CNAME (followed, also to a loop, which is SERVFAIL), TLSA in presentation form. Also "REFUSED" and "BOGUS"; a value
// {"secure": true, ...} beside the types marks the name's answers as validated. Thread rule: immutable once parsed, but
// the counter.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/json.h"
#include "base/result.h"
#include "dns/resolver.h"

namespace postern::dns {

class Zone {
 public:
  // Errors name the name and type that are wrong.
  [[nodiscard]] static Result<Zone> from_json(const json::Value& zone);
  void set(const Name& name, Type type, Answer answer);
  void set_all(const Name& name, Status status);  // every type of it
  [[nodiscard]] AnswerPtr find(const Name& name, Type type) const;

 private:
  struct Entry {
    std::map<Type, AnswerPtr> types;
    AnswerPtr all;  // where every type fails
    AnswerPtr cname;
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
