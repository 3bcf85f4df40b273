#include "spf/ptr.h"

#include <algorithm>

#include "spf/evaluate.h"

namespace postern::spf {

namespace {

bool is_stop(dns::Status status) { return status == dns::Status::limit || status == dns::Status::cancelled; }

}  // namespace

Task<dns::Status> ReverseNames::load() {
  if (loaded_) co_return status_;
  loaded_ = true;
  status_ = dns::Status::nodata;
  const auto name = dns::Name::parse(client_.reverse_name());
  if (!name) co_return status_;
  const dns::AnswerPtr answer = co_await resolver_.query(*name, dns::Type::ptr, budget_);
  status_ = answer->status;
  for (const dns::Name& found : answer->names) {
    if (candidates_.size() == kPtrMax) break;  // RFC 7208 4.6.4: the rest is ignored
    candidates_.push_back({found, found.is_root() ? State::invalid : State::unknown});
  }
  co_return status_;
}

Task<ReverseNames::State> ReverseNames::validate(std::size_t index) {
  if (candidates_[index].state != State::unknown) co_return candidates_[index].state;
  const dns::AnswerPtr answer = co_await resolver_.query(candidates_[index].name, address_type(), budget_);
  const auto same = [this](const ip::Address& address) { return address.octets() == client_.octets(); };
  // RFC 7208 5.5: a name whose look-up fails is skipped. That we ask no more is no answer of DNS.
  candidates_[index].state = is_stop(answer->status)                        ? State::stopped
                             : std::ranges::any_of(answer->addresses, same) ? State::valid
                                                                            : State::invalid;
  co_return candidates_[index].state;
}

Task<ReverseNames::Found> ReverseNames::within(dns::Name target) {
  if (is_stop(co_await load())) co_return Found::stopped;
  // Only names that would match are worth validating.
  for (const Candidate& candidate : candidates_) {
    if (candidate.state == State::unknown && candidate.name.is_within(target)) {
      resolver_.prefetch(candidate.name, address_type());
    }
  }
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    if (!candidates_[i].name.is_within(target)) continue;
    const State state = co_await validate(i);
    if (state == State::valid) co_return Found::yes;
    if (state == State::stopped) co_return Found::stopped;
  }
  co_return Found::no;
}

Task<std::string> ReverseNames::preferred(dns::Name domain) {
  const dns::Status status = co_await load();
  if (status != dns::Status::ok) co_return "unknown";
  // 7.3: the domain itself, then names below it, then the others; each in the order of the answer.
  enum : int { kSame, kBelow, kOther, kRanks };
  for (int rank = kSame; rank < kRanks; ++rank) {
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      const dns::Name& name = candidates_[i].name;
      const int own = name == domain ? kSame : name.is_within(domain) ? kBelow : kOther;
      if (own != rank) continue;
      if (co_await validate(i) == State::valid) co_return candidates_[i].name.text();
    }
  }
  co_return "unknown";
}

}  // namespace postern::spf
