#include "dns/public_suffix.h"

#include <libpsl.h>

#include "base/text.h"

namespace postern::dns {

namespace {
// libpsl takes C strings; a name with a NUL in it is under no rule but the default one.
// Rules of registries have at most 4 labels, and a wildcard one more.
constexpr std::size_t kSuffixLabelsMax = 5;

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

std::optional<Name> PublicSuffixList::registry_domain(const Name& name) const {
  if (!is_text(name)) return std::nullopt;
  // libpsl finds registrable domains by both sections only; so its rules are asked for one suffix after another.
  const std::string& text = name.text();
  std::size_t suffix = std::string::npos;  // where the longest one begins
  std::size_t label = text.size();
  for (std::size_t labels = 0; labels < kSuffixLabelsMax && label != 0; ++labels) {
    const std::size_t dot = text.rfind('.', label - 1);
    const std::size_t begin = dot == std::string::npos ? 0 : dot + 1;
    if (psl_is_public_suffix2(list_.get(), text.c_str() + begin, PSL_TYPE_ICANN) == 1) suffix = begin;
    label = begin == 0 ? 0 : begin - 1;
  }
  if (suffix == 0 || suffix == std::string::npos) return std::nullopt;
  const std::size_t dot = suffix < 2 ? std::string::npos : text.rfind('.', suffix - 2);
  return Name::parse(std::string_view(text).substr(dot == std::string::npos ? 0 : dot + 1));
}

bool PublicSuffixList::is_public_suffix(const Name& name) const {
  return is_text(name) && psl_is_public_suffix(list_.get(), name.text().c_str()) == 1;
}

}  // namespace postern::dns
