#include <cache/mounts/units.hpp>

#include <cache/mounts/chunker.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

namespace slipway {
namespace {

// Of a group of small files: how large one becomes on average, and at most, bytes. A changed file
// costs its group, so they are as small as the index bears.
constexpr std::uint64_t average_group = std::uint64_t{8} << 10;
constexpr std::uint64_t largest_group = std::uint64_t{64} << 10;

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

// FNV-1a and a last mixing: which names end a group must look random and stay.
std::uint64_t hash_of(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  hash = (hash ^ (hash >> 33U)) * 0xff51afd7ed558ccd;
  return hash ^ (hash >> 33U);
}

// With a chance that is the file's share of an average group.
bool ends_group(const MountEntry& file, std::uint64_t size) {
  constexpr unsigned bits = 32;
  const std::uint64_t chance = (size << bits) / average_group;
  return (hash_of(base_name(file.entry.path)) >> (64 - bits)) < chance;
}

void add_number(Hasher& hasher, std::uint64_t number) {
  hasher.update(std::to_string(number) + "\n");
}

Error changed(const std::string& path) {
  return Error(quoted(path) + " of the cache mount changed while it was read");
}

}  // namespace

std::vector<Unit> plan_units(const MountTree& tree) {
  std::vector<Unit> units;
  Unit group;
  group.small = true;
  const auto finish = [&] {
    if (!group.files.empty()) units.push_back(std::exchange(group, {{}, 0, true}));
  };
  for (std::size_t place = 0; place < tree.entries.size(); ++place) {
    const MountEntry& entry = tree.entries[place];
    const std::uint64_t size = data_size(entry);
    if (size == 0) continue;
    if (size >= smallest_chunk) {
      // It does not end the group around it: that it came or went is no reason to make that anew.
      units.push_back({{place}, size, false});
      continue;
    }
    if (group.size + size > largest_group) finish();
    group.files.push_back(place);
    group.size += size;
    if (ends_group(entry, size)) finish();
  }
  finish();
  return units;
}

Digest unit_key(const MountTree& tree, const Unit& unit) {
  Hasher hasher;
  for (const std::size_t file : unit.files) {
    const MountEntry& entry = tree.entries[file];
    const FileStamp& stamp = tree.stamps[file];
    add_number(hasher, entry.entry.path.size());
    hasher.update(entry.entry.path);
    for (const std::uint64_t part :
         {stamp.device, stamp.inode, stamp.size, static_cast<std::uint64_t>(stamp.mtime_ns),
          static_cast<std::uint64_t>(stamp.ctime_ns), std::uint64_t{stamp.mode},
          std::uint64_t{entry.data.size()}}) {
      add_number(hasher, part);
    }
    for (const DataRange& range : entry.data) {
      add_number(hasher, range.offset);
      add_number(hasher, range.length);
    }
  }
  return hasher.finish();
}

void UnitReader::read(const Unit& unit, std::uint64_t offset, std::span<std::byte> buffer) {
  for (const std::size_t file : unit.files) {
    if (buffer.empty()) return;
    const std::uint64_t size = data_size(tree_.entries[file]);
    if (offset >= size) {
      offset -= size;
      continue;
    }
    const auto part = buffer.first(
        static_cast<std::size_t>(std::min<std::uint64_t>(size - offset, buffer.size())));
    read_file(file, offset, part);
    buffer = buffer.subspan(part.size());
    offset = 0;
  }
}

void UnitReader::open(std::size_t file) {
  if (open_ && opened_ == file) return;
  const std::string& path = tree_.entries[file].entry.path;
  open_ = files_.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  opened_ = file;
  const std::int64_t asked = now_ns();
  const bool written = has_writer(open_.get());
  const std::optional<FileStamp> stamp = stat_stamp(open_.get(), "");
  if (!stamp) throw system_error("statx", path, errno);
  const FileStamp& seen = tree_.stamps[file];
  if (!S_ISREG(stamp->mode) || stamp->inode != seen.inode || stamp->size != seen.size ||
      stamp->mtime_ns != seen.mtime_ns) {
    throw changed(path);
  }
  settled_ = settled_ && !written && *stamp == seen &&
             is_settled(*stamp, asked, has_fine_change_times(open_.get()));
}

void UnitReader::read_file(std::size_t file, std::uint64_t offset, std::span<std::byte> buffer) {
  open(file);
  const MountEntry& entry = tree_.entries[file];
  for (const DataRange& range : entry.data) {
    if (offset >= range.length) {
      offset -= range.length;
      continue;
    }
    while (offset < range.length && !buffer.empty()) {
      const auto most =
          static_cast<std::size_t>(std::min<std::uint64_t>(range.length - offset, buffer.size()));
      const ssize_t got =
          ::pread(open_.get(), buffer.data(), most, static_cast<off_t>(range.offset + offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw system_error("pread", entry.entry.path, errno);
      if (got == 0) throw changed(entry.entry.path);
      offset += static_cast<std::uint64_t>(got);
      buffer = buffer.subspan(static_cast<std::size_t>(got));
    }
    if (buffer.empty()) return;
    offset = 0;
  }
}

bool UnitReader::take_settled() {
  return std::exchange(settled_, true);
}

}  // namespace slipway
