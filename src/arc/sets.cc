#include "arc/sets.h"

#include <algorithm>

#include "authres/authres.h"
#include "base/text.h"
#include "dkim/canonical.h"
#include "dkim/header_digest.h"
#include "dkim/signature.h"

namespace postern::arc {
namespace {

constexpr std::size_t kFieldsMax = std::size_t{3} * kInstancesMax;

// position = 1*2DIGIT (RFC 8617 3.9), 1 to 50; 0: none.
std::uint32_t instance_of(const dkim::TagList& tags) {
  const std::string_view text = tags.get("i").value_or("");
  if (text.empty() || text.size() > 2) return 0;
  return static_cast<std::uint32_t>(parse_unsigned(text).value_or(0));
}

bool over_limit(const dkim::TagList& tags) {
  const std::string_view text = tags.get("i").value_or("");
  return !text.empty() && std::ranges::all_of(text, is_digit) &&
         parse_unsigned(text).value_or(UINT64_MAX) > kInstancesMax;
}

class Collector {
 public:
  void add(const message::Field& field) {
    if (iequals(field.name, kResultsName)) {
      add_results(field);
    } else if (iequals(field.name, kMessageName)) {
      add_tagged(field, &FieldSet::message, &FieldSet::message_tags);
    } else if (iequals(field.name, kSealName)) {
      add_tagged(field, &FieldSet::seal, &FieldSet::seal_tags);
    }
  }
  [[nodiscard]] bool full() const { return fields_ > kFieldsMax; }
  Sets take() {
    // Step 1: "If more than the maximum number exist, the Chain Validation Status is fail"
    if (out_.too_many) out_.problem = "more than " + std::to_string(kInstancesMax) + " ARC sets";
    std::ranges::sort(out_.sets, {}, &FieldSet::instance);
    for (std::size_t i = 0; i < out_.sets.size(); ++i) {
      const FieldSet& set = out_.sets[i];
      if (set.instance != i + 1) {
        problem("there is no ARC set i=" + std::to_string(i + 1));  // B: no gaps
        break;
      }
      if (set.results == nullptr) problem(missing(kResultsName, set.instance));
      if (set.message == nullptr) problem(missing(kMessageName, set.instance));
      if (set.seal == nullptr) problem(missing(kSealName, set.instance));
    }
    return std::move(out_);
  }

 private:
  static std::string missing(std::string_view name, std::uint32_t instance) {
    return "ARC set i=" + std::to_string(instance) + " has no " + std::string(name);
  }
  void problem(std::string what) {
    if (out_.problem.empty()) out_.problem = std::move(what);
  }
  bool count() {
    out_.any = true;
    if (++fields_ <= kFieldsMax) return true;
    out_.too_many = true;
    return false;
  }
  FieldSet& set_of(std::uint32_t instance) {
    const auto found = std::ranges::find(out_.sets, instance, &FieldSet::instance);
    if (found != out_.sets.end()) return *found;
    out_.sets.push_back({.instance = instance});
    return out_.sets.back();
  }
  void place(const message::Field& field, const message::Field* FieldSet::* slot, std::string_view name,
             FieldSet& set) {
    if (set.*slot != nullptr) {
      problem("ARC set i=" + std::to_string(set.instance) + " has two " + std::string(name) + " fields");  // A
    } else {
      set.*slot = &field;
    }
  }

  void add_results(const message::Field& field) {
    if (!count()) return;
    const std::uint32_t instance = authres::arc_instance(field.body);
    if (instance == 0) return problem(std::string(kResultsName) + ": no i= of 1 to " + std::to_string(kInstancesMax));
    place(field, &FieldSet::results, kResultsName, set_of(instance));
  }

  void add_tagged(const message::Field& field, const message::Field* FieldSet::* slot, dkim::TagList FieldSet::* list) {
    if (!count()) return;
    const std::string_view name = slot == &FieldSet::seal ? kSealName : kMessageName;
    if (field.body.size() > dkim::kSignatureOctetsMax) {
      return problem(std::string(name) + ": longer than " + std::to_string(dkim::kSignatureOctetsMax) + " octets");
    }
    auto tags = dkim::TagList::parse(field.body);
    if (!tags) return problem(std::string(name) + ": " + tags.error().what);
    if (over_limit(*tags)) out_.too_many = true;
    const std::uint32_t instance = instance_of(*tags);
    if (instance == 0 || instance > kInstancesMax) {
      return problem(std::string(name) + ": i=" + printable(tags->get("i").value_or("(missing)"), 20) +
                     " is not 1 to " + std::to_string(kInstancesMax));
    }
    FieldSet& set = set_of(instance);
    place(field, slot, name, set);
    set.*list = std::move(*tags);
  }

  Sets out_;
  std::size_t fields_ = 0;
};

}  // namespace

bool Sets::ended() const {
  return !sets.empty() && sets.back().seal != nullptr && sets.back().seal_tags.get("cv") == "fail";
}

Sets collect(const message::HeaderSection& header) {
  Collector collector;
  for (const message::Field& field : header.fields()) {
    if (istarts_with(field.name, "ARC-")) collector.add(field);
    if (collector.full()) break;
  }
  return collector.take();
}

crypto::Digest SealHash::add(const message::Field& results, const message::Field& message, const message::Field& seal) {
  // 4.1.3: relaxed is the only canonicalisation of a seal.
  std::string text;
  dkim::canonical_field(dkim::Canon::relaxed, results.raw, text);
  dkim::canonical_field(dkim::Canon::relaxed, message.raw, text);
  sha_.update(text);
  crypto::Sha256 own = sha_.copy();
  own.update(dkim::signed_header(dkim::FieldIndex(message::HeaderSection()), {}, dkim::Canon::relaxed, seal));
  text.clear();
  dkim::canonical_field(dkim::Canon::relaxed, seal.raw, text);
  sha_.update(text);
  return own.finish();
}

}  // namespace postern::arc
