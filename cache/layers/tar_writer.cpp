#include <cache/layers/archive_locale.hpp>
#include <cache/layers/tar_writer.hpp>
#include <ir/error.hpp>

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

struct FreeArchive {
  void operator()(archive* writer) const { ::archive_write_free(writer); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { ::archive_entry_free(entry); }
};

constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view opaque_mark = ".wh..wh..opq";

// Where the name begins behind the last '/'.
std::size_t name_at(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? 0 : slash + 1;
}

// libarchive writes these as in a URL ("%25" for "%"), which no reader takes back; "=" has no place
// in the name of a pax record at all.
bool keeps_xattr_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return c > ' ' && c < 0x7F && c != '%' && c != '='; });
}

std::string whiteout_path(const std::string& path) {
  std::string text = path;
  text.insert(name_at(path), whiteout_prefix);
  return text;
}

unsigned file_type(Entry::Type type) {
  switch (type) {
    case Entry::Type::directory:
      return AE_IFDIR;
    case Entry::Type::symlink:
      return AE_IFLNK;
    case Entry::Type::char_device:
      return AE_IFCHR;
    case Entry::Type::block_device:
      return AE_IFBLK;
    case Entry::Type::fifo:
      return AE_IFIFO;
    case Entry::Type::file:
    case Entry::Type::whiteout:
      break;
  }
  return AE_IFREG;
}

}  // namespace

struct TarWriter::State {
  Kind kind = Kind::layer;
  ByteSink sink;
  std::unique_ptr<archive, FreeArchive> writer;
  std::unique_ptr<archive_entry, FreeEntry> header;
  std::exception_ptr failure;  // of the sink: must not fly through C code

  bool dropped = false;  // nobody takes bytes any more

  static la_ssize_t on_bytes(archive*, void* self, const void* bytes, std::size_t size) {
    State& state = *static_cast<State*>(self);
    if (state.dropped) return -1;
    try {
      state.sink({static_cast<const std::byte*>(bytes), size});
      return static_cast<la_ssize_t>(size);
    } catch (...) {
      state.failure = std::current_exception();
      return -1;
    }
  }

  // libarchive's warning is not an error here: the one it gives in the C locale says that a name
  // is not ASCII and goes in as bytes.
  void check(int result) {
    if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
    if (result == ARCHIVE_OK || result == ARCHIVE_WARN) return;
    const char* reason = ::archive_error_string(writer.get());
    throw Error(std::string("cannot write tar: ") + (reason != nullptr ? reason : "out of memory"));
  }

  void write_header() { check(::archive_write_header(writer.get(), header.get())); }

  // A file without bytes or metadata, whose name alone says something.
  void write_mark(const std::string& path) {
    archive_entry* e = ::archive_entry_clear(header.get());
    ::archive_entry_copy_pathname(e, path.c_str());
    ::archive_entry_set_mode(e, AE_IFREG);
    ::archive_entry_set_size(e, 0);
    ::archive_entry_set_mtime(e, 0, 0);
    write_header();
  }
};

TarWriter::TarWriter(ByteSink sink, Kind kind) : state_(std::make_unique<State>()) {
  const BytesLocale locale;
  state_->kind = kind;
  state_->sink = std::move(sink);
  state_->writer.reset(::archive_write_new());
  state_->header.reset(::archive_entry_new());
  if (!state_->writer || !state_->header) throw std::bad_alloc();
  archive* writer = state_->writer.get();
  state_->check(::archive_write_set_format_pax_restricted(writer));
  // Not LIBARCHIVE.xattr as well, which holds the same in base64.
  state_->check(::archive_write_set_format_option(writer, "pax", "xattrheader", "SCHILY"));
  // Blocks only batch the writes; the tar ends with its two empty records, without padding.
  state_->check(::archive_write_set_bytes_per_block(writer, 1 << 16));
  state_->check(::archive_write_set_bytes_in_last_block(writer, 1));
  state_->check(::archive_write_open(writer, state_.get(), nullptr, State::on_bytes, nullptr));
}

TarWriter::~TarWriter() {
  if (!state_) return;
  // An unfinished archive would be closed when it is freed, with zeros for all that is missing: of
  // a large file whose copying was interrupted that takes minutes, and nobody wants those bytes.
  // Not archive_write_fail(): what it marks is then not freed whole.
  const BytesLocale locale;
  state_->dropped = true;
  state_->writer.reset();
}

TarWriter::TarWriter(TarWriter&&) noexcept = default;

void TarWriter::add(const Entry& entry) {
  using Type = Entry::Type;
  if (state_->kind == Kind::layer &&
      std::string_view(entry.path).substr(name_at(entry.path)).starts_with(whiteout_prefix)) {
    throw Error("no layer can hold " + quoted(entry.path) + ": names that begin with " +
                quoted(whiteout_prefix) + " mean deletions")
        .hint("rename the file");
  }
  const BytesLocale locale;
  if (entry.type == Type::whiteout) return state_->write_mark(whiteout_path(entry.path));

  archive_entry* e = ::archive_entry_clear(state_->header.get());
  const bool directory = entry.type == Type::directory;
  std::string name = entry.path.empty() ? "./" : entry.path;
  if (directory && !entry.path.empty()) name.push_back('/');
  ::archive_entry_copy_pathname(e, name.c_str());
  ::archive_entry_set_mode(e, file_type(entry.type) | entry.mode);
  ::archive_entry_set_uid(e, entry.uid);
  ::archive_entry_set_gid(e, entry.gid);
  ::archive_entry_set_mtime(e, entry.mtime, 0);
  ::archive_entry_set_size(e, 0);
  if (!entry.hard_link.empty()) {
    // With the file's metadata: docker and containerd give every name its owner as they unpack it,
    // which takes the file's capabilities away if they do not come again.
    ::archive_entry_copy_hardlink(e, entry.hard_link.c_str());
  } else if (entry.type == Type::file) {
    ::archive_entry_set_size(e, static_cast<la_int64_t>(entry.size));
  } else if (entry.type == Type::symlink) {
    ::archive_entry_copy_symlink(e, entry.link_target.c_str());
  } else if (entry.type == Type::char_device || entry.type == Type::block_device) {
    ::archive_entry_set_rdevmajor(e, entry.device_major);
    ::archive_entry_set_rdevminor(e, entry.device_minor);
  }
  for (const auto& [xattr, value] : entry.xattrs) {
    if (!keeps_xattr_name(xattr)) {
      throw Error("no layer can hold the xattr " + quoted(xattr) + " of " + quoted(entry.path) +
                  ": its name would come out of a tar as another");
    }
    ::archive_entry_xattr_add_entry(e, xattr.c_str(), value.data(), value.size());
  }
  state_->write_header();
  if (directory && entry.opaque) {
    state_->write_mark(entry.path.empty() ? std::string(opaque_mark)
                                          : entry.path + "/" + std::string(opaque_mark));
  }
}

void TarWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const la_ssize_t taken = ::archive_write_data(state_->writer.get(), bytes.data(), bytes.size());
    if (taken <= 0) {
      state_->check(ARCHIVE_FATAL);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(taken));
  }
}

void TarWriter::finish() {
  const BytesLocale locale;
  state_->check(::archive_write_close(state_->writer.get()));
}

}  // namespace slipway
