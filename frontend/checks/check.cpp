#include <frontend/checks/check.hpp>

#include <frontend/checks/settings.hpp>
#include <frontend/checks/text.hpp>

#include <utility>

namespace slipway {
namespace {

void append(std::vector<Diagnostic>& to, const Error& error) {
  to.insert(to.end(), error.diagnostics().begin(), error.diagnostics().end());
}

}  // namespace

Checked check_dockerfile(const ParsedDockerfile& read, LowerOptions options, OwnChecks own,
                         const ResolveImage& resolve) {
  Checked checked;
  CheckSettings settings;
  try {
    settings = check_settings(read.dockerfile, options.build_args, checked.warnings);
  } catch (const Error& error) {
    // As BuildKit: nothing is checked by settings that nobody understands.
    append(checked.mistakes, error);
    for (const Diagnostic& mistake : read.mistakes.in_order()) checked.mistakes.push_back(mistake);
    return checked;
  }
  settings.own = own != OwnChecks::none;
  settings.taste = own == OwnChecks::taste;

  Findings findings(settings);
  check_instructions(read.dockerfile, findings);
  try {
    require_no_mistakes(read.dockerfile, options, read.mistakes);
  } catch (const Error& error) {
    append(checked.mistakes, error);
  }
  if (read.mistakes.empty()) {
    check_file(read.dockerfile, findings);
    options.findings = &findings;
    try {
      lower(read.dockerfile, options, resolve);
    } catch (const Error& error) {
      // Those of values are known already.
      if (checked.mistakes.empty()) append(checked.mistakes, error);
    }
  }
  checked.findings = findings.take();
  if (std::string violation = check_violation(settings, checked.findings);
      !violation.empty() && checked.mistakes.empty()) {
    checked.mistakes.push_back({std::move(violation),
                                {},
                                "the checks are set with error=true: findings are mistakes",
                                {}});
  }
  return checked;
}

}  // namespace slipway
