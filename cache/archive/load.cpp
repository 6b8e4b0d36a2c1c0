#include <cache/archive/load.hpp>

#include <cache/archive/attestation.hpp>
#include <cache/archive/members.hpp>
#include <cache/images/manifest.hpp>
#include <cache/images/take_layer.hpp>
#include <cache/registry/pull.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>

namespace slipway {
namespace {

using Json = nlohmann::json;

constexpr int max_index_depth = 3;
constexpr std::size_t max_images = 1000;
constexpr std::size_t max_names = 1000;
// Of one archive: an index may list another again and again, and that one a third.
constexpr std::size_t max_documents = 2000;
constexpr std::uint64_t max_statements = std::uint64_t{256} << 20;  // bytes

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

// Annotations of index.json that say which image it is and when it was written there, not what was
// said of it.
bool is_about_archive(const std::string& key) {
  return key == name_annotation || key == ref_annotation ||
         key == "org.opencontainers.image.created";
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

// A layer's blob, whose end is an Error where it is longer or shorter than its descriptor says.
class SizedSource : public ByteSource {
 public:
  SizedSource(ByteSource& inner, const BlobDescriptor& blob) : inner_(inner), blob_(blob) {}

  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t got = inner_.read(buffer);
    size_ += got;
    if (size_ > blob_.size || (got == 0 && !buffer.empty() && size_ < blob_.size)) {
      throw Error("the archive's blob " + blob_.digest.text() + " is damaged")
          .hint("its size is another than the archive says");
    }
    return got;
  }

 private:
  ByteSource& inner_;
  const BlobDescriptor& blob_;
  std::uint64_t size_ = 0;
};

class Loader {
 public:
  Loader(Store& store, const ArchiveMembers& members, const std::vector<Platform>& wanted,
         PullProgress& progress)
      : store_(store), members_(members), wanted_(wanted), progress_(progress) {}

  // manifest.json of `docker save`.
  std::vector<LoadedImage> docker() {
    std::vector<LoadedImage> loaded;
    for (DockerEntry& entry : docker_entries()) {
      const std::string config = members_.read(entry.config, max_config_size);
      std::vector<Layer> layers;
      for (std::string& layer : entry.layers) layers.push_back({std::move(layer), std::nullopt});
      Image image = store_image(config, layers);
      require_wanted({image});
      loaded.push_back(named({image.id, std::move(entry.names), {image}}));
    }
    return loaded;
  }

  std::vector<LoadedImage> oci() {
    std::vector<LoadedImage> loaded;
    for (const BlobDescriptor& entry : index().manifests) {
      if (is_attestation(entry)) continue;
      LoadedImage image = load(entry);
      if (const auto name = name_of(entry)) image.names.push_back(*name);
      // An image with several names is listed as often.
      const auto same = std::find_if(loaded.begin(), loaded.end(),
                                     [&](const LoadedImage& each) { return each.id == image.id; });
      if (same == loaded.end()) {
        loaded.push_back(std::move(image));
      } else {
        same->names.insert(same->names.end(), image.names.begin(), image.names.end());
      }
    }
    add_docker_names(loaded);
    for (LoadedImage& image : loaded) image = named(std::move(image));
    return loaded;
  }

  Image oci(std::string_view wanted) {
    const ImageIndex all = index();
    std::string offered;
    for (const BlobDescriptor& entry : all.manifests) {
      const auto ref = entry.annotations.find(ref_annotation);
      const std::string tag = ref == entry.annotations.end() ? "" : ref->second;
      const bool only = wanted.empty() && all.manifests.size() == 1;
      if (only || tag == (wanted.empty() ? "latest" : wanted) || entry.digest.text() == wanted) {
        return chosen(entry);
      }
      if (offered.size() < 400) offered += (offered.empty() ? "" : ", ") + tag;
    }
    // A blob may be there without being listed: a digest names it all the same.
    if (const std::optional<Digest> digest = Digest::parse(wanted);
        digest && members_.has(blob_name(*digest))) {
      BlobDescriptor entry;
      entry.digest = *digest;
      entry.size = members_.read(blob_name(*digest), max_manifest_size).size();
      return chosen(std::move(entry));
    }
    throw Error("the OCI layout has no image " + quoted(wanted.empty() ? "latest" : wanted))
        .hint("it has: " + quoted(offered));
  }

 private:
  struct Layer {
    std::string member;
    std::optional<BlobDescriptor> blob;  // empty: nothing is known but the diffID
  };
  struct DockerEntry {
    std::string config;  // a member's name
    std::vector<std::string> layers;
    std::vector<Reference> names;
  };
  // The images of an index while it is read.
  struct Found {
    std::vector<Image> images;
    std::vector<Digest> manifests;             // of `images`
    std::vector<Annotations> said;             // of each of `images`
    std::vector<BlobDescriptor> attestations;  // those of all
  };

  static bool is_attestation(const BlobDescriptor& entry) {
    return entry.annotations.contains(std::string(reference_type_annotation));
  }

  ImageIndex index() const {
    const std::string text = members_.read("index.json", max_manifest_size);
    auto read = read_manifest(text, "");
    if (auto* found = std::get_if<ImageIndex>(&read)) return std::move(*found);
    throw Error("the archive's index.json is no image index");
  }

  std::vector<DockerEntry> docker_entries() const {
    const std::string text = members_.read("manifest.json", max_manifest_size);
    std::vector<DockerEntry> entries;
    try {
      const Json list = Json::parse(text);
      if (!list.is_array() || list.size() > max_images) {
        throw Error("the archive's manifest.json is no list of images");
      }
      for (const Json& item : list) {
        DockerEntry entry{
            .config = item.at("Config").get<std::string>(), .layers = {}, .names = {}};
        if (item.contains("Layers") && !item["Layers"].is_null()) {
          entry.layers = item["Layers"].get<std::vector<std::string>>();
        }
        if (item.contains("RepoTags") && !item["RepoTags"].is_null()) {
          for (const auto& name : item["RepoTags"].get<std::vector<std::string>>()) {
            if (auto tag = tag_of(parse_reference(name))) entry.names.push_back(std::move(*tag));
          }
        }
        entries.push_back(std::move(entry));
      }
    } catch (const Json::exception& error) {
      throw Error("the archive's manifest.json is malformed: " + quoted(error.what()));
    }
    return entries;
  }

  // An archive of docker's is an OCI layout as well, whose index.json may lack names.
  void add_docker_names(std::vector<LoadedImage>& loaded) const {
    if (!members_.has("manifest.json")) return;
    for (const DockerEntry& entry : docker_entries()) {
      const auto image = std::find_if(loaded.begin(), loaded.end(), [&](const LoadedImage& each) {
        return std::any_of(each.images.begin(), each.images.end(),
                           [&](const Image& one) { return entry.config == blob_name(one.id); });
      });
      if (image == loaded.end()) continue;
      for (const Reference& name : entry.names) {
        if (std::find(image->names.begin(), image->names.end(), name) == image->names.end()) {
          image->names.push_back(name);
        }
      }
    }
  }

  LoadedImage named(LoadedImage image) {
    if (image.names.size() > max_names) throw Error("the archive gives an image too many names");
    for (const Reference& name : image.names) store_.images().tag(name, image.id);
    for (Image& each : image.images) each.names = image.names;
    return image;
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

  bool is_wanted(const Platform& platform) const {
    return wanted_.empty() ||
           std::any_of(wanted_.begin(), wanted_.end(),
                       [&](const Platform& each) { return matches(platform, each); });
  }
  // Throws Error for a platform that was asked for and is not among the images.
  void require_wanted(const std::vector<Image>& images) const {
    for (const Platform& platform : wanted_) {
      std::string offered;
      bool found = false;
      for (const Image& image : images) {
        found |= matches(image.config.platform, platform);
        offered += (offered.empty() ? "" : ", ") + image.config.platform.text();
      }
      if (found) continue;
      throw Error("the archive has no variant of the image for " + platform.text())
          .hint(offered.empty() ? "it has none that is wanted" : "it has: " + quoted(offered));
    }
  }

  std::variant<Manifest, ImageIndex> read(const BlobDescriptor& entry, std::string& text) {
    if (++documents_ > max_documents) {
      throw Error("the archive lists more than " + std::to_string(max_documents) + " images");
    }
    text = small_blob(members_, entry, max_manifest_size);
    return read_manifest(text, entry.media_type);
  }

  // The one image for the platform that is wanted.
  Image chosen(BlobDescriptor entry) {
    for (int depth = 0;; ++depth) {
      std::string text;
      auto document = read(entry, text);
      if (const auto* manifest = std::get_if<Manifest>(&document)) return load(*manifest, text);
      if (depth == max_index_depth) throw Error("the archive's indexes are nested too deeply");
      entry = choose_manifest(std::get<ImageIndex>(document), wanted_.front());
    }
  }

  // An image, or those of an index that are wanted.
  LoadedImage load(const BlobDescriptor& entry) {
    std::string text;
    auto document = read(entry, text);
    Annotations said;
    for (const auto& [key, value] : entry.annotations) {
      if (!is_about_archive(key)) said.index_descriptor[key] = value;
    }
    if (const auto* manifest = std::get_if<Manifest>(&document)) {
      Image image = load(*manifest, text);
      require_wanted({image});
      Annotations own{.manifest = manifest->annotations,
                      .manifest_descriptor = std::move(said.index_descriptor)};
      attach(image.id, {std::move(own), {}});
      return {image.id, {}, {image}};
    }
    const auto& read_index = std::get<ImageIndex>(document);
    said.index = read_index.annotations;
    Found found;
    collect(read_index, 1, found);
    if (found.images.empty() && wanted_.empty()) {
      throw Error("the archive holds none of the images that it lists");
    }
    require_wanted(found.images);
    for (std::size_t i = 0; i < found.images.size(); ++i) {
      if (found.images.size() == 1) {
        found.said[i].index = said.index;
        found.said[i].index_descriptor = said.index_descriptor;
      }
      attach(found.images[i].id, {found.said[i], statements_of(found, i)});
    }
    if (found.images.size() == 1) return {found.images.front().id, {}, found.images};
    std::vector<Digest> ids;
    for (const Image& image : found.images) ids.push_back(image.id);
    const Digest id = store_.images().put_index(ids);
    if (made_.contains(ids.front()))
      store_.image_facts().put_attachments(id, {std::move(said), {}});
    return {id, {}, std::move(found.images)};
  }

  void collect(const ImageIndex& index, int depth, Found& found) {
    for (const BlobDescriptor& entry : index.manifests) {
      if (is_attestation(entry)) {
        found.attestations.push_back(entry);
        continue;
      }
      if (entry.platform && !is_wanted(*entry.platform)) continue;
      if (!members_.has(blob_name(entry.digest))) continue;  // `docker save --platform` leaves such
      const auto known = std::find(found.manifests.begin(), found.manifests.end(), entry.digest);
      if (known != found.manifests.end()) continue;
      std::string text;
      const auto document = read(entry, text);
      if (const auto* nested = std::get_if<ImageIndex>(&document)) {
        if (depth == max_index_depth) throw Error("the archive's indexes are nested too deeply");
        collect(*nested, depth + 1, found);
        continue;
      }
      Image image = load(std::get<Manifest>(document), text);
      if (!is_wanted(image.config.platform)) continue;
      found.images.push_back(std::move(image));
      found.said.push_back({.manifest = std::get<Manifest>(document).annotations,
                            .manifest_descriptor = entry.annotations});
      found.manifests.push_back(entry.digest);
    }
  }

  // Only to what this archive brought. An image that the store had before, perhaps one that was
  // built here, must not be told about by a stranger.
  void attach(const Digest& id, const Attachments& attachments) {
    if (made_.contains(id)) store_.image_facts().put_attachments(id, attachments);
  }

  // What the index's attestations say of its image at this place.
  std::vector<Attestation> statements_of(const Found& found, std::size_t place) {
    std::vector<Attestation> attestations;
    for (const BlobDescriptor& entry : found.attestations) {
      const auto about = entry.annotations.find(std::string(reference_digest_annotation));
      if (about == entry.annotations.end() || about->second != found.manifests[place].text() ||
          !members_.has(blob_name(entry.digest))) {
        continue;
      }
      for (const BlobDescriptor& blob :
           read_attestation_manifest(small_blob(members_, entry, max_manifest_size))) {
        if (!members_.has(blob_name(blob.digest))) continue;
        statements_ += blob.size;
        if (statements_ > max_statements || blob.size > max_statement_size) {
          throw Error("the archive's attestations are longer than any honest ones");
        }
        if (auto read = read_statement(small_blob(members_, blob, max_statement_size))) {
          attestations.push_back(std::move(*read));
        }
      }
    }
    return attestations;
  }

  Image load(const Manifest& manifest, const std::string& text) {
    const std::string config = small_blob(members_, manifest.config, max_config_size);
    std::vector<Layer> layers;
    for (const BlobDescriptor& layer : manifest.layers) {
      layers.push_back({.member = blob_name(layer.digest), .blob = layer});
    }
    Image image = store_image(config, layers);
    // So that it goes on as it came, where what it names is kept (pack.cpp compares that). Not one
    // that the store had before: a push of what was built here would send a stranger's manifest.
    if (made_.contains(image.id)) {
      store_.image_facts().put_manifest(image.id, {manifest.media_type, text});
    }
    return image;
  }

  bool knows(const Digest& id) const {
    try {
      return store_.images().find(id).has_value();
    } catch (const Error&) {
      return false;  // one that has lost a layer, and has just got it back
    }
  }

  Image store_image(const std::string& config_json, const std::vector<Layer>& layers) {
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
        if (const auto& blob = layers[i].blob) {
          SizedSource sized(*source, *blob);
          take_layer(store_, sized, blob->digest, diff_id);
        } else {
          take_layer(store_, *source, std::nullopt, diff_id);
        }
      }
      const std::lock_guard lock(mutex);
      progress_.stored(i, present);
    });
    store_.sync();
    const bool known = knows(sha256(config_json));
    const Digest id = store_.images().put(config_json);
    if (!known) made_.insert(id);
    return store_.images().find(id).value();
  }

  Store& store_;
  const ArchiveMembers& members_;
  const std::vector<Platform>& wanted_;  // empty: all
  std::size_t documents_ = 0;            // read so far
  std::uint64_t statements_ = 0;         // bytes of them
  std::set<Digest> made_;                // images that the store had not
  PullProgress& progress_;
};

}  // namespace

std::vector<LoadedImage> load_archive(Store& store, const std::filesystem::path& path,
                                      const std::vector<Platform>& platforms,
                                      PullProgress& progress) {
  const std::unique_ptr<ArchiveMembers> members = open_members(path, store.state());
  Loader loader(store, *members, platforms, progress);
  // docker's archives of today are OCI layouts, too, and those keep what manifest.json cannot say.
  if (members->has("index.json") && members->has("oci-layout")) return loader.oci();
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
  const std::vector<Platform> platforms = {platform};
  return Loader(store, *members, platforms, progress).oci(wanted);
}

}  // namespace slipway
