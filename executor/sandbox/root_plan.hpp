// The part of init's plan that is about the root file system and what may be seen and called in it,
// and what init has to say about it.
#pragma once

#include <executor/sandbox/init/plan.hpp>
#include <executor/sandbox/plan_writer.hpp>
#include <executor/sandbox/rights.hpp>
#include <executor/sandbox/step_mounts.hpp>
#include <ir/error.hpp>
#include <ir/operation.hpp>

#include <string>
#include <vector>

namespace slipway {

void plan_root(PlanWriter& plan, const StepMounts& mounts, const StepRights& rights);

// `labels`: StepMounts::labels().
Error why_not_started(const init::Report& report, const RunProcess& operation,
                      const StepRights& rights, const std::vector<std::string>& labels);

}  // namespace slipway
