#include "cli/auth_text.h"

#include <algorithm>
#include <string>

#include "base/text.h"

namespace postern::cli {

namespace {

constexpr std::size_t kLabelWidth = 14;
constexpr std::size_t kRecordShown = 4096;  // octets of a record that are printed

std::string safe(std::string_view text) { return printable(text, kRecordShown); }

std::string padded(std::string_view text, std::size_t width) {
  std::string out(text);
  out.append(text.size() < width ? width - text.size() : 0, ' ');
  return out;
}

std::string count_of(std::uint64_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

void add_trace(Lines& lines, const spf::Evaluation& evaluation) {
  if (evaluation.trace.empty()) return;
  std::size_t width = 0;
  const auto indent = [](const spf::Step& step) { return std::min<std::size_t>(step.depth, 20) * 2; };
  for (const spf::Step& step : evaluation.trace) width = std::max(width, indent(step) + safe(step.term).size());
  width = std::min<std::size_t>(width, 60);
  bool first = true;
  const std::string* domain = nullptr;
  for (const spf::Step& step : evaluation.trace) {
    std::string text = padded(std::string(indent(step), ' ') + safe(step.term), width) + "  " +
                       padded(safe(step.result), 10) + (step.lookups < 10 ? "   " : "  ") +
                       std::to_string(step.lookups);
    if (domain == nullptr || *domain != step.domain) text += "  of " + safe(step.domain);
    domain = &step.domain;
    lines.coloured_line(first ? "trace" : "", text, step.result == "match" ? Colour::bold : Colour::none);
    first = false;
  }
  if (evaluation.trace.size() == spf::Evaluation::kTraceMax) lines.line("", "...");
}

}  // namespace

Colour result_colour(std::string_view result) {
  if (result == "pass") return Colour::green;
  if (result == "fail" || result == "permerror" || result == "policy") return Colour::red;
  return Colour::yellow;
}

void Lines::heading(std::string_view what, std::string_view result, std::string_view about) {
  out_ += coloured(padded(what, 6), Colour::bold, colour_);
  out_ += coloured(result, result_colour(result), colour_);
  if (!about.empty()) out_ += std::string(result.size() < 10 ? 10 - result.size() : 1, ' ') + std::string(about);
  out_ += '\n';
}

void Lines::line(std::string_view label, std::string_view text) { coloured_line(label, text, Colour::none); }

void Lines::coloured_line(std::string_view label, std::string_view text, Colour colour) {
  if (text.empty()) return;
  out_ += "  ";
  out_ += coloured(padded(label, kLabelWidth), Colour::dim, colour_);
  out_ += coloured(text, colour, colour_);
  out_ += '\n';
}

std::string spf_text(const spf::Query& query, const spf::Evaluation& evaluation, bool colour) {
  Lines lines(colour);
  const bool helo = query.identity == spf::Identity::helo || query.mail_from.empty();
  lines.heading("SPF", spf::to_string(evaluation.outcome),
                safe(evaluation.domain) + (helo ? " (HELO)" : " (MAIL FROM)"));
  lines.line("client", query.client.text());
  lines.line("published", evaluation.record.empty() ? "no SPF record" : safe(evaluation.record));
  if (!evaluation.mechanism.empty()) {
    std::string by = safe(evaluation.mechanism);
    if (!evaluation.mechanism_domain.empty()) by += " of " + safe(evaluation.mechanism_domain);
    lines.line("decided by", by);
  }
  lines.line("problem", safe(evaluation.problem));
  lines.line("explanation", safe(evaluation.explanation));
  lines.line("cost", std::to_string(evaluation.lookups) + " of " + count_of(spf::kTermsMax, "look-up", "look-ups") +
                         ", " + std::to_string(evaluation.void_lookups) + " of " + std::to_string(spf::kVoidMax) +
                         " without an answer");
  add_trace(lines, evaluation);
  lines.line("remedy", spf_remedy(evaluation));
  return lines.take();
}

std::string dkim_text(const std::vector<dkim::Verdict>& verdicts, std::size_t found, bool colour) {
  Lines lines(colour);
  if (verdicts.empty()) {
    lines.heading("DKIM", "none", found == 0 ? "no signature" : count_of(found, "signature", "signatures"));
    return lines.take();
  }
  for (const dkim::Verdict& verdict : verdicts) {
    lines.heading("DKIM", dkim::to_string(verdict.outcome),
                  verdict.domain.empty() ? "a signature that names no domain" : safe(verdict.domain));
    if (!verdict.selector.empty()) lines.line("key at", safe(verdict.selector + "._domainkey." + verdict.domain));
    lines.line("published", safe(verdict.key_record));
    std::string algorithm = safe(verdict.algorithm);
    if (verdict.key_bits > 0)
      algorithm += ", a key of " + count_of(static_cast<unsigned>(verdict.key_bits), "bit", "bits");
    lines.line("algorithm", algorithm);
    if (verdict.auid != "@" + verdict.domain) lines.line("on behalf of", safe(verdict.auid));
    if (!verdict.signature_prefix.empty()) lines.line("signature", "b=" + safe(verdict.signature_prefix) + "...");
    if (verdict.length) {
      lines.line("signed body", "the first " + count_of(*verdict.length, "octet", "octets") + " (l=)" +
                                    (verdict.body_beyond_length ? "; what follows is anybody's" : ""));
    }
    if (verdict.testing) lines.line("testing", "the key says t=y: the signer asks to treat this as unsigned");
    lines.line("reason", safe(verdict.problem));
    lines.line("remedy", dkim_remedy(verdict));
  }
  if (found > verdicts.size()) {
    lines.line("", std::to_string(found - verdicts.size()) +
                       " more were not tried: " + std::to_string(dkim::kSignaturesMax) + " are the limit");
  }
  return lines.take();
}

std::string dmarc_text(const dmarc::Evaluation& evaluation, bool colour) {
  Lines lines(colour);
  lines.heading("DMARC", dmarc::to_string(evaluation.outcome), safe(evaluation.author_domain));
  std::string walk;
  for (const std::string& name : evaluation.walk) walk += (walk.empty() ? "" : ", ") + safe(name);
  lines.line("asked", walk);
  if (!evaluation.author_domain.empty()) {
    lines.line("published", evaluation.record_text.empty() ? "no DMARC record" : safe(evaluation.record_text));
  }
  if (!evaluation.policy_domain.empty()) lines.line("at", "_dmarc." + safe(evaluation.policy_domain));
  lines.line("organization", safe(evaluation.organizational_domain));
  if (evaluation.record) {
    std::string policy = safe(evaluation.policy_tag) + "=" + std::string(dmarc::to_string(evaluation.policy));
    if (evaluation.testing) policy += ", to be applied one step milder (t=y)";
    lines.line("policy", policy);
    const std::string strict = " (strict)";
    lines.line("SPF", (evaluation.spf_aligned ? std::string("passed and aligned") : std::string("no aligned pass")) +
                          (evaluation.record->strict_spf ? strict : ""));
    lines.line("DKIM", (evaluation.dkim_aligned ? "passed and aligned: " + safe(evaluation.dkim_domain)
                                                : std::string("no aligned pass")) +
                           (evaluation.record->strict_dkim ? strict : ""));
  }
  lines.line("reason", safe(evaluation.problem));
  lines.line("remedy", dmarc_remedy(evaluation));
  return lines.take();
}

std::string arc_text(const arc::Chain& chain, bool colour) {
  Lines lines(colour);
  lines.heading("ARC", arc::to_string(chain.outcome),
                chain.sets.empty() && chain.outcome == arc::Outcome::none
                    ? "no chain"
                    : "a chain of " + count_of(chain.sets.size(), "set", "sets"));
  for (const arc::Set& set : chain.sets) {
    std::string methods;
    for (const authres::Method& method : set.results.methods) {
      methods += (methods.empty() ? ": " : ", ") + safe(method.method) + "=" + safe(method.result);
    }
    lines.line("i=" + std::to_string(set.instance),
               "sealed by " + safe(set.domain) + " (" + safe(set.selector) + "), cv=" + safe(set.cv));
    if (!set.results.authserv_id.empty()) lines.line("", safe(set.results.authserv_id) + " found" + methods);
  }
  if (chain.oldest_pass_known) {
    lines.line("unchanged", chain.oldest_pass == 0 ? "since the first set: every message signature verifies"
                                                   : "since i=" + std::to_string(chain.oldest_pass) +
                                                         ": older message signatures do not verify");
  }
  lines.line("reason", safe(chain.problem));
  lines.line("remedy", arc_remedy(chain));
  return lines.take();
}

}  // namespace postern::cli
