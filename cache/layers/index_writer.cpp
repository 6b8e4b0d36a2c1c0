#include <cache/layers/index_record.hpp>
#include <cache/layers/index_writer.hpp>
#include <ir/error.hpp>

#include <cstddef>
#include <cstring>
#include <limits>
#include <utility>

namespace slipway {
namespace {

void put_number(std::string& heap, std::size_t value) {
  const auto number = static_cast<std::uint32_t>(value);
  heap.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void put_text(std::string& heap, std::string_view text) {
  put_number(heap, text.size());
  heap += text;
}

std::uint8_t put_extras(std::string& heap, const Entry& entry) {
  std::uint8_t flags = 0;
  if (!entry.link_target.empty()) {
    flags |= IndexRecord::has_link_target;
    put_text(heap, entry.link_target);
  }
  if (!entry.hard_link.empty()) {
    flags |= IndexRecord::has_hard_link;
    put_text(heap, entry.hard_link);
  }
  if (!entry.xattrs.empty()) {
    flags |= IndexRecord::has_xattrs;
    put_number(heap, entry.xattrs.size());
    for (const auto& [name, value] : entry.xattrs) {
      put_text(heap, name);
      put_text(heap, value);
    }
  }
  return flags;
}

}  // namespace

void IndexWriter::add(const Entry& entry) {
  if (count_ > 0 && !path_less(last_path_, entry.path)) {
    throw Error(entry.path == last_path_
                    ? quoted(entry.path) + " is in a layer twice"
                    : "entries out of order: " + quoted(entry.path) + " after " + quoted(last_path_));
  }
  if (entry.path.size() > std::numeric_limits<std::uint16_t>::max()) {
    throw Error("the path " + quoted(entry.path) + " is too long for a layer");
  }
  IndexRecord record{};
  record.path_at = static_cast<std::uint32_t>(heap_.size());
  record.path_size = static_cast<std::uint16_t>(entry.path.size());
  record.type = static_cast<std::uint8_t>(entry.type);
  record.mode = entry.mode & 07777;
  record.uid = entry.uid;
  record.gid = entry.gid;
  record.size = entry.size;
  record.mtime = entry.mtime;
  record.device_major = entry.device_major;
  record.device_minor = entry.device_minor;
  std::memcpy(record.content, entry.content.bytes.data(), sizeof record.content);
  heap_ += entry.path;
  record.extra_at = static_cast<std::uint32_t>(heap_.size());
  record.flags = put_extras(heap_, entry);
  if (entry.opaque) record.flags |= IndexRecord::opaque;
  if (heap_.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw Error("a layer holds more than 4 GiB of paths and xattrs");
  }
  records_.append(reinterpret_cast<const char*>(&record), sizeof record);
  last_path_ = entry.path;
  ++count_;
}

std::optional<Entry> IndexWriter::find(std::string_view path) const {
  const std::optional<std::size_t> position = body().find(path);
  if (!position) return std::nullopt;
  return body().entry(*position);
}

void IndexWriter::set_content(std::size_t position, const Digest& content) {
  std::memcpy(records_.data() + position * sizeof(IndexRecord) + offsetof(IndexRecord, content),
              content.bytes.data(), sizeof IndexRecord::content);
}

}  // namespace slipway
