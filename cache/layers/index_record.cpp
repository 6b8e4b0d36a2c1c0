#include <cache/layers/index_record.hpp>
#include <ir/error.hpp>

#include <bit>
#include <cstring>
#include <string>

namespace slipway {
namespace {

static_assert(std::endian::native == std::endian::little);

[[noreturn]] void damaged() { throw Error("a layer's index is damaged").hint("run slipway fsck"); }

IndexRecord record_at(const IndexBody& body, std::size_t position) {
  if (position >= body.count) damaged();
  IndexRecord record;
  std::memcpy(&record, body.records + position * sizeof record, sizeof record);
  return record;
}

Entry::Type type_of(const IndexRecord& record) {
  if (record.type > static_cast<std::uint8_t>(Entry::Type::whiteout)) damaged();
  return static_cast<Entry::Type>(record.type);
}

std::string_view slice(std::string_view heap, std::size_t at, std::size_t size) {
  if (at > heap.size() || size > heap.size() - at) damaged();
  return heap.substr(at, size);
}

std::uint32_t take_number(std::string_view& rest) {
  std::uint32_t value = 0;
  if (rest.size() < sizeof value) damaged();
  std::memcpy(&value, rest.data(), sizeof value);
  rest.remove_prefix(sizeof value);
  return value;
}

std::string take_text(std::string_view& rest) {
  const std::uint32_t size = take_number(rest);
  if (size > rest.size()) damaged();
  const std::string text(rest.substr(0, size));
  rest.remove_prefix(size);
  return text;
}

}  // namespace

std::string_view IndexBody::path(std::size_t position) const {
  const IndexRecord record = record_at(*this, position);
  return slice(heap, record.path_at, record.path_size);
}

Entry::Type IndexBody::type(std::size_t position) const {
  return type_of(record_at(*this, position));
}

bool IndexBody::opaque(std::size_t position) const {
  return (record_at(*this, position).flags & IndexRecord::opaque) != 0;
}

std::int64_t IndexBody::mtime(std::size_t position) const {
  return record_at(*this, position).mtime;
}

Entry IndexBody::entry(std::size_t position) const {
  const IndexRecord record = record_at(*this, position);
  if (record.mode > 07777) damaged();
  Entry entry;
  entry.path = slice(heap, record.path_at, record.path_size);
  entry.type = type_of(record);
  entry.opaque = (record.flags & IndexRecord::opaque) != 0;
  entry.mode = record.mode;
  entry.uid = record.uid;
  entry.gid = record.gid;
  entry.size = record.size;
  entry.mtime = record.mtime;
  entry.device_major = record.device_major;
  entry.device_minor = record.device_minor;
  std::memcpy(entry.content.bytes.data(), record.content, sizeof record.content);
  if ((record.flags & ~IndexRecord::opaque) == 0) return entry;

  std::string_view rest = slice(heap, record.extra_at, 0);
  rest = heap.substr(record.extra_at);
  if ((record.flags & IndexRecord::has_link_target) != 0) entry.link_target = take_text(rest);
  if ((record.flags & IndexRecord::has_hard_link) != 0) entry.hard_link = take_text(rest);
  if ((record.flags & IndexRecord::has_xattrs) != 0) {
    // Not reserved: a damaged count must not ask for memory. Each pair takes from `rest`.
    for (std::uint32_t left = take_number(rest); left > 0; --left) {
      std::string name = take_text(rest);
      entry.xattrs.emplace_back(std::move(name), take_text(rest));
    }
  }
  return entry;
}

std::size_t IndexBody::lower_bound(std::string_view path) const {
  std::size_t low = 0;
  std::size_t high = count;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (path_less(this->path(middle), path)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::optional<std::size_t> IndexBody::find(std::string_view path) const {
  const std::size_t position = lower_bound(path);
  if (position == count || this->path(position) != path) return std::nullopt;
  return position;
}

}  // namespace slipway
