// Discovery: looks for DMARC policy records by tree walk (RFC 9989 4.10) and remembers what it has asked, so that one
// evaluation never asks the same name twice. Private to this module; evaluate.h is what others use. Thread rule: the
// resolver's; it outlives the tasks it returns.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "dmarc/evaluate.h"
#include "dmarc/record.h"
#include "dns/resolver.h"

namespace postern::dmarc {

// The domains whose "_dmarc" names a walk from `start` asks for, in order; at most kWalkMax. With more than seven
// labels the second has seven (4.10, step 4).
[[nodiscard]] std::vector<dns::Name> walk_targets(const dns::Name& start);

struct Published {  // at "_dmarc." + domain
  std::optional<Record> record;
  std::string text;     // of that record
  std::string failure;  // DNS did not say; empty: it did
  std::string remark;   // several records, all discarded
  bool absent = true;   // NXDOMAIN: says nothing about the domain itself
};

struct Walk {
  dns::Name start;
  std::vector<dns::Name> found;  // domains with a record, longest first
  std::string failure;           // DNS did not say somewhere: what was found until then does not count
  dns::Name organization;        // 4.10.2; meaningless after a failure
  dns::Name public_suffix;       // where psd=y stands, above the start; else the root
};

class Discovery {
 public:
  Discovery(dns::Resolver& resolver, dns::Budget& budget) : resolver_(resolver), budget_(budget) {}
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;
  ~Discovery() = default;

  // The answer stays where it is as long as this object lives.
  [[nodiscard]] Task<const Published*> record_of(dns::Name domain);
  [[nodiscard]] Task<const Walk*> walk(dns::Name start);
  // What has been found so far, without asking.
  [[nodiscard]] const Published* known(const dns::Name& domain) const;
  [[nodiscard]] std::vector<std::string>& asked() { return asked_; }
  [[nodiscard]] dns::Resolver& resolver() { return resolver_; }
  [[nodiscard]] dns::Budget& budget() { return budget_; }

 private:
  dns::Resolver& resolver_;
  dns::Budget& budget_;
  std::map<dns::Name, Published> published_;
  std::map<dns::Name, Walk> walks_;
  std::vector<std::string> asked_;
};

}  // namespace postern::dmarc
