// MailAuth: everything about the authenticity of one message, in the order in which it becomes known: SPF from the
// envelope, DKIM, ARC and DMARC from header and body, the Authentication-Results from all of them. Used by sessions and
// by the tools alike. Thread rule: the resolver's loop; compute() alone may run elsewhere.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arc/verify.h"
#include "authres/authres.h"
#include "base/task.h"
#include "dkim/verify.h"
#include "dmarc/evaluate.h"
#include "dns/resolver.h"
#include "spf/evaluate.h"

namespace postern::mailauth {

struct Envelope {
  ip::Address client;
  std::string helo;
  std::string mail_from;  // "" for the null path
};

struct Facts {
  std::optional<spf::Evaluation> spf_helo, spf_mail_from;  // mail_from: of postmaster@helo for the null path
  std::vector<dkim::Verdict> dkim;
  std::size_t dkim_signatures = 0;  // found; at most dkim::kSignaturesMax were tried
  arc::Chain arc;
  dmarc::Evaluation dmarc;
  std::uint32_t dns_lookups = 0;
};

class MailAuth {
 public:
  struct Context {
    dns::Resolver& resolver;
    dkim::KeyCache& keys;
    std::string host_name;  // for SPF's %{r}
  };
  explicit MailAuth(Context context);
  ~MailAuth();
  MailAuth(const MailAuth&) = delete;
  MailAuth& operator=(const MailAuth&) = delete;

  // At MAIL: begins the look-ups for SPF.
  void envelope(Envelope envelope);
  // At the first RCPT, where the result is wanted there: SPF of the MAIL FROM identity, of postmaster@HELO for the null
  // path (RFC 7208 2.4). Evaluated once: later calls take the same and ask DNS nothing, and so does gather(), but for a
  // temperror: what did not answer within this budget may answer within that one. One call at a time, and none beside
  // gather(). The result stays where it is until gather() or conclude().
  [[nodiscard]] Task<const spf::Evaluation*> early_spf(dns::Budget& budget, WallMs now);
  // At the end of the header: begins the look-ups for keys and policy.
  void header(message::HeaderSection section);
  void body(std::string_view bytes);
  // At the end: waits for DNS. Then compute(), which is pure and takes about cost_us(); then conclude(), which asks
  // DNS for the DMARC policy (already under way). Its budget may be another one: what a sender published for SPF should
  // not decide how much is asked about the author.
  [[nodiscard]] Task<void> gather(dns::Budget& budget, WallMs now);
  [[nodiscard]] std::uint32_t cost_us() const;
  void compute(WallMs now);
  [[nodiscard]] Task<Facts> conclude(dns::Budget& budget);

  // All of the above after body(), on one thread: for tools.
  [[nodiscard]] Task<Facts> finish(dns::Budget& budget, WallMs now);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// RFC 8601 2.7: what the field says of these facts.
[[nodiscard]] authres::Results authentication_results(const Facts& facts, const Envelope& envelope,
                                                      std::string_view authserv_id);

}  // namespace postern::mailauth
