// What the build checks found, and which of them were asked for.
#pragma once

#include <ir/checks/rules.hpp>
#include <ir/error.hpp>
#include <ir/source.hpp>

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

// `skip=A,B;error=true;experimental=C`, as `# check=` and BUILDKIT_DOCKERFILE_CHECK have it.
struct CheckSettings {
  bool skip_all = false;
  std::set<std::string, std::less<>> skip;
  bool experimental_all = false;
  std::set<std::string, std::less<>> experimental;
  bool error = false;   // a finding of BuildKit's rules fails the build
  bool own = false;     // with our own rules ...
  bool taste = false;   // ... and those that are matters of taste

  // An experimental rule is switched on by its name and never skipped, as in BuildKit.
  bool wants(const CheckRule& rule) const;
};

// Throws Error, without a place, for what is no option of a check. A rule that does not exist is
// no mistake: other versions have it.
CheckSettings parse_check_settings(std::string_view text);

// The names in `skip` and `experimental` that no rule has, each a warning with the nearest one.
std::vector<Diagnostic> unknown_rules(const CheckSettings& settings, const SourceSpan& span);

struct Finding {
  const CheckRule* rule = nullptr;
  std::string message;  // BuildKit's words for its rules
  SourceSpan span;      // the exact word to underline
  SourceSpan lines;     // the whole instruction: what BuildKit gives as the finding's place
  std::string hint;     // what to do; may be empty
};

// As a warning: the rule's name stands behind the message.
Diagnostic diagnostic_of(const Finding& finding);

// Collects findings and leaves out what is not wanted. Not thread-safe.
class Findings {
 public:
  explicit Findings(CheckSettings settings) : settings_(std::move(settings)) {}

  const CheckSettings& settings() const { return settings_; }
  // The rule is left out if the settings, or a `check=` among `comments` (those right above the
  // instruction), say so. An empty `finding.span` stands for `finding.lines`.
  void add(std::string_view rule, const std::vector<std::string>& comments, Finding finding);

  // In the order of their lines.
  std::vector<Finding> take();

 private:
  CheckSettings settings_;
  std::vector<Finding> found_;
};

// What `error=true` makes of the findings: a mistake that names their rules. Empty if there is none
// of BuildKit's rules; our own never fail a build.
std::string check_violation(const CheckSettings& settings, const std::vector<Finding>& findings);

// The option that BuildKit proposes for a misspelt one, for messages that tools compare: at most
// two edits away, the first of the nearest. Empty where none is.
std::string suggestion(std::string_view word, const std::vector<std::string>& options);

}  // namespace slipway
