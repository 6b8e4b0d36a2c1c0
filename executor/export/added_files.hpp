// Files that are written beside a result's own.
#pragma once

#include <cache/layers/stack.hpp>
#include <cache/layers/store.hpp>
#include <executor/attest/statement.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace slipway {

// The same view with these files at its top, mode 0600 as BuildKit's; lives no longer than
// `staging`, which is made where there is a file. Throws Error where the view has one of the names
// already.
StackView with_files(const StackView& view, const std::vector<StatementFile>& files,
                     std::int64_t mtime, LayerStore& layers, std::optional<Staging>& staging);

}  // namespace slipway
