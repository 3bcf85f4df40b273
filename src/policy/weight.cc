#include "policy/weight.h"

#include <algorithm>
#include <cmath>

namespace postern::policy {

namespace {

constexpr double kZ95 = 1.96;  // of the normal distribution, both sides
constexpr double kHalf = 0.5;

Weight with_error(double nats, double variance) {
  const double error = kZ95 * std::sqrt(std::max(variance, 0.0));
  return {nats, nats - error, nats + error};
}

double share(double seen, double events) { return (seen + kHalf) / (events + 1); }
double variance(double seen, double events) { return 1 / (seen + kHalf) - 1 / (events + 1); }

}  // namespace

Weight Weight::capped(double cap) const {
  return {std::clamp(nats, -cap, cap), std::clamp(low, -cap, cap), std::clamp(high, -cap, cap)};
}

Weight weight_of(const Seen& seen) {
  if (seen.spam + seen.ham <= 0) return {};
  const double nats = std::log(share(seen.spam, seen.spam_events)) - std::log(share(seen.ham, seen.ham_events));
  const double plain = seen.spam * std::max(seen.ham_events, 1.0) - seen.ham * std::max(seen.spam_events, 1.0);
  if (nats * plain <= 0) return {};
  return with_error(nats, variance(seen.spam, seen.spam_events) + variance(seen.ham, seen.ham_events));
}

void Product::multiply(const Seen& seen) {
  if (seen.spam + seen.ham <= 0) return;  // nothing is known of the value
  spam *= share(seen.spam, seen.spam_events);
  ham *= share(seen.ham, seen.ham_events);
  spam_variance += variance(seen.spam, seen.spam_events);
  ham_variance += variance(seen.ham, seen.ham_events);
}

Weight weight_of_cell(const Seen& cell, const Product& product) {
  struct Side {
    double log_share = 0, variance = 0;
  };
  const auto side = [](double seen, double events, double share_of_product, double variance_of_product) {
    const double c = std::max(kBackOff * share_of_product, kBackOffMin);
    const double expected = events * share_of_product;
    // How much of the product is left in the answer, which carries the product's own error.
    const double left = c / (expected + c);
    return Side{
        .log_share = std::log(share_of_product) + std::log((seen + c) / (expected + c)),
        .variance = left * left * variance_of_product + std::max(0.0, 1 / (seen + c) - 1 / (events + kBackOff))};
  };
  const Side spam = side(cell.spam, cell.spam_events, product.spam, product.spam_variance);
  const Side ham = side(cell.ham, cell.ham_events, product.ham, product.ham_variance);
  return with_error(spam.log_share - ham.log_share, spam.variance + ham.variance);
}

}  // namespace postern::policy
