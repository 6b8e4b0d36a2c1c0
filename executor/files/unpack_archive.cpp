#include <executor/files/unpack_archive.hpp>

#include <cache/layers/beneath.hpp>
#include <cache/layers/tree_writer.hpp>
#include <executor/files/content.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace slipway {
namespace {

// What an archive was when it was planned is hashed again as it is unpacked.
class HashingSource : public ByteSource {
 public:
  explicit HashingSource(DescriptorSource source) : source_(std::move(source)) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t got = source_.read(buffer);
    hasher_.update(std::span<const std::byte>(buffer.first(got)));
    return got;
  }
  // Of the whole file: reads what is left.
  Digest finish() {
    std::vector<std::byte> rest(std::size_t{64} << 10);
    while (read(rest) > 0) continue;
    return hasher_.finish();
  }

 private:
  DescriptorSource source_;
  Hasher hasher_;
};

void put_file(TreeWriter& tree, const PlanItem& item,
              const std::vector<const SourceTree*>& inputs) {
  std::string_view text = item.bytes ? std::string_view(*item.bytes) : std::string_view();
  if (item.bytes || item.entry.size == 0) {
    return tree.add_file(item.entry, [&](std::span<std::byte> buffer) {
      const std::size_t count = std::min(text.size(), buffer.size());
      std::copy_n(reinterpret_cast<const std::byte*>(text.data()), count, buffer.begin());
      text.remove_prefix(count);
      return count;
    });
  }
  const SourceTree& source = *inputs.at(item.input);
  const std::optional<Entry> found = source.find(item.source);
  if (!found) throw changed_since_planned(item.source, source);
  HashingSource bytes(DescriptorSource(FileDescriptor(source.open(*found)), item.source));
  tree.add_file(item.entry, [&](std::span<std::byte> buffer) { return bytes.read(buffer); });
  if (bytes.finish() != item.entry.content) throw changed_since_planned(item.source, source);
}

}  // namespace

void put_behind_archive(const CopyPlan& plan, std::size_t archives,
                        const std::vector<std::size_t>& layer,
                        const std::vector<const SourceTree*>& inputs, const StackView& below,
                        const Staging& staging, TreeEntries& entries) {
  using Type = Entry::Type;
  std::vector<PlanItem> items;
  for (const auto& [path, behind] : plan.behind_archives) {
    if (behind != archives) continue;
    const std::size_t position = plan.items.find(path).value();
    const auto there = entries.find(path);
    if (there == entries.end() && !std::binary_search(layer.begin(), layer.end(), position))
      continue;
    items.push_back(plan.items[position]);
    if (there == entries.end()) continue;
    const bool is_directory = items.back().entry.type == Type::directory;
    if (is_directory == (there->second.type == Type::directory)) continue;
    throw Error(quoted("/" + path) +
                (is_directory ? " is no directory in the archive that comes before it, and cannot "
                                "become one"
                              : " is a directory in the archive that comes before it, which a file "
                                "cannot replace"));
  }
  if (items.empty()) return;
  TreeWriter tree(staging.upper(), below, entries, {});
  for (const PlanItem& item : items) {
    if (!item.entry.hard_link.empty()) continue;
    if (item.entry.type == Type::file)
      put_file(tree, item, inputs);
    else
      tree.add_other(item.entry);
  }
  for (const PlanItem& item : items) {
    if (!item.entry.hard_link.empty()) tree.add_hard_link(item.entry);
  }
  entries = tree.finish();
}

void unpack_archive(const CopyPlan::Archive& archive, const SourceTree& tree,
                    const StackView& below, const Staging& staging, TreeEntries& entries) {
  const std::optional<Entry> source = tree.find(archive.source);
  if (!source) throw changed_since_planned(archive.source, tree);
  HashingSource bytes(DescriptorSource(FileDescriptor(tree.open(*source)), archive.source));
  ArchiveOptions options;
  options.destination = archive.destination;
  options.owner = archive.owner;
  std::optional<Error> failure;
  try {
    extract_archive(bytes, staging.upper(), below, options, entries);
  } catch (const Error& error) {
    failure = error;
  }
  if (bytes.finish() != archive.content) throw changed_since_planned(archive.source, tree);
  if (!failure) return;
  const std::string& hint = failure->diagnostics().back().hint;
  throw Error("cannot unpack " + quoted(archive.source) + ": " + failure->what())
      .at(archive.origin)
      .hint((hint.empty() ? "" : hint + "; ") +
            "COPY it to keep the archive as it is, or ADD --unpack=false");
}

}  // namespace slipway
