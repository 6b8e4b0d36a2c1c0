#include "add_fixture.hpp"

#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <set>

namespace slipway {
namespace fs = std::filesystem;

std::vector<std::string> listing(const TreeEntries& entries) {
  std::vector<std::string> all;
  for (const auto& [path, entry] : entries) {
    all.push_back(path + (entry.opaque ? "!" : "") +
                  (entry.hard_link.empty() ? "" : "=" + entry.hard_link));
  }
  return all;
}

AddBench::AddBench() {
  fs::create_directory(upper());
  fs::create_directory(outside());
  write_text(outside() / "file", "untouched");
}

void AddBench::below(std::vector<Entry> given) {
  std::sort(given.begin(), given.end(),
            [](const Entry& l, const Entry& r) { return path_less(l.path, r.path); });
  const fs::path directory = folder_ / ("layer" + std::to_string(layers_.size()));
  fs::create_directory(directory);
  LayerBuilder builder;
  for (Entry entry : given) {
    const fs::path path = directory / entry.path;
    entry.uid = ::getuid();
    entry.gid = ::getgid();
    fs::create_directories(path.parent_path());
    if (entry.type == Entry::Type::directory) {
      fs::create_directories(path);
      builder.add(entry);
    } else if (entry.type == Entry::Type::file) {
      write_text(path, entry.path);
      slipway::add(builder, entry, entry.path);
    } else {
      builder.add(entry);  // what is no file is never read from its layer
    }
  }
  layers_.push_back({directory, LayerIndex::from_bytes(builder.finish().index)});
}

void AddBench::add(const std::string& tar, std::string_view destination, ArchiveOptions options) {
  options.destination = destination;
  StringSource source(tar, 100'000);
  const StackView view(layers_);
  extract_archive(source, upper(), view, options, entries);
  check_outside();
  std::set<std::string> listed;
  for (const auto& [path, entry] : entries) {
    INFO("entry " << path);
    listed.insert(path);
    struct stat status {};
    REQUIRE(::lstat((upper() / path).c_str(), &status) == 0);
    CHECK((entry.type == Entry::Type::symlink || (status.st_mode & 07777) == entry.mode));
    CHECK(status.st_uid == entry.uid);
    CHECK(status.st_gid == entry.gid);
    CHECK(S_ISDIR(status.st_mode) == (entry.type == Entry::Type::directory));
    CHECK(S_ISLNK(status.st_mode) == (entry.type == Entry::Type::symlink));
    if (!path.empty() && entry.type != Entry::Type::symlink)
      CHECK(status.st_mtim.tv_sec == entry.mtime);
    if (entry.type == Entry::Type::file) {
      CHECK(S_ISREG(status.st_mode));
      CHECK(static_cast<std::uint64_t>(status.st_size) == entry.size);
    }
    if (entry.hard_link.empty()) continue;
    struct stat first {};
    REQUIRE(::lstat((upper() / entry.hard_link).c_str(), &first) == 0);
    CHECK(first.st_ino == status.st_ino);
  }
  for (auto found = fs::recursive_directory_iterator(upper());
       found != fs::recursive_directory_iterator(); ++found) {
    INFO("on disk: " << found->path());
    CHECK(listed.contains(
        fs::relative(found->path().parent_path(), upper()) == "."
            ? found->path().filename().native()
            : (fs::relative(found->path().parent_path(), upper()) / found->path().filename())
                  .native()));
  }
  build_tree(upper(), entries);  // throws where a content is not what the list says
}

std::string AddBench::error(const std::string& tar, std::string_view destination,
                            ArchiveOptions options) {
  options.destination = destination;
  StringSource source(tar, 100'000);
  const StackView view(layers_);
  std::string message;
  try {
    extract_archive(source, upper(), view, options, entries);
  } catch (const Error& error) {
    const Diagnostic& first = error.diagnostics().front();
    message = first.message + (first.hint.empty() ? "" : " / " + first.hint);
  }
  check_outside();
  return message;
}

void AddBench::check_outside() const {
  std::set<std::string> beside;
  for (const auto& item : fs::directory_iterator(folder_.path()))
    beside.insert(item.path().filename().native());
  CHECK(beside.size() == 2 + layers_.size());
  CHECK(std::distance(fs::recursive_directory_iterator(outside()), {}) == 1);
  CHECK(read_text(outside() / "file") == "untouched");
  struct stat status {};
  REQUIRE(::lstat((outside() / "file").c_str(), &status) == 0);
  CHECK(status.st_nlink == 1);
  for (const StackView::Layer& layer : layers_) {
    for (const auto& item : fs::recursive_directory_iterator(layer.directory)) {
      if (!item.is_regular_file()) continue;
      INFO("image's " << item.path());
      CHECK(read_text(item.path()) == fs::relative(item.path(), layer.directory).native());
      REQUIRE(::lstat(item.path().c_str(), &status) == 0);
      CHECK(status.st_nlink == 1);
    }
  }
}

}  // namespace slipway
