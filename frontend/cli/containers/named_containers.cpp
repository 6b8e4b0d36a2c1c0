#include "named_containers.hpp"

#include "../print.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <thread>
#include <utility>

namespace slipway {
namespace {

using Outcome = std::optional<Error>;

// docker's number.
constexpr std::size_t most_at_once = 50;

Outcome attempt(const std::function<void(const std::string&)>& what, const std::string& name) {
  try {
    what(name);
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    return Error(error.what());
  }
}

class Failures {
 public:
  void take(const std::string& name, const Outcome& outcome) {
    if (!outcome) return print(name + "\n");
    diagnostics_.insert(diagnostics_.end(), outcome->diagnostics().begin(),
                        outcome->diagnostics().end());
  }
  void throw_if_any() {
    if (diagnostics_.empty()) return;
    std::fflush(stdout);
    throw Error(std::move(diagnostics_));
  }

 private:
  std::vector<Diagnostic> diagnostics_;
};

}  // namespace

void for_each_name(const std::vector<std::string>& names,
                   const std::function<void(const std::string& name)>& what) {
  Failures failures;
  for (const std::string& name : names) {
    failures.take(name, attempt(what, name));
    std::fflush(stdout);
  }
  failures.throw_if_any();
}

void for_all_names(const std::vector<std::string>& names,
                   const std::function<void(const std::string& name)>& what) {
  if (names.size() < 2) return for_each_name(names, what);
  Failures failures;
  for (std::size_t from = 0; from < names.size(); from += most_at_once) {
    const std::size_t count = std::min(most_at_once, names.size() - from);
    // Each thread writes its own, and they are read when it has ended.
    std::vector<Outcome> outcomes(count);
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < count; ++i)
        threads.emplace_back([&, i] { outcomes[i] = attempt(what, names[from + i]); });
    }
    for (std::size_t i = 0; i < count; ++i) failures.take(names[from + i], outcomes[i]);
  }
  failures.throw_if_any();
}

}  // namespace slipway
