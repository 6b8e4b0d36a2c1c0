// What a plan says of contents: finding the ones it lacks, and its part of the key.
#include <cache/layers/tree_digest.hpp>
#include <executor/files/content.hpp>
#include <executor/files/copy.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

bool is_unknown(const CopyPlan::Item& item) {
  return item.entry.type == Entry::Type::file && item.entry.content == Digest{} &&
         !item.source.empty();
}

}  // namespace

void hash_contents(CopyPlan& plan, const std::vector<const SourceTree*>& inputs) {
  std::vector<std::vector<std::size_t>> unknown(inputs.size());
  for (std::size_t i = 0; i < plan.items.size(); ++i) {
    if (is_unknown(plan.items[i])) unknown[plan.items[i].input].push_back(i);
  }
  for (std::size_t input = 0; input < inputs.size(); ++input) {
    if (unknown[input].empty()) continue;
    std::vector<std::string_view> files;
    files.reserve(unknown[input].size());
    for (const std::size_t i : unknown[input]) files.push_back(plan.items[i].source);
    const std::vector<Digest> digests = inputs[input]->digests(files);
    for (std::size_t i = 0; i < files.size(); ++i)
      plan.items[unknown[input][i]].entry.content = digests[i];
  }
}

UnknownContents unknown_contents(const CopyPlan& plan) {
  UnknownContents unknown;
  for (const CopyPlan::Item& item : plan.items) {
    if (item.entry.type != Entry::Type::file || item.source.empty()) continue;
    ++unknown.all_files;
    unknown.all_bytes += item.entry.size;
    if (!is_unknown(item)) continue;
    ++unknown.files;
    unknown.bytes += item.entry.size;
  }
  return unknown;
}

KeyParts CopyPlan::key_parts() const {
  TreeHasher hasher;
  for (const Item& item : items) hasher.add(item.entry);
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
