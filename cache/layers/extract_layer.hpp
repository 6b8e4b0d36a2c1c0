// A layer's tar as a tree of its own: for LayerStore.
#pragma once

#include <cache/layers/extract.hpp>
#include <cache/stream.hpp>
#include <ir/digest.hpp>

#include <filesystem>

namespace slipway {

struct ExtractedLayer {
  TreeEntries entries;
  Digest tar;  // sha256 of the tar as it was read, uncompressed
};

// Reads `tar`, compressed or not, to its end and unpacks it into `upper`, with whiteouts and
// opaque directories in overlayfs's form. Throws as extract_archive.
ExtractedLayer extract_layer(ByteSource& tar, const std::filesystem::path& upper,
                             const ExtractLimits& limits);

// The layer of these entries under a diffID that is known: index and tree digest alone.
BuiltLayer index_entries(const TreeEntries& entries, const DiffId& diff_id);

// Writes the canonical tar of a layer whose tree is at `tree`. Throws as build_tree.
void write_canonical_tar(const LayerIndex& index, const std::filesystem::path& tree,
                         const ByteSink& sink);

}  // namespace slipway
