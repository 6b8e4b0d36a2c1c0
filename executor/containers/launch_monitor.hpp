// Starting slipway-monitor: it is nobody's child, and has nothing of this process but what it is
// given.
#pragma once

#include <cache/file_descriptor.hpp>

#include <string>
#include <vector>

namespace slipway {

// `descriptors`: what it is to have as 0, 1, 2 and so on; its orders are number `orders`. `name`:
// what a list of processes shows. This process's memory is not copied, however large it is. Returns
// when the monitor has been executed. Throws Error.
void launch_monitor(const std::vector<int>& descriptors, int orders, const std::string& name);

}  // namespace slipway
