// DMARC records: any octets. What is read is the same twice, holds to its limits, and printed as a plain record reads
// back as itself.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dmarc/record.h"

namespace {

using namespace postern::dmarc;

std::string joined(const std::vector<std::string>& uris) {
  std::string out;
  for (const std::string& uri : uris) out += (out.empty() ? "" : ",") + uri;
  return out;
}

std::string printed(const Record& record) {
  std::string out = "v=DMARC1; p=" + std::string(to_string(record.policy));
  if (record.subdomain_policy) out += "; sp=" + std::string(to_string(*record.subdomain_policy));
  if (record.absent_policy) out += "; np=" + std::string(to_string(*record.absent_policy));
  out += std::string("; adkim=") + (record.strict_dkim ? "s" : "r") + "; aspf=" + (record.strict_spf ? "s" : "r");
  out += std::string("; t=") + (record.testing ? "y" : "n") + "; psd=" + std::string(to_string(record.psd));
  if (!record.rua.empty()) out += "; rua=" + joined(record.rua);
  if (!record.ruf.empty()) out += "; ruf=" + joined(record.ruf) + "; fo=" + record.fo;
  return out;
}

void must(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)is_reporting_uri(text);
  if (const auto host = destination_host(text)) must(!host->empty() && is_reporting_uri(text));
  const auto record = parse_record(text);
  if (!record) {
    must(!record.error().what.empty());
    return 0;
  }
  must(text.size() <= kRecordMax && (text.starts_with('v') || text.starts_with('V')) && text.contains("DMARC1"));
  must(record->rua.size() <= kUrisMax && record->ruf.size() <= kUrisMax && record->remarks.size() <= kRemarksMax);
  must(record->unusable.empty() || (record->rua.empty() && record->policy == Policy::none));
  for (const auto& list : {record->rua, record->ruf}) {
    for (const std::string& uri : list) must(is_reporting_uri(uri));
  }
  if (!record->unusable.empty()) return 0;
  const auto again = parse_record(printed(*record));
  must(again && again->unusable.empty() && again->remarks.empty());
  must(printed(*again) == printed(*record));
  return 0;
}
