// `slipway build --on-failure` and `--output-on-failure`: looking into what a failed step left.
#pragma once

#include "build_request.hpp"

#include <executor/export/export.hpp>
#include <executor/solve/failed_step.hpp>
#include <ir/error.hpp>

#include <vector>

namespace slipway {

struct OnFailure {
  bool shell = false;
  std::vector<ExportSpec> outputs;
};

// Throws Error for what the flags do not know, and for a shell without a terminal to have it on:
// before anything is built.
OnFailure parse_on_failure(const BuildRequest& request);

// What is told of a failed RUN; empty where the flags are in use already.
std::string failure_hint(const OnFailure& asked);

// Does what was asked for. `quiet`: says less. Throws Error.
void show_failure(FailedStep& step, const OnFailure& asked, bool quiet);

}  // namespace slipway
