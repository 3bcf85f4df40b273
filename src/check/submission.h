// Where the domain's own users hand in mail, as far as SRV publishes it (RFC 6186, RFC 8314 5.1): found, visited once
// over each family, judged. Only ports 465 and 587 are visited, whatever a zone says: it is a stranger's. Thread rule:
// the loop's.
#pragma once

#include <vector>

#include "base/task.h"
#include "check/context.h"
#include "check/run.h"
#include "check/target.h"

namespace postern::check {

inline constexpr std::size_t kSubmissionHostsMax = 8;      // of both services
inline constexpr std::size_t kSubmissionAddressesMax = 6;  // of one host

// Asks for the SRV records and the addresses of their targets; fills in target.submission.
[[nodiscard]] Task<void> find_submission(Context& context);
// One connection to each address, one after the other: EHLO, STARTTLS where TLS does not come first, EHLO, QUIT. Fills
// in `server`. The three outlive it; it ends by the deadline.
[[nodiscard]] Task<void> visit_submission(Target& target, const Options& options, Services services, Deadline deadline);
// Without any IO.
[[nodiscard]] std::vector<Finding> judge_submission(const Target& target, const Options& options);

}  // namespace postern::check
