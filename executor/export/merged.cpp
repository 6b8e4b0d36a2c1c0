#include <executor/export/merged.hpp>

#include <cache/file_descriptor.hpp>
#include <ir/error.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

namespace slipway {
namespace {

constexpr std::size_t read_size = std::size_t{256} << 10U;

}  // namespace

// The topmost layer that has the path: where the entry comes from that is seen there.
const LayerIndex* MergedLinks::layer_of(const std::string& path) const {
  const auto& layers = view_.layers();
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer)
    if (layer->index->find(path)) return layer->index.get();
  return nullptr;
}

void MergedLinks::follow(Entry& entry) {
  if (entry.hard_link.empty()) return;
  const LayerIndex* const layer = layer_of(entry.path);
  if (view_.find(entry.hard_link) && layer_of(entry.hard_link) == layer) return;
  const auto [head, fresh] = heads_.try_emplace({layer, entry.hard_link}, entry.path);
  entry.hard_link = fresh ? std::string() : head->second;
}

void walk_merged(const StackView& view, const std::function<void(const Entry&)>& visit,
                 const std::string& directory) {
  MergedLinks links(view);
  // Names still to visit, the next one last: deep trees must not use up the stack.
  std::vector<std::string> open;
  const auto push = [&](const std::string& path) {
    std::vector<std::string> names = view.list(path);
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      open.push_back(path.empty() ? *name : path + "/" + *name);
    }
  };
  push(directory);
  while (!open.empty()) {
    const std::string path = std::move(open.back());
    open.pop_back();
    std::optional<Entry> entry = view.find(path);
    if (!entry || entry->type == Entry::Type::whiteout) continue;
    entry->opaque = false;
    links.follow(*entry);
    visit(*entry);
    if (entry->type == Entry::Type::directory) push(path);
  }
}

void read_merged(const StackView& view, const Entry& entry,
                 const std::function<void(std::span<const std::byte>)>& sink) {
  const FileDescriptor file(view.open(entry));
  std::vector<std::byte> buffer(static_cast<std::size_t>(
      std::min<std::uint64_t>(std::max<std::uint64_t>(entry.size, 1), read_size)));
  std::uint64_t left = entry.size;
  while (left > 0) {
    const ssize_t got =
        ::read(file.get(), buffer.data(),
               static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size())));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read", entry.path, errno);
    if (got == 0) throw Error("the store's copy of " + quoted(entry.path) + " is too short");
    sink(std::span(buffer.data(), static_cast<std::size_t>(got)));
    left -= static_cast<std::uint64_t>(got);
  }
}

}  // namespace slipway
