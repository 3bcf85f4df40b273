// The certificates of the pages, with their keys, as the server hands them to the process that serves the pages: read
// by who still may (root at the start), and passed on in memory that has no name, so that the files can stay root's
// alone, as those of [tls]. Thread rule: any thread; blocks on files.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "io/tls.h"

namespace postern::cli {

inline constexpr std::size_t kPemMax = 256 << 10;  // octets of a file

// The files' contents, where each key fits its certificate, in memory that can be read and not changed.
[[nodiscard]] Result<UniqueFd> pack_certificates(const io::TlsServerOptions& options);
// What pack_certificates() has put there.
[[nodiscard]] Result<std::vector<io::TlsCertificate>> unpack_certificates(int fd);

}  // namespace postern::cli
