// Unpacking an archive of ADD, and what comes after it in the same ADD.
#pragma once

#include <cache/layers/extract.hpp>
#include <executor/files/copy.hpp>

#include <cstddef>
#include <vector>

namespace slipway {

// Over what is below `staging.upper()`, whose entries are `entries`. Throws Error naming the
// archive if it is not what was planned, or cannot be unpacked.
void unpack_archive(const CopyPlan::Archive& archive, const SourceTree& tree,
                    const StackView& below, const Staging& staging, TreeEntries& entries);

// Writes over it the items of the sources that stand behind the first `archives` archives and
// before the next one: those of `layer`, positions in order, and others that the archive has
// changed. Throws Error where a directory meets something else.
void put_behind_archive(const CopyPlan& plan, std::size_t archives,
                        const std::vector<std::size_t>& layer,
                        const std::vector<const SourceTree*>& inputs, const StackView& below,
                        const Staging& staging, TreeEntries& entries);

}  // namespace slipway
