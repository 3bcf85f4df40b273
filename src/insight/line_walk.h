// walk_lines: the lines of record files, read by several threads: uncompressed files in pieces of kPiece octets that
// are cut at line ends, compressed ones in blocks that one thread at a time unpacks (log_stream.h), each file by one
// thread as long as there are files enough. For what may be counted in any order and merged; read_sessions() is for
// what needs the order. Memory: a piece's or block's lines are read through a buffer of a line's limit a thread,
// whatever the size of the files, and a compressed file that is open takes its window (128 MiB at most). Thread rule:
// blocks; starts and joins its own threads.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/result.h"
#include "insight/sessions.h"

namespace postern::insight {

inline constexpr std::uint64_t kPiece = 4 << 20;
inline constexpr unsigned kWalkersMax = 16;

// As many as the machine has processors, at most kWalkersMax.
[[nodiscard]] unsigned walkers();

// `line` is called on several threads at once, with the number of the thread (below `threads`) and a line without its
// newline that lives during the call; empty lines are passed over. `progress` is called on the caller's thread.
// Sources::stop is obeyed. A file that is damaged or cannot be read is told in the result, and the others are read; one
// that was named and is not there is an error.
using LineVisitor = std::function<void(unsigned walker, std::string_view line)>;
struct Walked {
  std::uint64_t overlong = 0;        // lines longer than record::kLineMax
  std::vector<DamagedFile> damaged;  // by path; of each what stands before the damage was visited
};
[[nodiscard]] Result<Walked> walk_lines(const Sources& sources, unsigned threads, const LineVisitor& line,
                                        const Progress& progress = {}, std::uint64_t piece = kPiece);

}  // namespace postern::insight
