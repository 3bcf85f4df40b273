#include "cli/auth_json.h"

#include <optional>
#include <string>

namespace postern::cli {

namespace {

// Absent where there is nothing to say.
void write_optional(json::Writer& writer, std::string_view key, const std::string& value) {
  if (!value.empty()) writer.field(key, value);
}

void write_policy(json::Writer& writer, std::string_view key, std::optional<dmarc::Policy> policy) {
  if (policy) writer.field(key, dmarc::to_string(*policy));
}

void write_strings(json::Writer& writer, std::string_view key, const std::vector<std::string>& values) {
  writer.key(key).begin_array();
  for (const std::string& value : values) writer.string(value);
  writer.end_array();
}

void write_record(json::Writer& writer, const dmarc::Record& record) {
  writer.key("tags").begin_object();
  writer.field("p", dmarc::to_string(record.policy));
  write_policy(writer, "sp", record.subdomain_policy);
  write_policy(writer, "np", record.absent_policy);
  writer.field("adkim", record.strict_dkim ? "s" : "r").field("aspf", record.strict_spf ? "s" : "r");
  writer.field("t", record.testing ? "y" : "n");
  writer.field("psd", record.psd == dmarc::Psd::yes ? "y" : record.psd == dmarc::Psd::no ? "n" : "u");
  writer.field("fo", record.fo);
  write_strings(writer, "rua", record.rua);
  write_strings(writer, "ruf", record.ruf);
  writer.end_object();
}

}  // namespace

void write_spf(json::Writer& writer, std::string_view key, const spf::Evaluation& evaluation) {
  writer.key(key).begin_object();
  writer.field("result", spf::to_string(evaluation.outcome)).field("domain", evaluation.domain);
  writer.field("explanation", evaluation.explanation);
  write_optional(writer, "record", evaluation.record);
  write_optional(writer, "mechanism", evaluation.mechanism);
  write_optional(writer, "mechanism_domain", evaluation.mechanism_domain);
  write_optional(writer, "problem", evaluation.problem);
  writer.field("lookups", evaluation.lookups).field("void_lookups", evaluation.void_lookups);
  writer.key("trace").begin_array();
  for (const spf::Step& step : evaluation.trace) {
    writer.begin_object().field("domain", step.domain).field("term", step.term).field("result", step.result);
    writer.field("lookups", step.lookups).field("depth", step.depth).end_object();
  }
  writer.end_array().end_object();
}

void write_dkim(json::Writer& writer, const std::vector<dkim::Verdict>& verdicts) {
  writer.key("dkim").begin_array();
  for (const dkim::Verdict& verdict : verdicts) {
    writer.begin_object().field("result", dkim::to_string(verdict.outcome));
    writer.field("domain", verdict.domain).field("selector", verdict.selector);
    write_optional(writer, "auid", verdict.auid);
    write_optional(writer, "algorithm", verdict.algorithm);
    write_optional(writer, "b", verdict.signature_prefix);
    if (verdict.key_bits > 0) writer.field("key_bits", verdict.key_bits);
    if (verdict.testing) writer.field("testing", true);
    if (verdict.length) writer.field("length", *verdict.length);
    if (verdict.body_beyond_length) writer.field("body_beyond_length", true);
    write_optional(writer, "problem", verdict.problem);
    write_optional(writer, "key_record", verdict.key_record);
    writer.end_object();
  }
  writer.end_array();
}

void write_dmarc(json::Writer& writer, const dmarc::Evaluation& evaluation) {
  writer.key("dmarc").begin_object().field("result", dmarc::to_string(evaluation.outcome));
  // No record, no policy: null, which is not the same as a published "none".
  writer.key("policy");
  if (evaluation.record) {
    writer.string(dmarc::to_string(evaluation.policy));
  } else {
    writer.null();
  }
  write_optional(writer, "policy_tag", evaluation.policy_tag);
  writer.field("testing", evaluation.testing);
  writer.field("author_domain", evaluation.author_domain);
  write_optional(writer, "organizational_domain", evaluation.organizational_domain);
  write_optional(writer, "policy_domain", evaluation.policy_domain);
  writer.field("spf_aligned", evaluation.spf_aligned).field("dkim_aligned", evaluation.dkim_aligned);
  write_optional(writer, "dkim_domain", evaluation.dkim_domain);
  write_optional(writer, "problem", evaluation.problem);
  write_optional(writer, "record", evaluation.record_text);
  if (evaluation.record) write_record(writer, *evaluation.record);
  write_strings(writer, "walk", evaluation.walk);
  writer.end_object();
}

void write_arc(json::Writer& writer, const arc::Chain& chain) {
  writer.key("arc").begin_object().field("result", arc::to_string(chain.outcome));
  writer.field("instances", chain.sets.size());
  if (chain.temporary) writer.field("temporary", true);
  if (chain.oldest_pass_known) writer.field("oldest_pass", chain.oldest_pass);
  write_optional(writer, "problem", chain.problem);
  writer.key("sets").begin_array();
  for (const arc::Set& set : chain.sets) {
    writer.begin_object().field("instance", set.instance).field("domain", set.domain);
    writer.field("selector", set.selector).field("cv", set.cv).field("authserv_id", set.results.authserv_id);
    writer.key("results").begin_array();
    for (const authres::Method& method : set.results.methods) {
      writer.begin_object().field("method", method.method).field("result", method.result);
      for (const authres::Property& property : method.properties) {
        writer.field(property.ptype + "." + property.name, property.value);
      }
      writer.end_object();
    }
    writer.end_array().end_object();
  }
  writer.end_array().end_object();
}

void write_facts(json::Writer& writer, const mailauth::Facts& facts) {
  if (facts.spf_mail_from) write_spf(writer, "spf", *facts.spf_mail_from);
  if (facts.spf_helo) write_spf(writer, "spf_helo", *facts.spf_helo);
  write_dkim(writer, facts.dkim);
  writer.field("dkim_signatures", facts.dkim_signatures);
  write_arc(writer, facts.arc);
  write_dmarc(writer, facts.dmarc);
  writer.field("dns_lookups", facts.dns_lookups);
}

}  // namespace postern::cli
