#include "inbound/head.h"

#include <algorithm>
#include <utility>

#include "authres/authres.h"
#include "base/text.h"
#include "message/submission.h"

namespace postern::inbound {

bool Head::add(std::string_view bytes, bool still_in_header, std::uint64_t limit) {
  if (still_in_header && text_.size() + bytes.size() > limit) {
    std::string().swap(text_);
    return false;
  }
  text_.append(bytes);
  return true;
}

Head::Parted Head::part(std::uint64_t header_octets, std::string_view authserv_id, bool submitted) {
  Parted parted;
  const std::size_t end = std::min<std::size_t>(header_octets, text_.size());
  parted.body = text_.substr(end);
  text_.resize(end);
  parted.header = message::HeaderSection(std::exchange(text_, {}));
  const std::string_view whole = parted.header.text();
  std::size_t fields_end = 0;
  std::size_t results = 0;
  parted.kept.reserve(whole.size());
  for (const message::Field& field : parted.header.fields()) {
    fields_end += field.raw.size();
    // RFC 8601 5: whoever reads ours must not find another's under our name. It lets a border remove all of them, and
    // no honest way of a message leaves this many.
    if (authres::is_results_field(field) && (++results > kResultsMax || authres::claims(field, authserv_id))) {
      ++parted.dropped;
      continue;
    }
    if (iequals(field.name, kTagField) || (submitted && message::is_blind_copy(field))) continue;
    parted.kept += field.raw;
  }
  parted.kept += whole.substr(std::min(fields_end, whole.size()));
  return parted;
}

}  // namespace postern::inbound
