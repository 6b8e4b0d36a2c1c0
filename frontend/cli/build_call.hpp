// `slipway build --call=METHOD` and `--check`: what is asked of a Dockerfile instead of a build.
#pragma once

#include "build_inputs.hpp"
#include "build_request.hpp"

#include <frontend/checks/check.hpp>
#include <ir/lower.hpp>

#include <filesystem>

namespace slipway {

struct Call {
  enum class Method { build, check, outline, targets, describe };
  Method method = Method::build;
  bool json = false;
  bool ignore_status = false;
  OwnChecks own = OwnChecks::harm;
};

// What --call and --check ask for. Throws Error.
Call parse_call(const BuildRequest& request);

// Makes the call, which is no build, and prints its result. Gives the exit status; throws Error.
// Nothing is pulled unless --pull is given, and no store is made where there is none.
int run_call(const Call& call, const BuildRequest& request, LowerOptions options,
             const BuildInputs& inputs, const std::filesystem::path& root);

}  // namespace slipway
