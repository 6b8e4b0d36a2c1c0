#include <executor/files/unpack_archive.hpp>

#include <cache/layers/beneath.hpp>
#include <ir/error.hpp>

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

}  // namespace

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
