#include <cache/archive/save.hpp>

#include <cache/archive/members.hpp>
#include <cache/file_descriptor.hpp>
#include <cache/images/manifest.hpp>
#include <cache/json_bounds.hpp>
#include <cache/layers/tar_writer.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <variant>

namespace slipway {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr const char* name_annotation = "io.containerd.image.name";
constexpr const char* ref_annotation = "org.opencontainers.image.ref.name";

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
  Plan(Store& store, const std::vector<ToPack>& images, const SaveOptions& options)
      : store_(store), options_(options) {
    for (const ToPack& image : images) add(image);
    files_["index.json"] = text_file(write_index(index_));
    files_["oci-layout"] = text_file(R"({"imageLayoutVersion":"1.0.0"})");
    if (options_.docker) files_["manifest.json"] = text_file(docker_.dump());
  }

  const std::map<std::string, ArchiveFile>& files() const { return files_; }
  const ImageIndex& index() const { return index_; }
  // Of each image.
  std::vector<BlobDescriptor> roots() { return std::move(roots_); }

 private:
  static std::string path_of(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

  void add(const ToPack& image) {
    Packed packed = pack(store_, image, options_.pack);
    for (const PackedDocument& document : packed.documents) {
      files_[path_of(document.descriptor.digest)] = text_file(document.json);
    }
    for (PackedBlob& blob : packed.blobs) {
      files_[path_of(blob.descriptor.digest)] = {.size = blob.descriptor.size,
                                                 .write = std::move(blob.write)};
    }
    BlobDescriptor descriptor = packed.root;
    roots_.push_back(descriptor);
    OrderedJson entry;
    if (options_.docker) entry = docker_entry(packed);
    bool named = false;
    for (const Reference& name : image.names) {
      if (name.tag.empty()) continue;
      Reference tagged = name;
      tagged.digest.reset();
      descriptor.annotations[name_annotation] = tagged.text();
      descriptor.annotations[ref_annotation] = tagged.tag;
      index_.manifests.push_back(descriptor);
      if (!named) entry["RepoTags"] = OrderedJson::array();
      entry["RepoTags"].push_back(tagged.familiar());
      named = true;
    }
    if (!named) index_.manifests.push_back(descriptor);
    docker_.push_back(std::move(entry));
  }

  // What manifest.json says of the image, without names.
  static OrderedJson docker_entry(const Packed& packed) {
    const auto document_of = [&](const Digest& digest) -> const PackedDocument& {
      return *std::find_if(
          packed.documents.begin(), packed.documents.end(),
          [&](const PackedDocument& each) { return each.descriptor.digest == digest; });
    };
    const PackedDocument* document = &document_of(packed.root.digest);
    auto read = read_manifest(document->json, document->descriptor.media_type);
    if (const auto* index = std::get_if<ImageIndex>(&read)) {
      const BlobDescriptor* chosen = &index->manifests.front();
      for (const BlobDescriptor& each : index->manifests) {
        if (!each.platform || !matches(*each.platform, host_platform())) continue;
        chosen = &each;
        break;
      }
      document = &document_of(chosen->digest);
      read = read_manifest(document->json, document->descriptor.media_type);
    }
    const auto& manifest = std::get<Manifest>(read);
    OrderedJson entry;
    entry["Config"] = path_of(manifest.config.digest);
    entry["RepoTags"] = nullptr;
    entry["Layers"] = OrderedJson::array();
    for (const BlobDescriptor& layer : manifest.layers) {
      entry["Layers"].push_back(path_of(layer.digest));
    }
    return entry;
  }

  Store& store_;
  const SaveOptions& options_;
  std::map<std::string, ArchiveFile> files_;
  ImageIndex index_;
  OrderedJson docker_ = OrderedJson::array();
  std::vector<BlobDescriptor> roots_;
};

std::string annotation_of(const Json& descriptor, const char* name) {
  const auto annotations = descriptor.find("annotations");
  if (annotations == descriptor.end() || !annotations->is_object()) return {};
  const auto found = annotations->find(name);
  return found != annotations->end() && found->is_string() ? found->get<std::string>() : "";
}

// Whether an entry of an index stands for what the new one does: the same name, as BuildKit
// compares it, or the same thing without a name.
bool is_replaced(const Json& entry, const Json& by) {
  if (!entry.is_object()) return false;
  const std::string name = annotation_of(by, name_annotation);
  const std::string ref = annotation_of(by, ref_annotation);
  return annotation_of(entry, name_annotation) == name &&
         annotation_of(entry, ref_annotation) == ref &&
         (!ref.empty() || entry.value("digest", Json()) == by.at("digest"));
}

// The index.json of a layout with these entries more. What others wrote into it stays as it is,
// members that nobody here knows among it.
std::string merged_index(std::string_view text, const ImageIndex& added, const std::string& path) {
  Json index = is_modest_json(text, 32, 200'000) ? Json::parse(text, nullptr, false) : Json();
  const bool usable =
      index.is_object() && (!index.contains("manifests") || index["manifests"].is_array() ||
                            index["manifests"].is_null());
  if (!usable)
    throw Error(quoted(path) + " is no image index, so nothing can be added to it")
        .hint("give the directory of an OCI layout, or one that is empty");
  std::vector<Json> entries;
  for (const BlobDescriptor& each : added.manifests)
    entries.push_back(Json::parse(write_descriptor(each)));
  Json all = Json::array();
  for (Json& old : index["manifests"]) {
    const bool replaced = std::any_of(entries.begin(), entries.end(),
                                      [&](const Json& entry) { return is_replaced(old, entry); });
    if (!replaced) all.push_back(std::move(old));
  }
  for (Json& entry : entries) all.push_back(std::move(entry));
  index["schemaVersion"] = 2;
  if (!index.contains("mediaType")) index["mediaType"] = added.media_type;
  index["manifests"] = std::move(all);
  return index.dump();
}

// Held by whoever changes a layout's directory: of two that add to its index at once one would lose
// its entry, and both would write the same files aside. A file system without locks has none, and
// one writer at a time.
FileDescriptor lock_directory(const std::filesystem::path& directory) {
  FileDescriptor descriptor(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor) throw system_error("open", directory.native(), errno);
  while (::flock(descriptor.get(), LOCK_EX) != 0 && errno == EINTR) {
  }
  return descriptor;
}

}  // namespace

std::vector<BlobDescriptor> save_tar(Store& store, const std::vector<ToPack>& images,
                                     const SaveOptions& options, const ByteSink& sink) {
  Plan plan(store, images, options);
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
  for (const auto& [path, file] : plan.files()) {
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

std::vector<BlobDescriptor> save_directory(Store& store, const std::vector<ToPack>& images,
                                           const SaveOptions& options,
                                           const std::filesystem::path& directory) {
  Plan plan(store, images, options);
  std::error_code error;
  std::filesystem::create_directories(directory / "blobs" / "sha256", error);
  if (error) throw system_error("mkdir", directory.native(), error.value());
  const FileDescriptor lock = lock_directory(directory);
  const auto put = [&](const std::string& name, const ArchiveFile& file) {
    // Aside first: nobody finds half of it.
    const std::string path = directory / name;
    const std::string aside = path + ".slipway-new";
    FileDescriptor descriptor(
        ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!descriptor) throw system_error("open", aside, errno);
    try {
      file.write(
          [&](std::span<const std::byte> bytes) { write_all(descriptor.get(), bytes, aside); });
      if (std::rename(aside.c_str(), path.c_str()) != 0) throw system_error("rename", path, errno);
    } catch (...) {
      ::unlink(aside.c_str());
      throw;
    }
  };
  const std::map<std::string, ArchiveFile>& files = plan.files();
  for (const auto& [name, file] : files) {
    if (name != "index.json") put(name, file);
  }
  const std::unique_ptr<ArchiveMembers> there = open_members(directory, store.state());
  if (there->has("index.json")) {
    put("index.json", text_file(merged_index(there->read("index.json", max_manifest_size),
                                             plan.index(), directory / "index.json")));
  } else {
    put("index.json", files.at("index.json"));
  }
  return plan.roots();
}

}  // namespace slipway
