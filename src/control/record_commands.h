// Records through the control socket:
//   mark {id, mark: "ham"|"spam", note?} -> {}: as `postern mark` (insight/marks.h).
//   records.flush {} -> {}: answers when every session that has ended is in the file, for `postern why`.
#pragma once

#include <functional>

#include "control/control.h"
#include "io/loop.h"

namespace postern::control {

// `flush` blocks and is called on the pool; what it uses and `pool` outlive the server.
void add_record_commands(Server& server, io::BlockingPool& pool, std::function<void()> flush);

// The file is data_dir/marks.jsonl; `pool` outlives the server.
void add_mark_command(Server& server, io::BlockingPool& pool, std::string file);

}  // namespace postern::control
