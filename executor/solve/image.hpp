// From a solve's result to an image's config: the layers' diffIDs, and times for its history.
#pragma once

#include <executor/solve/solve.hpp>
#include <ir/image_config.hpp>

#include <cstdint>
#include <string>

namespace slipway {

// Seconds since the epoch as RFC 3339 in UTC: "2026-11-23T21:13:00Z".
std::string rfc3339(std::int64_t seconds);

// `config` as lowering made it. A history entry gets the time its layer was first made; an entry
// without a layer that of its neighbour, as BuildKit's exporter does. So a build that is all hits
// gives the same bytes again. Throws Error where history and layers do not match.
ImageConfig finish_config(ImageConfig config, const SolvedRoot& result);

}  // namespace slipway
