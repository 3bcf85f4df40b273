// Why a handshake failed, in one word that does not change with OpenSSL's version: for records, statistics and metrics.
// Internal to io; the words are listed at TlsFacts::failure (io/stream.h). Thread rule: pure function.
#pragma once

#include <string_view>

namespace postern::io {

// `code` is what ERR_peek_error() said; 0 where OpenSSL had nothing to say.
[[nodiscard]] std::string_view tls_failure_word(unsigned long code);

// The result type of RFC 8460 4.3 for what SSL_get_verify_result() said; empty for X509_V_OK.
[[nodiscard]] std::string_view verify_failure_word(long verdict);

}  // namespace postern::io
