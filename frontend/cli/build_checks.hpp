// The build checks in a build: their findings are warnings.
#pragma once

#include <frontend/parse.hpp>
#include <ir/checks/findings.hpp>
#include <ir/instruction.hpp>

#include <map>
#include <string>
#include <vector>

namespace slipway {

class BuildChecks {
 public:
  // Makes the checks that need nothing but the text; of one with mistakes, those that look at one
  // instruction. Throws Error where the settings are wrong.
  BuildChecks(const ParsedDockerfile& read, const std::map<std::string, std::string>& build_args,
              bool quiet);

  // Where those that need more put what they find.
  Findings& findings() { return findings_; }

  // Runs `action`, which makes them, and shows all findings on standard error, also where it
  // throws. Throws Error if the settings make findings mistakes.
  template <class Action>
  auto show_after(const Action& action) {
    try {
      auto result = action();
      show();
      require_none();
      return result;
    } catch (...) {
      show();
      throw;
    }
  }

  // The line that ends a build with findings; empty for one without.
  std::string summary() const;

 private:
  void show();
  void require_none() const;

  bool quiet_;
  Findings findings_;
  std::vector<Finding> shown_;
};

}  // namespace slipway
