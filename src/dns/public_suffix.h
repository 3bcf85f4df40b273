// PublicSuffixList: where registrable domains begin (publicsuffix.org), over libpsl. For what wants an organisation
// without asking DNS: statistics, known senders, RFC 7489's organisational domain. DMARC itself walks the tree (RFC
// 9989 4.10) and does not use it. Names that no rule of the list covers follow its default rule "*": the last label is
// the suffix. Thread rule: immutable once loaded.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "dns/name.h"

struct psl_ctx_st;

namespace postern::dns {

class PublicSuffixList {
 public:
  // A list in text or in DAFSA form.
  [[nodiscard]] static Result<PublicSuffixList> load(const std::string& path);
  // The newer one of the system's list and the one that libpsl was built with.
  [[nodiscard]] static Result<PublicSuffixList> latest();

  // "example.co.uk" of "mail.example.co.uk"; nullopt for a public suffix and for the root.
  [[nodiscard]] std::optional<Name> registrable_domain(const Name& name) const;
  // The same by the rules of registries alone. The list's second section has suffixes that their owners opened to their
  // customers (hosts of a cloud, dynamic names): there each customer is an organisation of its own, here the owner is.
  [[nodiscard]] std::optional<Name> registry_domain(const Name& name) const;
  [[nodiscard]] bool is_public_suffix(const Name& name) const;

 private:
  struct Free {
    void operator()(psl_ctx_st* list) const;
  };
  explicit PublicSuffixList(psl_ctx_st* list) : list_(list) {}
  std::unique_ptr<psl_ctx_st, Free> list_;
};

}  // namespace postern::dns
