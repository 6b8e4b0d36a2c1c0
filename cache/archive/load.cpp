#include <cache/archive/load.hpp>

#include <cache/archive/members.hpp>
#include <cache/images/manifest.hpp>
#include <cache/images/take_layer.hpp>
#include <cache/registry/pull.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace slipway {
namespace {

using Json = nlohmann::json;

constexpr int max_index_depth = 3;
constexpr std::size_t max_images = 1000;
constexpr std::size_t max_names = 1000;

constexpr const char* name_annotation = "io.containerd.image.name";
constexpr const char* ref_annotation = "org.opencontainers.image.ref.name";

std::string blob_name(const Digest& digest) {
  return "blobs/sha256/" + digest.hex();
}

// What of a name an archive may give to an image. A digest it may not: it names a manifest that
// nobody has compared, and a later FROM that pins this digest would get whatever the archive holds.
std::optional<Reference> tag_of(Reference name) {
  name.digest.reset();
  if (name.tag.empty()) return std::nullopt;
  return name;
}

// A blob of the layout, verified.
std::string small_blob(const ArchiveMembers& members, const BlobDescriptor& blob,
                       std::uint64_t limit) {
  const std::string bytes = members.read(blob_name(blob.digest), limit);
  if (bytes.size() != blob.size || sha256(bytes) != blob.digest) {
    throw Error("the archive's blob " + blob.digest.text() + " is damaged")
        .hint("its size or its digest is another than the archive says");
  }
  return bytes;
}

class Loader {
 public:
  Loader(Store& store, const ArchiveMembers& members, const Platform& platform,
         PullProgress& progress)
      : store_(store), members_(members), platform_(platform), progress_(progress) {}

  // manifest.json of `docker save`.
  std::vector<Image> docker() {
    const std::string text = members_.read("manifest.json", max_manifest_size);
    std::vector<Image> images;
    try {
      const Json list = Json::parse(text);
      if (!list.is_array() || list.size() > max_images) {
        throw Error("the archive's manifest.json is no list of images");
      }
      for (const Json& item : list) {
        const std::string config =
            members_.read(item.at("Config").get<std::string>(), max_config_size);
        std::vector<std::string> layers;
        if (item.contains("Layers") && !item["Layers"].is_null()) {
          layers = item["Layers"].get<std::vector<std::string>>();
        }
        std::vector<Reference> names;
        if (item.contains("RepoTags") && !item["RepoTags"].is_null()) {
          for (const auto& name : item["RepoTags"].get<std::vector<std::string>>()) {
            if (auto tag = tag_of(parse_reference(name))) names.push_back(std::move(*tag));
          }
        }
        std::vector<Layer> sources;
        for (std::string& layer : layers) {
          sources.push_back({.member = std::move(layer), .blob = {}});
        }
        images.push_back(store_image(config, sources, names));
      }
    } catch (const Json::exception& error) {
      throw Error("the archive's manifest.json is malformed: " + quoted(error.what()));
    }
    return images;
  }

  std::vector<Image> oci() {
    std::vector<Image> images;
    for (const BlobDescriptor& entry : index().manifests) {
      if (entry.annotations.contains("vnd.docker.reference.type")) continue;  // an attestation
      std::vector<Reference> names;
      if (const auto name = name_of(entry)) names.push_back(*name);
      images.push_back(image(entry, names));
    }
    return images;
  }

  Image oci(std::string_view wanted) {
    const ImageIndex all = index();
    std::string offered;
    for (const BlobDescriptor& entry : all.manifests) {
      const auto ref = entry.annotations.find(ref_annotation);
      const std::string tag = ref == entry.annotations.end() ? "" : ref->second;
      const bool only = wanted.empty() && all.manifests.size() == 1;
      if (only || tag == (wanted.empty() ? "latest" : wanted) || entry.digest.text() == wanted) {
        return image(entry, {});
      }
      if (offered.size() < 400) offered += (offered.empty() ? "" : ", ") + tag;
    }
    // A blob may be there without being listed: a digest names it all the same.
    if (const std::optional<Digest> digest = Digest::parse(wanted);
        digest && members_.has(blob_name(*digest))) {
      BlobDescriptor entry;
      entry.digest = *digest;
      entry.size = members_.read(blob_name(*digest), max_manifest_size).size();
      return image(std::move(entry), {});
    }
    throw Error("the OCI layout has no image " + quoted(wanted.empty() ? "latest" : wanted))
        .hint("it has: " + quoted(offered));
  }

 private:
  struct Layer {
    std::string member;
    std::optional<BlobDescriptor> blob;  // empty: nothing is known but the diffID
  };

  ImageIndex index() const {
    const std::string text = members_.read("index.json", max_manifest_size);
    auto read = read_manifest(text, "");
    if (auto* found = std::get_if<ImageIndex>(&read)) return std::move(*found);
    throw Error("the archive's index.json is no image index");
  }

  // Annotations of the index name images: containerd's has the whole name. The one of the
  // specification is often a tag alone, which is no name.
  static std::optional<Reference> name_of(const BlobDescriptor& entry) {
    const auto full = entry.annotations.find(name_annotation);
    if (full != entry.annotations.end()) return tag_of(parse_reference(full->second));
    const auto ref = entry.annotations.find(ref_annotation);
    if (ref == entry.annotations.end()) return std::nullopt;
    if (ref->second.find_first_of("/:") == std::string::npos) return std::nullopt;
    return tag_of(parse_reference(ref->second));
  }

  Image image(BlobDescriptor entry, const std::vector<Reference>& names) {
    for (int depth = 0;; ++depth) {
      auto read = read_manifest(small_blob(members_, entry, max_manifest_size), entry.media_type);
      if (const auto* manifest = std::get_if<Manifest>(&read)) {
        const std::string config = small_blob(members_, manifest->config, max_config_size);
        std::vector<Layer> layers;
        for (const BlobDescriptor& layer : manifest->layers) {
          layers.push_back({.member = blob_name(layer.digest), .blob = layer});
        }
        return store_image(config, layers, names);
      }
      if (depth == max_index_depth) throw Error("the archive's indexes are nested too deeply");
      entry = choose_manifest(std::get<ImageIndex>(read), platform_);
    }
  }

  Image store_image(const std::string& config_json, const std::vector<Layer>& layers,
                    const std::vector<Reference>& names) {
    if (names.size() > max_names) throw Error("the archive gives an image too many names");
    const ImageConfig config = read_image_config(config_json);
    if (config.diff_ids.size() != layers.size() || layers.size() > max_layers) {
      throw Error("an image of the archive lists " + std::to_string(config.diff_ids.size()) +
                  " layers in its config and " + std::to_string(layers.size()) + " files");
    }
    std::vector<BlobDescriptor> shown;
    for (const Layer& layer : layers) shown.push_back(layer.blob.value_or(BlobDescriptor{}));
    progress_.layers(shown);
    std::mutex mutex;  // orders the calls of progress_
    in_parallel(layers.size(), [&](std::size_t i) {
      const DiffId& diff_id = config.diff_ids[i];
      const bool present = store_.layers().find(diff_id).has_value();
      if (!present) {
        const std::unique_ptr<ByteSource> source = members_.open(layers[i].member);
        const auto& blob = layers[i].blob;
        take_layer(store_, *source, blob ? std::optional(blob->digest) : std::nullopt, diff_id);
      }
      const std::lock_guard lock(mutex);
      progress_.stored(i, present);
    });
    store_.sync();
    const Digest id = store_.images().put(config_json);
    for (const Reference& name : names) store_.images().tag(name, id);
    Image image = store_.images().find(id).value();
    image.names = names;
    return image;
  }

  Store& store_;
  const ArchiveMembers& members_;
  const Platform& platform_;
  PullProgress& progress_;
};

}  // namespace

std::vector<Image> load_archive(Store& store, const std::filesystem::path& path,
                                const Platform& platform, PullProgress& progress) {
  const std::unique_ptr<ArchiveMembers> members = open_members(path, store.state());
  Loader loader(store, *members, platform, progress);
  // An archive of docker is an OCI layout as well, but only manifest.json has all its names.
  if (members->has("manifest.json")) return loader.docker();
  if (members->has("index.json")) return loader.oci();
  throw Error(quoted(path.native()) + " is no image archive")
      .hint(
          "it has neither a manifest.json nor an index.json; a root file system is what "
          "`slipway import` takes");
}

Image load_layout(Store& store, const std::filesystem::path& path, std::string_view wanted,
                  const Platform& platform, PullProgress& progress) {
  const std::unique_ptr<ArchiveMembers> members = open_members(path, store.state());
  if (!members->has("index.json")) {
    throw Error(quoted(path.native()) + " is no OCI layout: it has no index.json");
  }
  return Loader(store, *members, platform, progress).oci(wanted);
}

}  // namespace slipway
