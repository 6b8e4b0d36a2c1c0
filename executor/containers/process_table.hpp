// What a container's processes are, in a table: by this machine's `ps`, as docker has it.
#pragma once

#include <executor/containers/processes.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct ProcessTable {
  std::vector<std::string> titles;
  std::vector<std::vector<std::string>> rows;  // as long as the titles
};

// `options` are those of ps(1); none: -ef, and where there is no ps on this machine the same
// columns from /proc. Throws Error: ps is not there or does not understand them, or they leave the
// column PID out.
ProcessTable process_table(const HeldProcess& first, const std::vector<std::string>& options);

// Of what ps prints the processes with these numbers. Total but for a table without a column PID,
// which throws Error.
ProcessTable parse_process_table(std::string_view text, const std::vector<std::int64_t>& numbers);

}  // namespace slipway
