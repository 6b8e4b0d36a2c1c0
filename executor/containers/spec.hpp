// A container's program as the sandbox takes it: as the operation of a step.
#pragma once

#include <cache/containers/container.hpp>
#include <executor/sandbox/rights.hpp>
#include <executor/sandbox/root_tree.hpp>
#include <executor/sandbox/users.hpp>
#include <ir/operation.hpp>

#include <string>
#include <vector>

namespace slipway {

// What its host name is: the asked one, else the beginning of the ID, in the host's network the
// host's.
std::string container_hostname(const Container& container);

// What is asked for, over what is there, as docker does it (and not BuildKit for steps, whose
// set_variable() puts it last): a variable that is there keeps its place, and "NAME" without a
// value takes it out.
void merge_environment(std::vector<std::string>& environment,
                       const std::vector<std::string>& asked);

// PATH, HOSTNAME and with a terminal TERM, and what the image and the flags say. HOME comes with
// the user. Each name once.
std::vector<std::string> container_environment(const Container& container);

RunProcess container_operation(const Container& container);

// Who it runs as, by the passwd and group of its root, with the groups of --group-add and of its
// devices. Throws Error.
RunUser container_user(const RunProcess& operation, const std::vector<std::string>& groups,
                       const StepRights& rights, const RootTree& root);

}  // namespace slipway
