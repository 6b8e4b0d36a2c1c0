// The build checks in a build: their findings are warnings.
#pragma once

#include <ir/checks/findings.hpp>
#include <ir/instruction.hpp>

#include <map>
#include <string>
#include <vector>

namespace slipway {

class BuildChecks {
 public:
  // Makes the checks that need nothing but the text. Throws Error where their settings are wrong.
  BuildChecks(const Dockerfile& dockerfile, const std::map<std::string, std::string>& build_args,
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
