#include "crypto/ocsp.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <memory>

namespace postern::crypto {

namespace {

constexpr int kAnswersMax = 100;  // of one response that are looked at

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using ResponsePtr = std::unique_ptr<OCSP_RESPONSE, FreeWith<OCSP_RESPONSE_free>>;
using BasicPtr = std::unique_ptr<OCSP_BASICRESP, FreeWith<OCSP_BASICRESP_free>>;
using X509Ptr = std::unique_ptr<X509, FreeWith<X509_free>>;

struct ClearErrors {
  ClearErrors() = default;
  ClearErrors(const ClearErrors&) = delete;
  ClearErrors& operator=(const ClearErrors&) = delete;
  ~ClearErrors() { ERR_clear_error(); }
};

WallMs wall(const ASN1_GENERALIZEDTIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return static_cast<WallMs>(::timegm(&parts)) * 1000;
}

}  // namespace

Result<OcspStatus> read_ocsp(std::string_view response, std::string_view certificate) {
  const ClearErrors clear;
  if (response.empty() || response.size() > kOcspMax || certificate.size() > kOcspMax)
    return fail(ErrorKind::invalid, "the OCSP response is empty or too long");
  const auto* at = reinterpret_cast<const unsigned char*>(response.data());
  const ResponsePtr parsed(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(response.size())));
  if (parsed == nullptr) return fail(ErrorKind::invalid, "no OCSP response");
  const int status = OCSP_response_status(parsed.get());
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
    return fail(ErrorKind::invalid, std::string("the OCSP responder said ") + OCSP_response_status_str(status));
  const BasicPtr basic(OCSP_response_get1_basic(parsed.get()));
  if (basic == nullptr) return fail(ErrorKind::invalid, "the OCSP response is of no known type");
  at = reinterpret_cast<const unsigned char*>(certificate.data());
  const X509Ptr subject(d2i_X509(nullptr, &at, static_cast<long>(certificate.size())));
  if (subject == nullptr) return fail(ErrorKind::invalid, "the certificate cannot be read");
  const int count = std::min(OCSP_resp_count(basic.get()), kAnswersMax);
  for (int i = 0; i < count; ++i) {
    OCSP_SINGLERESP* const one = OCSP_resp_get0(basic.get(), i);
    ASN1_INTEGER* serial = nullptr;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): OpenSSL's parameter; it only reads
    OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial, const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(one)));
    if (serial == nullptr || ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(subject.get())) != 0) continue;
    ASN1_GENERALIZEDTIME* from = nullptr;
    ASN1_GENERALIZEDTIME* until = nullptr;
    const int says = OCSP_single_get0_status(one, nullptr, nullptr, &from, &until);
    OcspStatus out;
    if (says == V_OCSP_CERTSTATUS_GOOD) out.says = OcspStatus::Says::good;
    if (says == V_OCSP_CERTSTATUS_REVOKED) out.says = OcspStatus::Says::revoked;
    out.this_update = wall(from);
    out.next_update = wall(until);
    return out;
  }
  return fail(ErrorKind::invalid, "the OCSP response is about other certificates");
}

}  // namespace postern::crypto
