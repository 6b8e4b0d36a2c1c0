// The mistakes of one Dockerfile, so that all are reported together.
#pragma once

#include <ir/error.hpp>
#include <ir/source.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace slipway {

class Mistakes {
 public:
  // Runs `action`; an Error it throws is kept, with `span` where it has no place of its own.
  // True if there was none.
  template <class Action>
  bool attempt(const SourceSpan& span, Action&& action) {
    try {
      action();
      return true;
    } catch (const Error& error) {
      for (Diagnostic diagnostic : error.diagnostics()) {
        if (!diagnostic.span) diagnostic.span = span;
        found_.push_back(std::move(diagnostic));
      }
      return false;
    }
  }

  // Throws them in the order of the Dockerfile.
  void throw_if_any() {
    if (found_.empty()) return;
    std::stable_sort(found_.begin(), found_.end(), [](const Diagnostic& a, const Diagnostic& b) {
      return std::pair(a.span.line, a.span.column) < std::pair(b.span.line, b.span.column);
    });
    throw Error(std::exchange(found_, {}));
  }

 private:
  std::vector<Diagnostic> found_;
};

}  // namespace slipway
