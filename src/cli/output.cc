#include "cli/output.h"

#include <cstdio>

namespace postern::cli {

void complain(const std::string& what) { std::fprintf(stderr, "postern: %s\n", what.c_str()); }
void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace postern::cli
