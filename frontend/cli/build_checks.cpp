#include "build_checks.hpp"

#include "command.hpp"

#include <frontend/checks/settings.hpp>
#include <frontend/checks/text.hpp>
#include <ir/error.hpp>

#include <cstdint>
#include <cstdio>
#include <iterator>
#include <set>
#include <utility>

namespace slipway {
namespace {

void warn(const Diagnostic& warning) {
  std::fputs(render(warning, "warning", use_color()).c_str(), stderr);
}

CheckSettings settings_of(const ParsedDockerfile& read,
                          const std::map<std::string, std::string>& build_args, bool quiet) {
  std::vector<Diagnostic> warnings;
  CheckSettings settings = check_settings(read.dockerfile, build_args, warnings);
  if (!quiet)
    for (const Diagnostic& warning : warnings) warn(warning);
  return settings;
}

}  // namespace

BuildChecks::BuildChecks(const ParsedDockerfile& read,
                         const std::map<std::string, std::string>& build_args, bool quiet)
    : quiet_(quiet), findings_(settings_of(read, build_args, quiet)) {
  check_instructions(read.dockerfile, findings_);
  if (read.mistakes.empty()) check_file(read.dockerfile, findings_);
}

void BuildChecks::show() {
  std::vector<Finding> found = findings_.take();
  if (!quiet_)
    for (const Finding& finding : found) warn(diagnostic_of(finding));
  shown_.insert(shown_.end(), std::move_iterator(found.begin()), std::move_iterator(found.end()));
}

void BuildChecks::require_none() const {
  const std::string violation = check_violation(findings_.settings(), shown_);
  if (violation.empty()) return;
  throw Error(violation).hint("the checks are set with error=true: findings fail the build");
}

std::string BuildChecks::summary() const {
  if (shown_.empty()) return {};
  std::map<std::string_view, std::set<std::uint32_t>> lines;
  for (const Finding& finding : shown_) lines[finding.rule->name].insert(finding.lines.line);
  std::string text = shown_.size() == 1 ? "1 warning found: "
                                        : std::to_string(shown_.size()) + " warnings found: ";
  bool first = true;
  for (const auto& [rule, numbers] : lines) {
    if (!std::exchange(first, false)) text += ", ";
    text += std::string(rule) + (numbers.size() == 1 ? " (line " : " (lines ");
    for (const std::uint32_t number : numbers) {
      if (number != *numbers.begin()) text += ", ";
      text += std::to_string(number);
    }
    text += ")";
  }
  return text + "\n";
}

}  // namespace slipway
