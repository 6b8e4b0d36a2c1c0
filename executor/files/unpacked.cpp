#include <executor/files/unpacked.hpp>

#include <cache/layers/extract_layer.hpp>
#include <cache/layers/index.hpp>
#include <ir/error.hpp>

#include <utility>

namespace slipway {

std::unique_ptr<SourceTree> unpack_tree(ByteSource& archive, const Staging& staging,
                                        std::string name) {
  TreeEntries entries;
  try {
    extract_archive(archive, staging.upper(), StackView({}), {}, entries);
  } catch (const Error& error) {
    const Diagnostic& first = error.diagnostics().front();
    throw Error("the " + name + " cannot be unpacked: " + first.message).hint(first.hint);
  }
  // No layer is going to be made of it, so its tar's digest, which would cost another reading of
  // all files, is nobody's.
  std::string index = index_entries(entries, DiffId{}).index;
  return stack_tree(StackView({{staging.upper(), LayerIndex::from_bytes(std::move(index))}}),
                    std::move(name));
}

std::unique_ptr<SourceTree> empty_tree(std::string name) {
  return stack_tree(StackView({}), std::move(name));
}

}  // namespace slipway
