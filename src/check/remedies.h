// What to mend first: the findings that fail or warn, in the order of the harm that they do, those with one remedy
// together. Thread rule: pure function; what it returns points into the report.
#pragma once

#include <string>
#include <vector>

#include "check/report.h"

namespace postern::check {

struct Remedy {
  Outcome outcome = Outcome::warn;
  std::vector<const Finding*> findings;  // with one record, or with one fix where there is none; the worst first
};

// Failures before warnings; within them what loses mail first, then what lets it be read or forged, then the rest.
[[nodiscard]] std::vector<Remedy> remedies(const Report& report);

// What its findings are about, and the titles of their checks: each thing once.
struct RemedyWords {
  std::string ids, titles, subjects, evidence;
};
[[nodiscard]] RemedyWords words(const Remedy& remedy);

}  // namespace postern::check
