// Unpacking an archive of ADD.
#pragma once

#include <cache/layers/extract.hpp>
#include <executor/files/copy.hpp>

namespace slipway {

// Over what is below `staging.upper()`, whose entries are `entries`. Throws Error naming the
// archive if it is not what was planned, or cannot be unpacked.
void unpack_archive(const CopyPlan::Archive& archive, const SourceTree& tree,
                    const StackView& below, const Staging& staging, TreeEntries& entries);

}  // namespace slipway
