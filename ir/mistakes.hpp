// The mistakes of one Dockerfile, so that all are reported together.
#pragma once

#include <ir/error.hpp>
#include <ir/expand.hpp>
#include <ir/source.hpp>

#include <cstddef>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace slipway {

class Mistakes {
 public:
  // Keeps it, if the same was not said at the same place before. Beyond a bound it is only counted.
  void add(Diagnostic diagnostic);
  // So many more were found that nobody kept.
  void add_unkept(std::size_t more) { found_ += more; }
  // Those of `other` as well, but for those at a place where there is one already.
  void add_elsewhere(const Mistakes& other);

  // Runs `action`; an Error it throws is kept, with `span` where it has no place of its own.
  // True if there was none, and no UnknownValue, which is nobody's mistake.
  template <class Action>
  bool attempt(const SourceSpan& span, Action&& action) {
    try {
      action();
      return true;
    } catch (const Error& error) {
      for (Diagnostic diagnostic : error.diagnostics()) {
        if (!diagnostic.span) diagnostic.span = span;
        if (!diagnostic.span && keep_ == Keep::placed) continue;
        add(std::move(diagnostic));
      }
    } catch (const UnknownValue&) {
    }
    return false;
  }

  // What is kept of an instruction of which a mistake is known already: only what has a place of
  // its own in it, because the rest may follow from that mistake; or nothing.
  enum class Keep { all, placed, none };
  void set_keep(Keep keep) { keep_ = keep; }
  void set_keep(bool failed, bool guessed) {
    keep_ = guessed ? Keep::none : failed ? Keep::placed : Keep::all;
  }

  bool empty() const { return found_ == 0; }
  // In the order of the Dockerfile, as many as are shown.
  std::vector<Diagnostic> in_order() const;
  // Throws them. As many as are not shown are counted in the Error.
  void throw_if_any() const;

 private:
  std::vector<Diagnostic> kept_;
  std::size_t found_ = 0;
  std::unordered_set<std::string> said_;  // place and message
  Keep keep_ = Keep::all;
};

}  // namespace slipway
