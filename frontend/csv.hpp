// Comma-separated values in a flag: --mount and --device.
#pragma once

#include <frontend/fragment.hpp>
#include <frontend/report.hpp>

#include <vector>

namespace slipway {

// The fields of one line as RFC 4180 divides it, quotes taken away; nothing after a mistake, which
// is reported.
std::vector<Fragment> read_csv(const Fragment& text, Report& report);

}  // namespace slipway
