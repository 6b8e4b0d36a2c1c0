// What the build checks found, and which of them were asked for.
#pragma once

#include <ir/checks/rules.hpp>
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

  bool wants(const CheckRule& rule) const;
};

// Throws Error, without a place, for what is no option of a check.
CheckSettings parse_check_settings(std::string_view text);

struct Finding {
  const CheckRule* rule = nullptr;
  std::string message;  // BuildKit's words for its rules
  SourceSpan span;      // the exact word to underline
  SourceSpan lines;     // the whole instruction: what BuildKit gives as the finding's place
  std::string hint;     // what to do; may be empty
};

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

}  // namespace slipway
