#include "outbound/tls_policy.h"

namespace postern::outbound {
namespace {

class OpportunisticTls final : public TlsPolicy {
 public:
  explicit OpportunisticTls(std::shared_ptr<io::TlsClientContext> context) : context_(std::move(context)) {}

  Task<std::shared_ptr<DomainTls>> destination(TlsDestination, dns::Budget&) override {
    co_return std::make_shared<DomainTls>();
  }
  Task<TlsPlan> plan(std::shared_ptr<DomainTls>, dns::Name host, bool, dns::Budget&) override {
    TlsPlan plan;
    plan.expect = io::TlsExpect(host.text());
    plan.context = plan.strict = context_;
    co_return plan;
  }
  std::optional<std::string> starttls_breaks(const dns::Name&, const ip::Address&) override { return std::nullopt; }
  void tried(const DomainTls&, const TlsPlan&, const TlsAttempt&) override {}

 private:
  std::shared_ptr<io::TlsClientContext> context_;
};

}  // namespace

std::string_view to_string(TlsPlan::Kind kind) {
  switch (kind) {
    case TlsPlan::Kind::opportunistic:
      return "opportunistic";
    case TlsPlan::Kind::dane:
      return "dane";
    case TlsPlan::Kind::sts_enforce:
      return "sts";
    case TlsPlan::Kind::sts_testing:
      return "sts_testing";
    case TlsPlan::Kind::required:
      return "requiretls";
    case TlsPlan::Kind::remembered:
      return "remembered";
  }
  return "opportunistic";
}

smtp::Reply unmet_reply(const TlsPlan& plan, const TlsAttempt& attempt) {
  std::string text = attempt.host.is_root() ? attempt.endpoint.address.text() : attempt.host.text();
  if (!attempt.offered)
    text += " does not offer STARTTLS";
  else
    text += ": TLS: " + (attempt.why.empty() ? attempt.failure : attempt.why);
  if (!plan.demand.empty()) text += "; " + plan.demand;
  // RFC 8689 4.2.1: for good where the host shows no TLS, or the wrong one; not where something broke on the way
  const bool accident = attempt.failure.empty() || attempt.failure == "timeout" || attempt.failure == "reset" ||
                        attempt.failure == "eof" || attempt.failure == "other" ||
                        attempt.failure == "starttls_refused" || attempt.failure == "cancelled";
  if (plan.kind == TlsPlan::Kind::required && (!attempt.offered || !accident))
    return {550, {5, 7, 10}, std::move(text)};
  return {451, {4, 7, 5}, std::move(text)};
}

std::unique_ptr<TlsPolicy> make_opportunistic_tls(std::shared_ptr<io::TlsClientContext> context) {
  return std::make_unique<OpportunisticTls>(std::move(context));
}

}  // namespace postern::outbound
