#include "check/catalogue.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace postern::check {

namespace {

std::vector<Check> assemble() {
  std::vector<Check> out;
  for (int category = 0; category <= static_cast<int>(Category::parity); ++category) {
    for (const std::span<const Check> part : {dns_checks(), mail_host_checks(), server_checks(), published_checks(),
                                              authentication_checks(), self_checks()}) {
      std::ranges::copy_if(part, std::back_inserter(out),
                           [&](const Check& check) { return check.category == static_cast<Category>(category); });
    }
  }
  return out;
}

}  // namespace

std::span<const Check> catalogue() {
  static const std::vector<Check> checks = assemble();
  return checks;
}

const Check* find_check(std::string_view id) {
  const auto checks = catalogue();
  const auto found = std::ranges::find(checks, id, &Check::id);
  return found == checks.end() ? nullptr : &*found;
}

}  // namespace postern::check
