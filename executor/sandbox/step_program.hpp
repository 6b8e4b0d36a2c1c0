// A step's program: what is the same in whatever kind of isolation it runs.
#pragma once

#include <executor/sandbox/init/plan.hpp>
#include <executor/sandbox/plan_writer.hpp>
#include <executor/sandbox/process_runner.hpp>
#include <executor/sandbox/rights.hpp>
#include <executor/sandbox/root_tree.hpp>
#include <executor/sandbox/users.hpp>
#include <ir/error.hpp>
#include <ir/operation.hpp>

#include <functional>
#include <string>
#include <vector>

namespace slipway {

// Text that goes to the kernel ends at a zero byte: what stands behind one would be lost. Throws
// Error where there is one.
void require_texts(const RunProcess& operation);

// "NAME=value" in place of all that have that name.
void set_variable(std::vector<std::string>& environment, const std::string& entry);

// "/" where the operation has none.
std::string working_directory_of(const RunProcess& operation);

// By the passwd and group of the root, with the groups of the step's devices. Throws Error.
RunUser user_of(const RunProcess& operation, const StepRights& rights, const RootTree& root);

// Gives `finished` a result that says whose process it was.
std::function<void(RunResult)> as_user(const RunUser& user,
                                       std::function<void(RunResult)> finished);

// Who the program runs as, where, with which rights, limits, arguments and environment. `secrets`
// are variables, "NAME=value". Throws Error.
void plan_program(PlanWriter& plan, const RunProcess& operation, const StepRights& rights,
                  const RunUser& user, const std::vector<std::string>& secrets);

// What init's report says of the program itself.
Error why_not_started(const init::Report& report, const RunProcess& operation);

}  // namespace slipway
