// An OCSP response as an authority would sign it, for tests of who reads one.
#pragma once

#include <openssl/ocsp.h>

#include <string>

#include "unit/tls_authority.h"

namespace postern::test {

// `says`: V_OCSP_CERTSTATUS_GOOD, _REVOKED or _UNKNOWN; from yesterday until `days` from now.
inline std::string ocsp_response(const Issued& about, const Issued& authority, int says, long days = 7) {
  constexpr long kDay = 24L * 60 * 60;
  OCSP_BASICRESP* const basic = OCSP_BASICRESP_new();
  OCSP_CERTID* const id = OCSP_cert_to_id(EVP_sha1(), about.certificate.get(), authority.certificate.get());
  ASN1_TIME* const from = X509_gmtime_adj(nullptr, -kDay * 10);
  ASN1_TIME* const until = X509_gmtime_adj(nullptr, kDay * days);
  must(OCSP_basic_add1_status(basic, id, says, 0, says == V_OCSP_CERTSTATUS_REVOKED ? from : nullptr, from, until) !=
           nullptr,
       "a status");
  must(OCSP_basic_sign(basic, authority.certificate.get(), authority.key.get(), EVP_sha256(), nullptr, 0) == 1,
       "signing a status");
  OCSP_RESPONSE* const response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  unsigned char* out = nullptr;
  const int size = i2d_OCSP_RESPONSE(response, &out);
  must(size > 0, "encoding a status");
  std::string text(reinterpret_cast<char*>(out), static_cast<std::size_t>(size));
  OPENSSL_free(out);
  OCSP_RESPONSE_free(response);
  OCSP_BASICRESP_free(basic);
  OCSP_CERTID_free(id);
  ASN1_TIME_free(from);
  ASN1_TIME_free(until);
  return text;
}

}  // namespace postern::test
