#include <cache/archive/save.hpp>

#include <cache/blobs.hpp>
#include <cache/file_descriptor.hpp>
#include <cache/images/manifest.hpp>
#include <cache/images/store.hpp>
#include <cache/layers/tar_writer.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace slipway {
namespace {

using OrderedJson = nlohmann::ordered_json;

// A file of the archive: its size is known before its bytes, as a tar needs it.
struct ArchiveFile {
  std::uint64_t size = 0;
  std::function<void(const ByteSink&)> write;
};

ArchiveFile text_file(std::string text) {
  const std::uint64_t size = text.size();
  return {.size = size, .write = [text = std::move(text)](const ByteSink& sink) {
            sink(std::as_bytes(std::span(text)));
          }};
}

// All that the archive will hold, by path.
class Plan {
 public:
  Plan(Store& store, const SaveOptions& options) : store_(store), options_(options) {}

  std::map<std::string, ArchiveFile> files(const std::vector<SavedImage>& images) {
    ImageIndex index;
    OrderedJson docker = OrderedJson::array();
    for (const SavedImage& image : images) add(image, index, docker);
    files_["index.json"] = text_file(write_index(index));
    files_["oci-layout"] = text_file(R"({"imageLayoutVersion":"1.0.0"})");
    if (options_.docker) files_["manifest.json"] = text_file(docker.dump());
    return std::move(files_);
  }
  // Of each image. Requires that files() was called.
  std::vector<BlobDescriptor> roots() { return std::move(roots_); }

 private:
  static std::string path_of(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

  BlobDescriptor add_text(std::string_view type, std::string text) {
    BlobDescriptor descriptor{.media_type = std::string(type),
                              .digest = sha256(text),
                              .size = text.size(),
                              .platform = {},
                              .annotations = {}};
    files_[path_of(descriptor.digest)] = text_file(std::move(text));
    return descriptor;
  }

  BlobDescriptor add_layer(const DiffId& id) {
    const auto [known, fresh] = layers_.try_emplace(id);
    if (!fresh) return known->second;
    if (options_.compression != Compression::none) {
      known->second = compressed_layer(store_, id, options_.compression);
      const Digest digest = known->second.digest;
      files_[path_of(digest)] = {.size = known->second.size, .write = [this, digest](
                                                                          const ByteSink& sink) {
                                   const auto source = store_.blobs().open(digest);
                                   std::vector<std::byte> buffer(std::size_t{256} << 10);
                                   while (const std::size_t got = source->read(buffer)) {
                                     sink(std::span(buffer).first(got));
                                   }
                                 }};
      return known->second;
    }
    // Read twice, since a tar says how long a file is before its bytes come: the second time from
    // the page cache, and without a copy on the disk.
    std::uint64_t size = 0;
    store_.layers().write_tar(id, [&](std::span<const std::byte> bytes) { size += bytes.size(); });
    known->second = {.media_type = layer_media_type(Compression::none),
                     .digest = id.digest,
                     .size = size,
                     .platform = {},
                     .annotations = {}};
    files_[path_of(id.digest)] = {.size = size, .write = [this, id](const ByteSink& sink) {
                                    store_.layers().write_tar(id, sink);
                                  }};
    return known->second;
  }

  // The image's files; `entry` is what manifest.json says of it, without names.
  BlobDescriptor add_image(const std::string& config_json, OrderedJson& entry) {
    const ImageConfig config = read_image_config(config_json);
    Manifest manifest;
    manifest.config = add_text(media_type::oci_config, config_json);
    entry["Config"] = path_of(manifest.config.digest);
    entry["RepoTags"] = nullptr;
    entry["Layers"] = OrderedJson::array();
    for (const DiffId& id : config.diff_ids) {
      manifest.layers.push_back(add_layer(id));
      entry["Layers"].push_back(path_of(manifest.layers.back().digest));
    }
    BlobDescriptor descriptor = add_text(media_type::oci_manifest, write_manifest(manifest));
    descriptor.platform = config.platform;
    return descriptor;
  }

  BlobDescriptor add_platforms(const std::vector<std::string>& configs, OrderedJson& entry) {
    ImageIndex platforms;
    bool fits = false;
    for (const std::string& config : configs) {
      OrderedJson own;
      platforms.manifests.push_back(add_image(config, own));
      const bool better = !fits && matches(*platforms.manifests.back().platform, host_platform());
      if (entry.empty() || better) entry = std::move(own);
      fits |= better;
    }
    return add_text(media_type::oci_index, write_index(platforms));
  }

  void add(const SavedImage& image, ImageIndex& index, OrderedJson& docker) {
    OrderedJson entry;
    BlobDescriptor descriptor = image.platforms.empty() ? add_image(image.config_json, entry)
                                                        : add_platforms(image.platforms, entry);
    roots_.push_back(descriptor);
    bool named = false;
    for (const Reference& name : image.names) {
      if (name.tag.empty()) continue;
      Reference tagged = name;
      tagged.digest.reset();
      descriptor.annotations = {{"io.containerd.image.name", tagged.text()},
                                {"org.opencontainers.image.ref.name", tagged.tag}};
      index.manifests.push_back(descriptor);
      if (!named) entry["RepoTags"] = OrderedJson::array();
      entry["RepoTags"].push_back(tagged.familiar());
      named = true;
    }
    if (!named) index.manifests.push_back(descriptor);
    docker.push_back(std::move(entry));
  }

  Store& store_;
  const SaveOptions& options_;
  std::map<DiffId, BlobDescriptor> layers_;
  std::map<std::string, ArchiveFile> files_;
  std::vector<BlobDescriptor> roots_;
};

}  // namespace

std::vector<BlobDescriptor> save_tar(Store& store, const std::vector<SavedImage>& images,
                                     const SaveOptions& options, const ByteSink& sink) {
  Plan plan(store, options);
  TarWriter tar(sink);
  const auto directory = [&](const char* path) {
    Entry entry;
    entry.path = path;
    entry.type = Entry::Type::directory;
    entry.mode = 0755;
    tar.add(entry);
  };
  directory("blobs");
  directory("blobs/sha256");
  for (const auto& [path, file] : plan.files(images)) {
    Entry entry;
    entry.path = path;
    entry.mode = 0644;
    entry.size = file.size;
    tar.add(entry);
    file.write([&](std::span<const std::byte> bytes) { tar.write(bytes); });
  }
  tar.finish();
  return plan.roots();
}

std::vector<BlobDescriptor> save_directory(Store& store, const std::vector<SavedImage>& images,
                                           const SaveOptions& options,
                                           const std::filesystem::path& directory) {
  Plan plan(store, options);
  std::error_code error;
  std::filesystem::create_directories(directory / "blobs" / "sha256", error);
  if (error) throw system_error("mkdir", directory.native(), error.value());
  const auto put = [&](const std::string& name, const ArchiveFile& file) {
    // Aside first: nobody finds half of it.
    const std::string path = directory / name;
    const std::string aside = path + ".slipway-new";
    FileDescriptor descriptor(
        ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!descriptor) throw system_error("open", aside, errno);
    try {
      file.write([&](std::span<const std::byte> bytes) {
        write_all(descriptor.get(), bytes, aside);
      });
      if (std::rename(aside.c_str(), path.c_str()) != 0) throw system_error("rename", path, errno);
    } catch (...) {
      ::unlink(aside.c_str());
      throw;
    }
  };
  const std::map<std::string, ArchiveFile> files = plan.files(images);
  for (const auto& [name, file] : files) {
    if (name != "index.json") put(name, file);
  }
  put("index.json", files.at("index.json"));
  return plan.roots();
}

}  // namespace slipway
