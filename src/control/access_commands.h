// The operator's word through the control socket:
//   allow|deny {subject, for_ms?, note?} -> {entry, replaced?}      access_remove {subject} -> {removed}
//   access_list {after?, max?} -> {entries, next?}: at most 1000, by subject; "next" is the `after` of the rest.
//   Entries whose time is over are left out.
// An entry is as in the file (access/operator_list.h), with its "kind". The server changes the file on the pool, and
// gives the new list to `publish` before it answers: the next session knows it.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "access/operator_file.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "control/control.h"
#include "io/loop.h"

namespace postern::control {

// One of the commands that change something; blocks on the file. Also used without a server.
struct AccessAnswer {
  json::Value answer;
  access::OperatorFile::Change change;
};
[[nodiscard]] Result<AccessAnswer> change_access(access::OperatorFile& file, const json::Value& request, WallMs now);
// access_list of a list.
[[nodiscard]] Result<json::Value> list_access(const access::OperatorList& list, const json::Value& request, WallMs now);

struct AccessState {
  std::function<std::shared_ptr<const access::OperatorList>()> current;      // never null
  std::function<void(std::shared_ptr<const access::OperatorList>)> publish;  // on the control socket's loop
};
// `file` and `pool` outlive the server.
void add_access_commands(Server& server, access::OperatorFile& file, io::BlockingPool& pool, AccessState state);

}  // namespace postern::control
