// The equations of evidence (docs/policy.md: score): what a value that was seen a times in S spam events and b times in
// H ham events says about the next event, in nats, with its 95 % interval. Thread rule: pure.
#pragma once

namespace postern::policy {

inline constexpr double kCap = 4;           // nats of one signal: no single one may refuse
inline constexpr double kJointCap = 6;      // of the joint table, where two or more of its signals beside `known` agree
inline constexpr double kBackOff = 20;      // k of the joint table: events that the product of its signals is worth
inline constexpr double kBackOffMin = 0.5;  // expected events that it is worth at least, however rare the cell

// How often something was seen, of how many events.
struct Seen {
  double spam = 0, spam_events = 0;
  double ham = 0, ham_events = 0;
};

// A log-likelihood ratio: above zero speaks for spam.
struct Weight {
  double nats = 0;
  double low = 0, high = 0;  // the 95 % interval
  // The end of the interval that is nearest to zero; 0 where zero lies within. Little data has no power.
  [[nodiscard]] double nearest_zero() const { return low > 0 ? low : high < 0 ? high : 0; }
  [[nodiscard]] Weight capped(double cap) const;
  [[nodiscard]] Weight times(double factor) const { return {nats * factor, low * factor, high * factor}; }
};

// ln((a+1/2)/(S+1)) - ln((b+1/2)/(H+1)), and its standard error from 1/(a+1/2) - 1/(S+1) + 1/(b+1/2) - 1/(H+1).
// Zero where the plain shares a/S and b/H do not point to the same side: the halves alone must not speak, as they would
// where there are many more events of one kind than of the other.
[[nodiscard]] Weight weight_of(const Seen& seen);

// What the product of the single signals says of a cell of the joint table.
struct Product {
  double spam = 1, ham = 1;                    // the share of events in this cell, were the signals independent
  double spam_variance = 0, ham_variance = 0;  // of the logarithms of those shares
  void multiply(const Seen& seen);
};

// A cell: ln P(cell|spam) - ln P(cell|ham), where P = p (a + c) / (S p + c), p is the product's share and
// c = max(k p, kBackOffMin). With c = k p that is (a + k p) / (S + k). Empty cells say what the product says.
[[nodiscard]] Weight weight_of_cell(const Seen& cell, const Product& product);

}  // namespace postern::policy
