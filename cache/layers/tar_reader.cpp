#include <cache/layers/archive_locale.hpp>
#include <cache/layers/beneath.hpp>
#include <cache/layers/tar_reader.hpp>
#include <ir/error.hpp>

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {
namespace {

constexpr std::size_t piece_size = std::size_t{256} << 10;
constexpr std::int64_t latest_time = std::numeric_limits<std::int64_t>::max() / 1'000'000'000;
constexpr std::int64_t highest_id = std::numeric_limits<std::uint32_t>::max() - 1;  // -1: no owner

// The path without "." and "..", which may not leave the root. An absolute one starts there.
std::string clean_path(std::string_view raw, const ExtractLimits& limits) {
  if (raw.size() > limits.path) {
    throw Error("the archive has a path of " + std::to_string(raw.size()) + " bytes");
  }
  std::string clean;
  for (std::size_t at = 0; at <= raw.size();) {
    const std::size_t slash = std::min(raw.find('/', at), raw.size());
    const std::string_view name = raw.substr(at, slash - at);
    at = slash + 1;
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (clean.empty()) throw Error("the archive's path " + quoted(raw) + " leaves its root");
      clean.resize(parent_path(clean).size());
      continue;
    }
    if (name.size() > 255) throw Error("the archive has a name of more than 255 bytes");
    if (!clean.empty()) clean += '/';
    clean += name;
  }
  return clean;
}

std::uint32_t checked_number(std::int64_t value, std::int64_t highest, std::string_view what,
                             const std::string& path) {
  if (value < 0 || value > highest) {
    throw Error("the archive gives " + quoted(path) + " an impossible " + std::string(what));
  }
  return static_cast<std::uint32_t>(value);
}

}  // namespace

struct TarReader::State {
  ByteSource& source;
  ExtractLimits limits;
  std::vector<std::byte> piece = std::vector<std::byte>(piece_size);
  std::exception_ptr failure;  // of the source: must not fly through C code
  archive* reader = ::archive_read_new();
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  std::uint64_t left = 0;  // of the current file

  State(ByteSource& from, const ExtractLimits& given) : source(from), limits(given) {
    if (reader == nullptr) throw std::bad_alloc();
  }
  State(const State&) = delete;
  ~State() {
    const BytesLocale locale;
    ::archive_read_free(reader);
  }

  static la_ssize_t on_read(archive*, void* self, const void** to) {
    State& state = *static_cast<State*>(self);
    try {
      *to = state.piece.data();
      return static_cast<la_ssize_t>(state.source.read(state.piece));
    } catch (...) {
      state.failure = std::current_exception();
      return -1;
    }
  }

  void check(int result) {
    if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
    if (result == ARCHIVE_OK) return;
    const char* text = ::archive_error_string(reader);
    const std::string_view reason = text != nullptr ? text : "unknown reason";
    // In the C locale every name that is not ASCII "can't be converted", which is the point.
    if (result == ARCHIVE_WARN && reason.find("can't be converted") != reason.npos) return;
    throw Error("the tar archive is malformed: " + std::string(reason));
  }

  void read_xattrs(archive_entry* header, Entry& entry) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    std::size_t total = 0;
    ::archive_entry_xattr_reset(header);
    while (::archive_entry_xattr_next(header, &name, &value, &size) == ARCHIVE_OK) {
      if (name == nullptr || !is_layer_xattr(name)) continue;
      total += std::string_view(name).size() + size;
      if (total > limits.xattrs) {
        throw Error("the archive gives " + quoted(entry.path) + " too many xattrs");
      }
      entry.xattrs.emplace_back(name, std::string(static_cast<const char*>(value), size));
    }
    // One name twice (SCHILY.xattr beside LIBARCHIVE.xattr) is one xattr; the first stays.
    const auto by_name = [](const auto& l, const auto& r) { return l.first < r.first; };
    std::stable_sort(entry.xattrs.begin(), entry.xattrs.end(), by_name);
    entry.xattrs.erase(std::unique(entry.xattrs.begin(), entry.xattrs.end(),
                                   [](const auto& l, const auto& r) { return l.first == r.first; }),
                       entry.xattrs.end());
  }

  void read_type(archive_entry* header, Entry& entry) {
    using Type = Entry::Type;
    switch (::archive_entry_filetype(header)) {
      case AE_IFDIR:
        entry.type = Type::directory;
        return;
      case AE_IFIFO:
        entry.type = Type::fifo;
        return;
      case AE_IFLNK: {
        entry.type = Type::symlink;
        const char* target = ::archive_entry_symlink(header);
        entry.link_target = target != nullptr ? target : "";
        if (entry.link_target.empty() || entry.link_target.size() >= limits.path) {
          throw Error("the archive's link " + quoted(entry.path) + " has an impossible target");
        }
        return;
      }
      case AE_IFCHR:
      case AE_IFBLK:
        entry.type =
            ::archive_entry_filetype(header) == AE_IFCHR ? Type::char_device : Type::block_device;
        // The kernel's own widths (MKDEV).
        entry.device_major =
            checked_number(static_cast<std::int64_t>(::archive_entry_rdevmajor(header)), 0xfff,
                           "device number", entry.path);
        entry.device_minor =
            checked_number(static_cast<std::int64_t>(::archive_entry_rdevminor(header)), 0xfffff,
                           "device number", entry.path);
        // In overlayfs that is a whiteout, which only a ".wh." name may make.
        if (entry.type == Type::char_device && entry.device_major == 0 && entry.device_minor == 0) {
          throw Error("the archive has a character device 0:0, " + quoted(entry.path));
        }
        return;
      case AE_IFREG:
        entry.type = Type::file;
        return;
      default:
        throw Error("the archive's entry " + quoted(entry.path) + " is of an unknown type");
    }
  }
};

TarReader::TarReader(ByteSource& source, const ExtractLimits& limits)
    : state_(std::make_unique<State>(source, limits)) {
  const BytesLocale locale;
  state_->check(::archive_read_support_format_tar(state_->reader));
  state_->check(
      ::archive_read_open(state_->reader, state_.get(), nullptr, State::on_read, nullptr));
}

TarReader::~TarReader() = default;

std::optional<TarEntry> TarReader::next() {
  const BytesLocale locale;
  State& state = *state_;
  archive_entry* header = nullptr;
  const int result = ::archive_read_next_header(state.reader, &header);
  if (result == ARCHIVE_EOF) return std::nullopt;
  state.check(result);
  if (++state.entries > state.limits.entries) {
    throw Error("the archive has more than " + std::to_string(state.limits.entries) + " entries");
  }
  const char* raw = ::archive_entry_pathname(header);
  if (raw == nullptr || *raw == '\0') throw Error("the archive has an entry without a name");
  TarEntry found;
  Entry& entry = found.entry;
  entry.path = clean_path(raw, state.limits);
  entry.mode = static_cast<std::uint32_t>(::archive_entry_perm(header)) & 07777;
  entry.uid = checked_number(::archive_entry_uid(header), highest_id, "owner", entry.path);
  entry.gid = checked_number(::archive_entry_gid(header), highest_id, "group", entry.path);
  entry.mtime = ::archive_entry_mtime(header);
  // What docker's times cannot hold, nanoseconds in 64 bits since 1970, it takes for 0.
  if (entry.mtime < 0 || entry.mtime > latest_time) entry.mtime = 0;
  if (const char* target = ::archive_entry_hardlink(header)) {
    found.is_hard_link = true;
    entry.hard_link = clean_path(target, state.limits);
    return found;
  }
  state.read_type(header, entry);
  if (entry.type == Entry::Type::file) {
    const std::int64_t size = ::archive_entry_size(header);
    if (size < 0) throw Error("the archive gives " + quoted(entry.path) + " an impossible size");
    entry.size = static_cast<std::uint64_t>(size);
    if (entry.size > state.limits.bytes - state.bytes) {
      throw Error("the archive holds more than " + std::to_string(state.limits.bytes) + " bytes");
    }
    state.bytes += entry.size;
    state.left = entry.size;
  }
  if (entry.type == Entry::Type::file || entry.type == Entry::Type::directory) {
    state.read_xattrs(header, entry);
  }
  return found;
}

std::size_t TarReader::read(std::span<std::byte> buffer) {
  const BytesLocale locale;
  State& state = *state_;
  la_ssize_t got = ::archive_read_data(state.reader, buffer.data(), buffer.size());
  if (got < 0) state.check(static_cast<int>(got));
  if (got <= 0 && state.left > 0) {
    // A hole at the end of a sparse file, where libarchive has nothing more to say. (Of other
    // files it tells that they are cut.)
    got = static_cast<la_ssize_t>(std::min<std::uint64_t>(state.left, buffer.size()));
    std::fill_n(buffer.begin(), got, std::byte{0});
  }
  const auto size = static_cast<std::size_t>(std::max<la_ssize_t>(got, 0));
  state.left -= std::min<std::uint64_t>(state.left, size);
  return size;
}

}  // namespace slipway
