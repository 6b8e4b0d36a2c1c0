// What a plan says of contents: finding the ones it lacks, and its part of the key.
#include <cache/layers/tree_digest.hpp>
#include <executor/files/content.hpp>
#include <executor/files/copy.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

bool is_copied(const PlanItems& items, std::size_t position) {
  return items.type(position) == Entry::Type::file && !items.source(position).empty();
}

}  // namespace

void hash_contents(CopyPlan& plan, const std::vector<const SourceTree*>& inputs) {
  std::vector<std::vector<std::size_t>> unknown(inputs.size());
  for (std::size_t i = 0; i < plan.items.size(); ++i) {
    if (!is_copied(plan.items, i)) continue;
    const PlanItem item = plan.items[i];
    if (item.entry.content == Digest{}) unknown[item.input].push_back(i);
  }
  for (std::size_t input = 0; input < inputs.size(); ++input) {
    if (unknown[input].empty()) continue;
    std::vector<std::string_view> files;
    files.reserve(unknown[input].size());
    for (const std::size_t i : unknown[input]) files.push_back(plan.items.source(i));
    const std::vector<Digest> digests = inputs[input]->digests(files);
    for (std::size_t i = 0; i < files.size(); ++i)
      plan.items.set_content(unknown[input][i], digests[i]);
  }
}

UnknownContents unknown_contents(const CopyPlan& plan) {
  UnknownContents unknown;
  for (std::size_t i = 0; i < plan.items.size(); ++i) {
    if (!is_copied(plan.items, i)) continue;
    const Entry entry = plan.items.entry(i);
    ++unknown.all_files;
    unknown.all_bytes += entry.size;
    if (entry.content != Digest{}) continue;
    ++unknown.files;
    unknown.bytes += entry.size;
  }
  return unknown;
}

KeyParts CopyPlan::key_parts() const {
  TreeHasher hasher;
  for (std::size_t i = 0; i < items.size(); ++i) hasher.add(items.entry(i));
  KeyParts parts{{"files", hasher.finish().hex()}};
  for (std::size_t i = 0; i < archives.size(); ++i) {
    const Archive& archive = archives[i];
    std::string value = archive.content.hex() + " /" + archive.destination;
    if (archive.owner)
      value +=
          " " + std::to_string(archive.owner->first) + ":" + std::to_string(archive.owner->second);
    parts.push_back({"archives[" + std::to_string(i) + "]", std::move(value)});
  }
  return parts;
}

}  // namespace slipway
