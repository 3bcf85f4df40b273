// The algorithms of this module, fetched from OpenSSL once a process. Private to it. Thread rule: any thread.
#pragma once

#include <openssl/evp.h>

namespace postern::crypto {

[[nodiscard]] const EVP_MD* sha256_algorithm();

}  // namespace postern::crypto
