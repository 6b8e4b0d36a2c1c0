#include <executor/files/plan_items.hpp>

#include <cache/layers/index_record.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace slipway {

struct PlanItems::Chunk {
  struct Origin {
    std::uint32_t input = 0;
    std::uint32_t source_at = 0;  // in `sources`, unless the path ends in it
    std::uint16_t source_size = 0;
    bool in_path = false;
    bool has_bytes = false;
  };

  IndexWriter entries;
  std::vector<Origin> origins;
  std::string sources;
  std::map<std::size_t, std::string> bytes;  // of the few that have some
};

PlanItems::PlanItems() = default;
PlanItems::PlanItems(PlanItems&& other) noexcept
    : chunks_(std::move(other.chunks_)), size_(std::exchange(other.size_, 0)) {}
PlanItems& PlanItems::operator=(PlanItems&& other) noexcept {
  chunks_ = std::move(other.chunks_);
  size_ = std::exchange(other.size_, 0);
  return *this;
}
PlanItems::~PlanItems() = default;

PlanItems::PlanItems(const PlanItems& other) : size_(other.size_) {
  for (const auto& chunk : other.chunks_) chunks_.push_back(std::make_unique<Chunk>(*chunk));
}

void PlanItems::push_back(const PlanItem& item) {
  if (!is_behind(item.entry.path)) throw Error("entries out of order: " + quoted(item.entry.path));
  if (size_ % chunk_size == 0) chunks_.push_back(std::make_unique<Chunk>());
  Chunk& chunk = *chunks_.back();
  Chunk::Origin origin;
  origin.input = static_cast<std::uint32_t>(item.input);
  if (item.source.size() > std::numeric_limits<std::uint16_t>::max())
    throw Error("the path " + quoted(item.source) + " is too long");
  origin.source_size = static_cast<std::uint16_t>(item.source.size());
  origin.in_path = item.entry.path.ends_with(item.source);
  if (!origin.in_path) {
    origin.source_at = static_cast<std::uint32_t>(chunk.sources.size());
    chunk.sources += item.source;
  }
  origin.has_bytes = item.bytes.has_value();
  if (item.bytes) chunk.bytes.emplace(size_ % chunk_size, *item.bytes);
  chunk.entries.add(item.entry);
  chunk.origins.push_back(origin);
  ++size_;
}

void PlanItems::set_content(std::size_t position, const Digest& content) {
  chunks_[position / chunk_size]->entries.set_content(position % chunk_size, content);
}

Entry PlanItems::entry(std::size_t position) const {
  return chunk_of(position).entries.body().entry(position % chunk_size);
}

std::string_view PlanItems::path(std::size_t position) const {
  return chunk_of(position).entries.body().path(position % chunk_size);
}

std::string_view PlanItems::source(std::size_t position) const {
  const Chunk& chunk = chunk_of(position);
  const Chunk::Origin& origin = chunk.origins[position % chunk_size];
  if (!origin.in_path)
    return std::string_view(chunk.sources).substr(origin.source_at, origin.source_size);
  const std::string_view whole = path(position);
  return whole.substr(whole.size() - origin.source_size);
}

Entry::Type PlanItems::type(std::size_t position) const {
  return chunk_of(position).entries.body().type(position % chunk_size);
}

std::int64_t PlanItems::mtime(std::size_t position) const {
  return chunk_of(position).entries.body().mtime(position % chunk_size);
}

bool PlanItems::has_bytes(std::size_t position) const {
  return chunk_of(position).origins[position % chunk_size].has_bytes;
}

PlanItem PlanItems::operator[](std::size_t position) const {
  const Chunk& chunk = chunk_of(position);
  const std::size_t within = position % chunk_size;
  const Chunk::Origin& origin = chunk.origins[within];
  PlanItem item;
  item.entry = chunk.entries.body().entry(within);
  item.input = origin.input;
  item.source = source(position);
  if (origin.has_bytes) item.bytes = chunk.bytes.at(within);
  return item;
}

PlanItem PlanItems::at(std::size_t position) const {
  if (position >= size_) throw Error("a plan has no item " + std::to_string(position));
  return (*this)[position];
}

std::optional<std::size_t> PlanItems::find(std::string_view path) const {
  const auto behind = std::upper_bound(chunks_.begin(), chunks_.end(), path,
                                       [](std::string_view one, const auto& chunk) {
                                         return path_less(one, chunk->entries.body().path(0));
                                       });
  if (behind == chunks_.begin()) return std::nullopt;
  const auto chunk = behind - 1;
  const std::optional<std::size_t> within = (*chunk)->entries.body().find(path);
  if (!within) return std::nullopt;
  return static_cast<std::size_t>(chunk - chunks_.begin()) * chunk_size + *within;
}

bool PlanItems::is_behind(std::string_view path) const {
  if (size_ == 0) return true;
  const IndexBody last = chunks_.back()->entries.body();
  return path_less(last.path(last.count - 1), path);
}

const PlanItem* PlanItems::Drain::peek() {
  if (!next_ && position_ < items_.size_) {
    next_ = items_[position_];
    if (++position_ % chunk_size == 0) items_.chunks_[position_ / chunk_size - 1].reset();
  }
  return next_ ? &*next_ : nullptr;
}

PlanItem PlanItems::Drain::take() {
  peek();
  PlanItem item = std::move(*next_);
  next_.reset();
  return item;
}

}  // namespace slipway
