// What a session knows, in the words of the catalogue of signals. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "directory/directory.h"
#include "evidence/evidence.h"
#include "ip/address.h"
#include "record/session_record.h"
#include "spf/evaluate.h"

namespace postern::inbound {

[[nodiscard]] evidence::value::Address kind_of(const ip::Address& address);
[[nodiscard]] evidence::value::Tls tls_of(std::string_view version);  // "TLSv1.3"
[[nodiscard]] evidence::value::Spf spf_of(spf::Outcome outcome);
[[nodiscard]] evidence::value::Recipient recipient_of(const directory::Resolution& found);
// dkim, dmarc, dmarc_policy, arc and the domains; spf where the record has it.
void set_authentication(const record::AuthenticationRecord& found, evidence::Evidence& out);
// early_talk, pipelining and protocol, of smtp::Fact bits.
void set_facts(std::uint32_t facts, evidence::Evidence& out);

}  // namespace postern::inbound
