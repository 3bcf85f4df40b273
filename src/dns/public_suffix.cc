#include "dns/public_suffix.h"

#include <libpsl.h>

#include "base/text.h"

namespace postern::dns {

namespace {
// libpsl takes C strings; a name with a NUL in it is under no rule but the default one.
bool is_text(const Name& name) { return !name.is_root() && !name.text().contains('\0'); }
}  // namespace

void PublicSuffixList::Free::operator()(psl_ctx_st* list) const { psl_free(list); }

Result<PublicSuffixList> PublicSuffixList::load(const std::string& path) {
  PublicSuffixList list(psl_load_file(path.c_str()));
  if (!list.list_) {
    return fail(ErrorKind::invalid, "public suffix list " + printable(path) +
                                        " cannot be read as one; Debian's package publicsuffix installs " +
                                        "/usr/share/publicsuffix/public_suffix_list.dat");
  }
  return list;
}

Result<PublicSuffixList> PublicSuffixList::latest() {
  PublicSuffixList list(psl_latest(nullptr));
  if (!list.list_) {
    return fail(ErrorKind::not_found,
                "no public suffix list: libpsl has none built in; install the package publicsuffix");
  }
  return list;
}

std::optional<Name> PublicSuffixList::registrable_domain(const Name& name) const {
  if (!is_text(name)) return std::nullopt;
  const char* found = psl_registrable_domain(list_.get(), name.text().c_str());
  if (found == nullptr) return std::nullopt;
  return Name::parse(found);
}

bool PublicSuffixList::is_public_suffix(const Name& name) const {
  return is_text(name) && psl_is_public_suffix(list_.get(), name.text().c_str()) == 1;
}

}  // namespace postern::dns
