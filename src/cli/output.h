// What a command says: lines for people on standard error, and what was asked for on standard output. Thread rule: one
// thread.
#pragma once

#include <string>

namespace postern::cli {

void complain(const std::string& what);  // "postern: WHAT"
void print(const std::string& text);

// At a command's end, whatever wrote to standard output: the exit code. What did not arrive there, on a full disk for
// example, is told on standard error, and is a failure; of a reader who has gone away (`| head`) nothing is said.
[[nodiscard]] int finish_output(int code);

}  // namespace postern::cli
