// --timeout and --step-timeout of `slipway build`.
#pragma once

#include "build_request.hpp"

#include <executor/solve/solve.hpp>

#include <chrono>
#include <optional>

namespace slipway {

// A solve ends itself in time. Throws Error for a text that is no duration.
void set_time_limits(const BuildRequest& request, SolveOptions& options);

// Ends the program when its time is over while no solve runs, so while images are pulled or results
// written: as a kill would, with a message. By a timer's signal and not by a thread, with which the
// program could not enter a user namespace any more.
class [[nodiscard]] ProgramTimeout {
 public:
  ProgramTimeout(const std::optional<TimeLimit>& limit,
                 std::chrono::steady_clock::time_point began);
  ~ProgramTimeout();
  ProgramTimeout(const ProgramTimeout&) = delete;
};

}  // namespace slipway
