// The mistakes and warnings of one text, as they are found; at most twenty a line and a hundred in
// all, the rest is counted.
#pragma once

#include <ir/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace slipway {

class Report {
 public:
  // A mistake that docker's parser refuses wherever it stands, in an ONBUILD trigger too.
  void syntax(const SourceSpan& span, std::string message, std::string hint = {}) {
    ++found_;
    if (errors_.size() < most_mistakes && room_for(span)) {
      errors_.push_back({std::move(message), span, std::move(hint), {}});
    }
  }
  // A mistake that only shows when the instruction is used: in a trigger it is a warning.
  void error(const SourceSpan& span, std::string message, std::string hint = {}) {
    if (in_trigger_) return warning(span, std::move(message), std::move(hint));
    syntax(span, std::move(message), std::move(hint));
  }
  void warning(const SourceSpan& span, std::string message, std::string hint = {}) {
    if (warnings_.size() < most_mistakes && room_for(span)) {
      warnings_.push_back({std::move(message), span, std::move(hint), {}});
    }
  }

  // A mistake only where the stage is built: lower() finds it.
  void later(const SourceSpan& span, std::string message, std::string hint = {}) {
    if (in_trigger_) warning(span, std::move(message), std::move(hint));
  }

  void set_in_trigger(bool in_trigger) { in_trigger_ = in_trigger; }

  const std::vector<Diagnostic>& errors() const { return errors_; }
  const std::vector<Diagnostic>& warnings() const { return warnings_; }
  // How many mistakes there are, with those that are not kept.
  std::size_t found() const { return found_; }

 private:
  // Each message shows its line, so as many as a line has bytes would take a line's square.
  static constexpr int most_per_line = 20;
  bool room_for(const SourceSpan& span) { return ++per_line_[span.line] <= most_per_line; }

  std::unordered_map<std::uint32_t, int> per_line_;
  std::vector<Diagnostic> errors_;
  std::vector<Diagnostic> warnings_;
  std::size_t found_ = 0;
  bool in_trigger_ = false;
};

}  // namespace slipway
