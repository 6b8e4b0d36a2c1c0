// --dry-run: what a build would do, without doing any of it.
#pragma once

#include "build_cache.hpp"
#include "build_explain.hpp"
#include "build_inputs.hpp"
#include "build_request.hpp"
#include "session.hpp"

#include <frontend/parse.hpp>
#include <ir/lower.hpp>
#include <ir/platform.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace slipway {

enum class PlanMode { none, text, json };
// Throws Error for a value that is not known, and where the context would have to be fetched.
PlanMode parse_dry_run(const BuildRequest& request);

// Prints the plan to standard output. Gives the exit status: 0 if every step would be a hit, else 3.
// Makes no store and writes nothing into one; shared caches are asked for records. Throws Error where the build would.
int run_plan(PlanMode mode, ExplainMode explain, const BuildRequest& request,
             const Session& session, const LowerOptions& options, const std::vector<Platform>& platforms,
             BuildInputs& inputs, const Dockerfile& dockerfile, const std::string& place,
             SharedCacheOptions cache_options, const std::filesystem::path& root);

}  // namespace slipway
