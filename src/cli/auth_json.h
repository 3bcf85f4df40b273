// What the tools of mail authentication found, as JSON: for --json and for the lines of --batch. The names of the keys
// are an interface (docs/mail-authentication.md). Thread rule: pure functions.
#pragma once

#include <string_view>
#include <vector>

#include "arc/verify.h"
#include "base/json.h"
#include "dkim/verify.h"
#include "dmarc/evaluate.h"
#include "mailauth/mailauth.h"
#include "spf/evaluate.h"

namespace postern::cli {

// Each writes one key and its value into an object that is open.
void write_spf(json::Writer& writer, std::string_view key, const spf::Evaluation& evaluation);
void write_dkim(json::Writer& writer, const std::vector<dkim::Verdict>& verdicts);
void write_dmarc(json::Writer& writer, const dmarc::Evaluation& evaluation);
void write_arc(json::Writer& writer, const arc::Chain& chain);
// All of them: spf, spf_helo, dkim, dkim_signatures, arc, dmarc, dns_lookups.
void write_facts(json::Writer& writer, const mailauth::Facts& facts);

}  // namespace postern::cli
