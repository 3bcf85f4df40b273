#include "policy/parser.h"

#include <algorithm>
#include <string>

#include "base/text.h"
#include "policy/comparison.h"
#include "policy/options.h"

namespace postern::policy {

namespace {

using Kind = Node::Kind;

// Recursive descent; each level of recursion takes a level of kDepthMax. Stops at the first fault of grammar.
class Parser {
 public:
  Parser(std::string_view source, std::vector<Token> tokens, const ParseOptions& options, std::vector<Fault>& faults)
      : tokens_(std::move(tokens)), options_(options), faults_(faults) {
    expression_.source = source;
  }

  std::optional<Expression> run() {
    const auto root = condition();
    if (!root) return std::nullopt;
    if (peek().kind != TokenKind::end) {
      after_comparison();
      return std::nullopt;
    }
    if (!faults_.empty()) return std::nullopt;
    expression_.root = *root;
    return std::move(expression_);
  }

 private:
  using Part = std::optional<std::uint16_t>;  // nothing where the grammar is broken

  [[nodiscard]] const Token& peek() const { return tokens_[at_]; }
  const Token& take() {
    const Token& token = tokens_[at_];
    if (token.kind != TokenKind::end) ++at_;
    return token;
  }
  [[nodiscard]] bool is_word(std::string_view word) const { return is_word(peek(), word); }
  [[nodiscard]] static bool is_word(const Token& token, std::string_view word) {
    return token.kind == TokenKind::word && token.text == word;
  }
  bool take_word(std::string_view word) {
    if (!is_word(word)) return false;
    ++at_;
    return true;
  }
  std::nullopt_t fault(const Token& at, std::string what) {
    faults_.push_back({at.offset, std::move(what)});
    return std::nullopt;
  }
  Part add(Kind kind, std::vector<std::uint16_t> parts) {
    expression_.nodes.push_back({kind, std::move(parts)});
    return static_cast<std::uint16_t>(expression_.nodes.size() - 1);
  }

  Part condition() { return joined("or", Kind::disjunction, &Parser::conjunction); }
  Part conjunction() { return joined("and", Kind::conjunction, &Parser::factor); }
  Part joined(std::string_view word, Kind kind, Part (Parser::*part)()) {
    std::vector<std::uint16_t> parts;
    do {
      const Part next = (this->*part)();
      if (!next) return std::nullopt;
      parts.push_back(*next);
    } while (take_word(word));
    return parts.size() == 1 ? Part(parts.front()) : add(kind, std::move(parts));
  }

  Part factor() {
    const Token& first = peek();
    const bool negation = is_word("not");
    if (!negation && first.kind != TokenKind::open) return comparison();
    if (depth_ == kDepthMax)
      return fault(first, "more than " + std::to_string(kDepthMax) + " levels of parentheses and not; split the rule");
    ++depth_;
    take();
    Part inner = negation ? factor() : condition();
    --depth_;
    if (!inner) return std::nullopt;
    if (negation) return add(Kind::negation, {*inner});
    if (peek().kind != TokenKind::close) return after_comparison();
    take();
    return inner;
  }

  // Something stands where `and`, `or`, a closing parenthesis or the end should.
  std::nullopt_t after_comparison() {
    const Token& token = peek();
    if (token.kind == TokenKind::close) return fault(token, "this parenthesis closes nothing; take it away");
    if (token.kind == TokenKind::end) return fault(token, "a parenthesis is not closed; add \")\"");
    const auto near = token.kind == TokenKind::word ? nearest(token.text, {"and", "or"}) : std::nullopt;
    return fault(token, shown(token) + " cannot follow here; " +
                            (near ? "did you mean " + *near + "?" : "join two comparisons with and, or"));
  }

  Part comparison() {
    WrittenComparison written;
    written.signal = take();
    if (written.signal.kind != TokenKind::word && written.signal.kind != TokenKind::quoted) {
      return fault(written.signal,
                   "expected a comparison, such as rdns == generic, and found " + shown(written.signal));
    }
    if (is_word(written.signal, "and") || is_word(written.signal, "or"))
      return fault(written.signal, shown(written.signal) + " stands between two comparisons; one is missing before it");
    if (!relation(written)) return std::nullopt;
    if (expression_.comparisons.size() == kComparisonsMax)
      return fault(written.signal, "more than " + std::to_string(kComparisonsMax) + " comparisons; split the rule");
    const Token& last = tokens_[at_ - 1];
    auto meaning = interpret(written, options_, faults_);
    if (!meaning) meaning.emplace();  // goes on, to find what else is wrong
    meaning->offset = written.signal.offset;
    meaning->length = last.offset + last.length - written.signal.offset;
    expression_.stage = std::max(expression_.stage, evidence::info(meaning->signal).stage);
    expression_.comparisons.push_back(std::move(*meaning));
    return add(Kind::comparison, {static_cast<std::uint16_t>(expression_.comparisons.size() - 1)});
  }

  bool relation(WrittenComparison& written) {
    written.sign = peek();
    switch (written.sign.kind) {
      case TokenKind::not_equal:
        written.negated = true;
        [[fallthrough]];
      case TokenKind::equal:
        return one_value(written, Relation::equal);
      case TokenKind::less:
        return one_value(written, Relation::less);
      case TokenKind::at_most:
        return one_value(written, Relation::at_most);
      case TokenKind::greater:
        return one_value(written, Relation::greater);
      case TokenKind::at_least:
        return one_value(written, Relation::at_least);
      case TokenKind::word:
        return word_relation(written);
      default:
        break;
    }
    fault(written.sign, shown(written.signal) + " must be compared with something, such as == and a value");
    return false;
  }

  bool word_relation(WrittenComparison& written) {
    if (take_word("is")) {
      written.negated = take_word("not");
      written.relation = Relation::is;
      return value(written);
    }
    written.negated = take_word("not");
    const Token& word = peek();
    written.sign = word;
    if (is_word(word, "in")) {
      take();
      if (take_word("home")) {
        written.relation = Relation::in_home;
        return true;
      }
      return list(written);
    }
    if (is_word(word, "has")) return one_value(written, Relation::has);
    if (is_word(word, "within")) return one_value(written, Relation::within);
    if (is_word(word, "contains")) return one_value(written, Relation::contains);
    const bool starts = is_word(word, "starts");
    if (starts || is_word(word, "ends")) {
      take();
      if (!is_word("with")) {
        fault(peek(), "after " + shown(word) + " stands with");
        return false;
      }
      return one_value(written, starts ? Relation::starts_with : Relation::ends_with);
    }
    const bool joins = is_word(word, "and") || is_word(word, "or") || word.kind != TokenKind::word;
    const auto near =
        joins ? std::nullopt : nearest(word.text, {"in", "has", "is", "starts", "ends", "within", "contains"});
    fault(word, joins ? shown(written.signal) + " must be compared with something, such as == and a value"
                      : shown(word) + " is no comparison; " +
                            (near ? "did you mean " + *near + "?"
                                  : "there are == != < <= > >= in has is within contains, starts with, ends with"));
    return false;
  }

  // Takes the sign that is next, and one value.
  bool one_value(WrittenComparison& written, Relation relation) {
    written.relation = relation;
    take();
    if (peek().kind == TokenKind::open_list) {
      fault(peek(), "a list is compared with in: write " + std::string(written.signal.text) + " in [...]");
      return false;
    }
    return value(written);
  }

  bool value(WrittenComparison& written) {
    const Token& token = peek();
    if (token.kind != TokenKind::word && token.kind != TokenKind::quoted) {
      fault(token, "expected a value, and found " + shown(token));
      return false;
    }
    written.values.push_back(take());
    return true;
  }

  bool list(WrittenComparison& written) {
    written.relation = Relation::in;
    if (peek().kind != TokenKind::open_list) {
      fault(peek(), "after in stands a list, such as [a, b], or home");
      return false;
    }
    take();
    while (value(written)) {
      const Token& next = take();
      if (next.kind == TokenKind::close_list) return true;
      if (next.kind == TokenKind::comma) continue;
      fault(next, next.kind == TokenKind::end ? "a list is not closed; add \"]\""
                                              : "expected a comma or \"]\", and found " + shown(next));
      return false;
    }
    return false;
  }

  const std::vector<Token> tokens_;
  const ParseOptions& options_;
  std::vector<Fault>& faults_;
  Expression expression_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

std::optional<Expression> parse(std::string_view source, const ParseOptions& options, std::vector<Fault>& faults) {
  faults.clear();
  if (source.size() > kExpressionMax) {
    faults.push_back({kExpressionMax, "longer than " + std::to_string(kExpressionMax) + " octets; split the rule"});
    return std::nullopt;
  }
  auto tokens = tokenize(source);
  if (!tokens) {
    faults.push_back(std::move(tokens).error());
    return std::nullopt;
  }
  if (tokens->size() == 1) {
    faults.push_back({0, "is empty; write a comparison, such as rdns == generic"});
    return std::nullopt;
  }
  auto expression = Parser(source, *std::move(tokens), options, faults).run();
  std::ranges::sort(faults, {}, &Fault::offset);
  return expression;
}

}  // namespace postern::policy
