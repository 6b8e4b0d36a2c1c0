#include <frontend/flags.hpp>

#include <ir/error.hpp>
#include <ir/letter_case.hpp>
#include <ir/nearest.hpp>

#include <algorithm>

namespace slipway {
namespace {

std::string hint_for(std::string_view name, const std::vector<FlagRule>& rules,
                     const Statement& statement) {
  if (rules.empty()) return statement.name.text() + " has no flags";
  std::vector<std::string> names;
  std::string all;
  for (const FlagRule& rule : rules) {
    names.emplace_back(rule.name);
    all += (all.empty() ? "--" : " --") + std::string(rule.name);
  }
  return did_you_mean(name, names, statement.name.text() + " knows " + all, "--");
}

}  // namespace

Fragment unquoted_flag(const Fragment& flag, char escape) {
  Fragment plain = flag.slice(0, 0);
  const std::string& text = flag.text();
  char quote = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != 0 ? c == quote : c == '"' || c == '\'') {
      quote = quote != 0 ? '\0' : c;
    } else {
      if (c == escape && ++at == text.size()) break;
      plain.append(flag, at, at + 1);
    }
  }
  return plain;
}

Flags::Flags(const Statement& statement, const std::vector<FlagRule>& rules, char escape,
             Report& report) {
  for (const Fragment& raw : statement.flags) {
    const Fragment flag = unquoted_flag(raw, escape);
    const std::string& text = flag.text();
    if (text == "--") break;
    const std::size_t equals = std::min(text.find('='), text.size());
    const std::string name = text.substr(2, equals - 2);
    const SourceSpan name_span = flag.span(0, equals);
    const auto rule = std::find_if(rules.begin(), rules.end(),
                                   [&](const FlagRule& each) { return each.name == name; });
    if (rule == rules.end()) {
      report.error(name_span, "unknown flag " + quoted("--" + name),
                   hint_for(name, rules, statement));
      continue;
    }
    const bool has_value = equals < text.size();
    const Fragment value = flag.slice(std::min(equals + 1, text.size()), text.size());
    auto& values = values_[name];
    if (!values.empty() && rule->kind != FlagRule::Kind::list) {
      report.error(name_span, "the flag --" + name + " is given twice");
      continue;
    }
    if (rule->kind == FlagRule::Kind::boolean) {
      const std::string word = lower_case(value.text());
      if (has_value && word != "true" && word != "false") {
        report.error(value.empty() ? name_span : value.span(),
                     "the flag --" + name + " takes true or false, not " + quoted(value.text()));
        continue;
      }
    } else if (!has_value) {
      report.error(name_span, "the flag --" + name + " needs a value",
                   "write --" + name + "=VALUE");
      continue;
    }
    values.push_back(value);
  }
}

std::optional<Fragment> Flags::value(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.empty()) return std::nullopt;
  return found->second.front();
}

std::vector<Fragment> Flags::list(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<Fragment>{} : found->second;
}

std::optional<bool> Flags::boolean(std::string_view name) const {
  const auto found = value(name);
  if (!found) return std::nullopt;
  return lower_case(found->text()) != "false";
}

void refuse_flags(const Statement& statement, char escape, Report& report) {
  Flags(statement, {}, escape, report);
}

void ignore_flags(const Statement& statement, Report& report) {
  for (const Fragment& flag : statement.flags) {
    report.warning(flag.span(), statement.name.text() + " ignores the flag " + quoted(flag.text()));
  }
}

}  // namespace slipway
