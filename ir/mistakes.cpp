#include <ir/mistakes.hpp>

#include <algorithm>
#include <cstdint>
#include <set>
#include <tuple>

namespace slipway {
namespace {

// Kept in the order in which they are found, which is not quite that of their places: more than are
// shown, so that those which are shown are the first ones.
constexpr std::size_t most_kept = 10 * most_mistakes;

std::string key_of(const Diagnostic& diagnostic) {
  const SourceSpan& span = diagnostic.span;
  const auto text = reinterpret_cast<std::uintptr_t>(span.file.get());  // alive as long as its span
  return std::to_string(text) + ":" + std::to_string(span.line) + ":" +
         std::to_string(span.column) + ": " + diagnostic.message;
}

}  // namespace

void Mistakes::add(Diagnostic diagnostic) {
  if (keep_ == Keep::none) return;
  if (kept_.size() < most_kept) {
    if (!said_.insert(key_of(diagnostic)).second) return;
    kept_.push_back(std::move(diagnostic));
  }
  ++found_;
}

void Mistakes::add_elsewhere(const Mistakes& other) {
  std::set<std::pair<std::uint32_t, std::uint32_t>> places;
  for (const Diagnostic& each : kept_) places.emplace(each.span.line, each.span.column);
  for (const Diagnostic& each : other.kept_)
    if (!places.contains({each.span.line, each.span.column})) add(each);
  add_unkept(other.found_ - other.kept_.size());
}

std::vector<Diagnostic> Mistakes::in_order() const {
  std::vector<Diagnostic> sorted = kept_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.span.line, a.span.column) < std::tie(b.span.line, b.span.column);
  });
  if (sorted.size() > most_mistakes) sorted.resize(most_mistakes);
  return sorted;
}

void Mistakes::throw_if_any() const {
  if (empty()) return;
  std::vector<Diagnostic> shown = in_order();
  const std::size_t omitted = found_ - shown.size();
  throw Error(std::move(shown), omitted);
}

}  // namespace slipway
