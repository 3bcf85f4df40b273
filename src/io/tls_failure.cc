#include "io/tls_failure.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>

namespace postern::io {

namespace {

struct Word {
  int number;
  std::string_view word;
};

// RFC 8446 6, RFC 5246 7.2
constexpr std::array<Word, 33> kAlerts{{{SSL3_AD_CLOSE_NOTIFY, "alert_close_notify"},
                                        {SSL3_AD_UNEXPECTED_MESSAGE, "alert_unexpected_message"},
                                        {SSL3_AD_BAD_RECORD_MAC, "alert_bad_record_mac"},
                                        {TLS1_AD_DECRYPTION_FAILED, "alert_decryption_failed"},
                                        {TLS1_AD_RECORD_OVERFLOW, "alert_record_overflow"},
                                        {SSL3_AD_DECOMPRESSION_FAILURE, "alert_decompression_failure"},
                                        {SSL3_AD_HANDSHAKE_FAILURE, "alert_handshake_failure"},
                                        {SSL3_AD_NO_CERTIFICATE, "alert_no_certificate"},
                                        {SSL3_AD_BAD_CERTIFICATE, "alert_bad_certificate"},
                                        {SSL3_AD_UNSUPPORTED_CERTIFICATE, "alert_unsupported_certificate"},
                                        {SSL3_AD_CERTIFICATE_REVOKED, "alert_certificate_revoked"},
                                        {SSL3_AD_CERTIFICATE_EXPIRED, "alert_certificate_expired"},
                                        {SSL3_AD_CERTIFICATE_UNKNOWN, "alert_certificate_unknown"},
                                        {SSL3_AD_ILLEGAL_PARAMETER, "alert_illegal_parameter"},
                                        {TLS1_AD_UNKNOWN_CA, "alert_unknown_ca"},
                                        {TLS1_AD_ACCESS_DENIED, "alert_access_denied"},
                                        {TLS1_AD_DECODE_ERROR, "alert_decode_error"},
                                        {TLS1_AD_DECRYPT_ERROR, "alert_decrypt_error"},
                                        {TLS1_AD_EXPORT_RESTRICTION, "alert_export_restriction"},
                                        {TLS1_AD_PROTOCOL_VERSION, "alert_protocol_version"},
                                        {TLS1_AD_INSUFFICIENT_SECURITY, "alert_insufficient_security"},
                                        {TLS1_AD_INTERNAL_ERROR, "alert_internal_error"},
                                        {TLS1_AD_INAPPROPRIATE_FALLBACK, "alert_inappropriate_fallback"},
                                        {TLS1_AD_USER_CANCELLED, "alert_user_canceled"},
                                        {TLS1_AD_NO_RENEGOTIATION, "alert_no_renegotiation"},
                                        {TLS13_AD_MISSING_EXTENSION, "alert_missing_extension"},
                                        {TLS1_AD_UNSUPPORTED_EXTENSION, "alert_unsupported_extension"},
                                        {TLS1_AD_CERTIFICATE_UNOBTAINABLE, "alert_certificate_unobtainable"},
                                        {TLS1_AD_UNRECOGNIZED_NAME, "alert_unrecognized_name"},
                                        {TLS1_AD_BAD_CERTIFICATE_STATUS_RESPONSE, "alert_bad_certificate_status"},
                                        {TLS1_AD_UNKNOWN_PSK_IDENTITY, "alert_unknown_psk_identity"},
                                        {TLS13_AD_CERTIFICATE_REQUIRED, "alert_certificate_required"},
                                        {TLS1_AD_NO_APPLICATION_PROTOCOL, "alert_no_application_protocol"}}};

constexpr std::array<Word, 34> kReasons{{{SSL_R_NO_SHARED_CIPHER, "no_shared_cipher"},
                                         {SSL_R_NO_CIPHERS_SPECIFIED, "no_shared_cipher"},
                                         {SSL_R_UNSUPPORTED_PROTOCOL, "unsupported_protocol"},
                                         {SSL_R_UNKNOWN_PROTOCOL, "unsupported_protocol"},
                                         {SSL_R_VERSION_TOO_LOW, "unsupported_protocol"},
                                         {SSL_R_VERSION_TOO_HIGH, "unsupported_protocol"},
                                         {SSL_R_UNSUPPORTED_SSL_VERSION, "unsupported_protocol"},
                                         {SSL_R_INAPPROPRIATE_FALLBACK, "inappropriate_fallback"},
                                         {SSL_R_HTTP_REQUEST, "not_tls"},
                                         {SSL_R_HTTPS_PROXY_REQUEST, "not_tls"},
                                         {SSL_R_WRONG_VERSION_NUMBER, "not_tls"},
                                         {SSL_R_NO_SHARED_GROUPS, "no_shared_group"},
                                         {SSL_R_NO_SUITABLE_GROUPS, "no_shared_group"},
                                         {SSL_R_NO_SUITABLE_KEY_SHARE, "no_shared_group"},
                                         {SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, "no_shared_signature"},
                                         {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "no_shared_signature"},
                                         {SSL_R_NO_APPLICATION_PROTOCOL, "no_application_protocol"},
                                         {SSL_R_CERTIFICATE_VERIFY_FAILED, "certificate"},
                                         {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "bad_record"},
                                         {SSL_R_DIGEST_CHECK_FAILED, "bad_record"},
                                         {SSL_R_BAD_RECORD_TYPE, "bad_record"},
                                         {SSL_R_PACKET_LENGTH_TOO_LONG, "bad_record"},
                                         {SSL_R_DATA_LENGTH_TOO_LONG, "bad_record"},
                                         {SSL_R_ENCRYPTED_LENGTH_TOO_LONG, "bad_record"},
                                         {SSL_R_RECORD_LENGTH_MISMATCH, "bad_record"},
                                         {SSL_R_UNEXPECTED_MESSAGE, "unexpected_message"},
                                         {SSL_R_UNEXPECTED_RECORD, "unexpected_message"},
                                         {SSL_R_CCS_RECEIVED_EARLY, "unexpected_message"},
                                         {SSL_R_LENGTH_MISMATCH, "malformed"},
                                         {SSL_R_LENGTH_TOO_SHORT, "malformed"},
                                         {SSL_R_BAD_EXTENSION, "malformed"},
                                         {SSL_R_BAD_PACKET, "malformed"},
                                         {SSL_R_BAD_KEY_SHARE, "malformed"},
                                         {SSL_R_UNEXPECTED_EOF_WHILE_READING, "eof"}}};

template <std::size_t N>
std::string_view find(const std::array<Word, N>& words, int number, std::string_view otherwise) {
  const auto* const found = std::ranges::find(words, number, &Word::number);
  return found == words.end() ? otherwise : found->word;
}

}  // namespace

std::string_view tls_failure_word(unsigned long code) {
  if (code == 0 || ERR_GET_LIB(code) != ERR_LIB_SSL) return "other";
  const int reason = ERR_GET_REASON(code);
  if (reason >= SSL_AD_REASON_OFFSET) return find(kAlerts, reason - SSL_AD_REASON_OFFSET, "alert_other");
  return find(kReasons, reason, "other");
}

std::string_view verify_failure_word(long verdict) {
  switch (verdict) {
    case X509_V_OK:
      return {};
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "certificate-expired";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "certificate-host-mismatch";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_REJECTED:
    case X509_V_ERR_CERT_REVOKED:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
      return "certificate-not-trusted";
    default:  // not yet valid, a wrong signature, too weak a key, no TLSA record that matches, ...
      return "validation-failure";
  }
}

}  // namespace postern::io
