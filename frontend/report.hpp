// The mistakes and warnings of one text, as they are found.
#pragma once

#include <ir/error.hpp>

#include <string>
#include <utility>
#include <vector>

namespace slipway {

class Report {
 public:
  // A mistake that docker's parser refuses wherever it stands, in an ONBUILD trigger too.
  void syntax(const SourceSpan& span, std::string message, std::string hint = {}) {
    errors_.push_back({std::move(message), span, std::move(hint), {}});
  }
  // A mistake that only shows when the instruction is used: in a trigger it is a warning.
  void error(const SourceSpan& span, std::string message, std::string hint = {}) {
    auto& list = in_trigger_ ? warnings_ : errors_;
    list.push_back({std::move(message), span, std::move(hint), {}});
  }
  void warning(const SourceSpan& span, std::string message, std::string hint = {}) {
    warnings_.push_back({std::move(message), span, std::move(hint), {}});
  }

  void set_in_trigger(bool in_trigger) { in_trigger_ = in_trigger; }

  const std::vector<Diagnostic>& errors() const { return errors_; }
  const std::vector<Diagnostic>& warnings() const { return warnings_; }

 private:
  std::vector<Diagnostic> errors_;
  std::vector<Diagnostic> warnings_;
  bool in_trigger_ = false;
};

}  // namespace slipway
