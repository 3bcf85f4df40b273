// What a command says: lines for people on standard error, and what was asked for on standard output. Thread rule: one
// thread.
#pragma once

#include <string>

namespace postern::cli {

void complain(const std::string& what);  // "postern: WHAT"
void print(const std::string& text);

}  // namespace postern::cli
