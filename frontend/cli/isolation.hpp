// --isolation: what a build's RUN steps are kept apart by.
#pragma once

#include <executor/sandbox/process_runner.hpp>
#include <executor/sandbox/sandbox.hpp>
#include <executor/user_namespace.hpp>
#include <ir/graph.hpp>

#include <memory>
#include <string>

namespace slipway {

class Store;

enum class Isolation { automatic, sandbox, chroot };

// Throws Error.
Isolation parse_isolation(const std::string& text);

// What runs the graph's RUN steps, with what of `options` it knows; `automatic` takes the best that
// this process may have, and says on standard error, unless `quiet`, when it is the weaker one. The
// store outlives the result. Throws Error, also where limits cannot be held.
std::unique_ptr<ProcessRunner> make_runner(Isolation isolation, SandboxOptions options,
                                           const UserNamespace& rights, const Graph& graph,
                                           Store& store, bool quiet);

}  // namespace slipway
