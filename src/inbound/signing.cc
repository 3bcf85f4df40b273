#include "inbound/signing.h"

#include "base/log.h"

namespace postern::inbound {

bool MessageSigning::sign(const mailauth::SigningKeys& keys, WallMs now) {
  auto found = keys.of(mailauth::signing_domain(header_));
  if (found.empty()) return false;
  dkim::SignOptions options;
  options.time = now / 1000;
  signer_.emplace(header_, std::move(found), std::move(options));
  return true;
}

bool MessageSigning::seal(const mailauth::SigningKeys& keys, std::string_view domain, bool utf8, WallMs now) {
  auto key = keys.sealing(domain);
  if (!key) return false;
  arc::SealOptions options;
  options.time = now / 1000;
  options.utf8 = utf8;
  sealer_.emplace(header_, std::move(*key), std::move(options));
  return true;
}

void MessageSigning::body(std::string_view bytes) {
  if (signer_) signer_->body(bytes);
  if (sealer_) sealer_->body(bytes);
}

std::string MessageSigning::make(const arc::Chain* chain, std::string_view results, const std::string& id) {
  std::string out;
  if (sealer_ && chain != nullptr) {
    // A chain that is full, or has ended, is not extended: the message goes on as it is (RFC 8617 5.1)
    const auto set = sealer_->finish(*chain, results);
    if (!set) log::warning("not_sealed", {{"id", id}, {"why", set.error().what}});
    for (const std::string& field : set.value_or(std::vector<std::string>())) out += field;
  }
  if (signer_) {
    const auto fields = signer_->finish();
    if (!fields) log::warning("not_signed", {{"id", id}, {"why", fields.error().what}});
    for (const std::string& field : fields.value_or(std::vector<std::string>())) out += field;
  }
  return out;
}

Task<std::string> MessageSigning::finish(const arc::Chain* chain, std::string_view results, std::string id) {
  if (pool_ == nullptr) co_return make(chain, results, id);
  std::move_only_function<std::string()> work = [this, chain, results, &id] { return make(chain, results, id); };
  co_return co_await pool_->run<std::string>(std::move(work));
}

}  // namespace postern::inbound
