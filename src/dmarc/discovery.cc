#include "dmarc/discovery.h"

#include <algorithm>

#include "base/text.h"

namespace postern::dmarc {
namespace {

constexpr std::string_view kPrefix = "_dmarc";

Published published_in(const dns::Answer& answer, const dns::Name& name) {
  Published out;
  out.absent = answer.status == dns::Status::nxdomain;
  if (dns::is_temporary(answer.status)) {
    out.absent = false;
    out.failure = printable(name.text()) + ": " + std::string(dns::to_string(answer.status));
    return out;
  }
  std::size_t count = 0;
  for (const std::string& text : answer.texts) {
    // 4.10, steps 2 and 6: what does not start with the version is discarded first
    auto record = parse_record(text);
    if (!record) continue;
    if (++count == 1) {
      out.record = *std::move(record);
      out.text = text;
    }
  }
  if (count > 1) {
    // ... and then, where several are left, all of them
    out.record.reset();
    out.text.clear();
    out.remark = std::to_string(count) + " DMARC records at " + printable(name.text()) + ": none of them counts";
  }
  return out;
}

bool stops(const Published& published) { return published.record && published.record->psd != Psd::unknown; }

}  // namespace

std::vector<dns::Name> walk_targets(const dns::Name& start) {
  std::vector<dns::Name> out;
  if (start.is_root()) return out;
  out.push_back(start);
  constexpr std::size_t below = kWalkMax - 1;
  // 4.10, step 4: x < 8 loses one label, x >= 8 all but seven
  for (std::size_t left = std::min(start.labels() - 1, below); left > 0; --left) out.push_back(start.suffix(left));
  return out;
}

const Published* Discovery::known(const dns::Name& domain) const {
  const auto found = published_.find(domain);
  return found == published_.end() ? nullptr : &found->second;
}

Task<const Published*> Discovery::record_of(dns::Name domain) {
  if (const Published* before = known(domain)) co_return before;
  Published out;
  // A name that is too long for "_dmarc." in front cannot be in DNS, and so has no record.
  if (const auto name = domain.below(kPrefix)) {
    asked_.push_back(name->text());
    const dns::AnswerPtr answer = co_await resolver_.query(*name, dns::Type::txt, budget_);
    out = published_in(*answer, *name);
  }
  co_return &published_.insert_or_assign(std::move(domain), std::move(out)).first->second;
}

Task<const Walk*> Discovery::walk(dns::Name start) {
  if (const auto before = walks_.find(start); before != walks_.end()) co_return &before->second;
  Walk out{.start = start, .found = {}, .failure = {}, .organization = start, .public_suffix = {}};
  const std::vector<dns::Name> targets = walk_targets(start);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const Published* const published = co_await record_of(targets[i]);
    if (!published->failure.empty()) {
      // 5.3.6: whatever stands above could change everything that was found below
      out.failure = published->failure;
      break;
    }
    if (published->record) out.found.push_back(targets[i]);
    if (stops(*published)) break;
    // The rest of the way costs one round trip instead of one a label.
    for (std::size_t next = i + 1; i == 0 && next < targets.size(); ++next) {
      const auto name = known(targets[next]) == nullptr ? targets[next].below(kPrefix) : std::nullopt;
      if (name) resolver_.prefetch(*name, dns::Type::txt);
    }
  }
  // 4.10.2. A walk stops at psd=n and psd=y, so that only the last record can have one.
  if (!out.found.empty()) {
    const dns::Name& last = out.found.back();
    if (known(last)->record->psd == Psd::yes && last != start) {
      out.public_suffix = last;
      out.organization = start.suffix(last.labels() + 1);
    } else {
      out.organization = last;  // psd=n, or the one with the fewest labels, or psd=y at the start itself
    }
  }
  co_return &walks_.insert_or_assign(std::move(start), std::move(out)).first->second;
}

}  // namespace postern::dmarc
