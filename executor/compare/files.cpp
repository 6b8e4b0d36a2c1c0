#include <executor/compare/files.hpp>

#include <cache/file_descriptor.hpp>
#include <executor/export/merged.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

namespace slipway {
namespace {

std::vector<Aspect> aspects_of(const Entry& was, const Entry& is, const CompareTimes& times) {
  std::vector<Aspect> aspects;
  const auto add = [&](Aspect aspect, bool differs) {
    if (differs) aspects.push_back(aspect);
  };
  if (was.type != is.type) return {Aspect::type};
  if (was.type == Entry::Type::whiteout) return {};
  add(Aspect::type, was.opaque != is.opaque);
  add(Aspect::content, was.type == Entry::Type::file && was.content != is.content);
  add(Aspect::link, was.link_target != is.link_target);
  add(Aspect::hard_link, was.hard_link != is.hard_link);
  add(Aspect::device, was.device_major != is.device_major || was.device_minor != is.device_minor);
  add(Aspect::mode, was.mode != is.mode);
  add(Aspect::owner, was.uid != is.uid || was.gid != is.gid);
  add(Aspect::attributes, was.xattrs != is.xattrs);
  if (times.compare) {
    const auto counts = [&](std::int64_t time) {
      return times.latest ? std::min(time, *times.latest) : time;
    };
    add(Aspect::time, counts(was.mtime) != counts(is.mtime));
  }
  return aspects;
}

// The next bytes of a file, as many as there are up to the buffer's size.
std::size_t fill(int file, std::vector<char>& buffer, const std::string& path) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const ssize_t got = ::read(file, buffer.data() + filled, buffer.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read", path, errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

constexpr std::size_t longest_shown = 100;

// The line from `start`, as far as the buffer has it.
std::string line_from(const std::vector<char>& buffer, std::size_t size, std::size_t start) {
  const std::size_t stop = std::min(size, start + longest_shown);
  const auto first = buffer.begin() + static_cast<std::ptrdiff_t>(std::min(start, size));
  const auto last = buffer.begin() + static_cast<std::ptrdiff_t>(std::max(stop, std::min(start, size)));
  return printable(std::string(first, std::find(first, last, '\n')));
}

}  // namespace

const char* name_of(Aspect aspect) {
  switch (aspect) {
    case Aspect::type: return "type";
    case Aspect::content: return "content";
    case Aspect::link: return "link";
    case Aspect::hard_link: return "hard link";
    case Aspect::device: return "device";
    case Aspect::mode: return "mode";
    case Aspect::owner: return "owner";
    case Aspect::attributes: return "attributes";
    case Aspect::time: return "time";
  }
  return "";
}

std::vector<FileDifference> compare_files(const std::vector<Entry>& was,
                                          const std::vector<Entry>& is,
                                          const CompareTimes& times) {
  std::vector<FileDifference> differences;
  auto left = was.begin();
  auto right = is.begin();
  while (left != was.end() || right != is.end()) {
    const bool only_left =
        right == is.end() || (left != was.end() && path_less(left->path, right->path));
    const bool only_right =
        left == was.end() || (right != is.end() && path_less(right->path, left->path));
    if (only_left) {
      differences.push_back({left->path, *left, std::nullopt, {}});
      ++left;
    } else if (only_right) {
      differences.push_back({right->path, std::nullopt, *right, {}});
      ++right;
    } else {
      std::vector<Aspect> aspects = aspects_of(*left, *right, times);
      if (!aspects.empty())
        differences.push_back({left->path, *left, *right, std::move(aspects)});
      ++left;
      ++right;
    }
  }
  return differences;
}

std::vector<Entry> entries_of(const LayerIndex& index) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < index.size(); ++i) entries.push_back(index.entry(i));
  return entries;
}

std::vector<Entry> entries_of(const StackView& view) {
  std::vector<Entry> entries;
  walk_merged(view, [&](const Entry& entry) { entries.push_back(entry); });
  return entries;
}

std::optional<ContentDifference> compare_contents(const StackView& was, const Entry& was_file,
                                                  const StackView& is, const Entry& is_file) {
  const FileDescriptor left(was.open(was_file));
  const FileDescriptor right(is.open(is_file));
  std::vector<char> left_bytes(65536);
  std::vector<char> right_bytes(65536);
  ContentDifference difference;
  difference.line = 1;
  std::uint64_t line_start = 0;  // offset in the files
  for (;;) {
    const std::size_t left_size = fill(left.get(), left_bytes, was_file.path);
    const std::size_t right_size = fill(right.get(), right_bytes, is_file.path);
    const std::size_t common = std::min(left_size, right_size);
    const std::size_t same = static_cast<std::size_t>(
        std::mismatch(left_bytes.begin(), left_bytes.begin() + static_cast<std::ptrdiff_t>(common),
                      right_bytes.begin())
            .first -
        left_bytes.begin());
    for (std::size_t i = 0; i < same; ++i) {
      if (left_bytes[i] == '\0') difference.line = 0;
      if (left_bytes[i] != '\n') continue;
      if (difference.line != 0) ++difference.line;
      line_start = difference.offset + i + 1;
    }
    if (same < common || left_size != right_size) {
      // What the lines had before this piece is not kept: they are shown from here on then.
      const std::size_t start =
          line_start > difference.offset ? static_cast<std::size_t>(line_start - difference.offset)
                                         : 0;
      // A long line is shown from a little before the place.
      const std::size_t from = std::max(start, same - std::min(same, longest_shown / 2));
      if (same < left_size && left_bytes[same] == '\0') difference.line = 0;
      if (same < right_size && right_bytes[same] == '\0') difference.line = 0;
      difference.offset += same;
      if (difference.line != 0) {
        difference.was = line_from(left_bytes, left_size, from);
        difference.is = line_from(right_bytes, right_size, from);
      }
      return difference;
    }
    if (left_size == 0) return std::nullopt;
    difference.offset += left_size;
  }
}

}  // namespace slipway
