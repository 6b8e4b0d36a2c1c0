#include <cache/images/store.hpp>

#include <cache/database.hpp>
#include <cache/images/manifest.hpp>
#include <cache/images/time.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

namespace slipway {
namespace {

// A sha256 is as good as random.
struct DigestHash {
  std::size_t operator()(const Digest& digest) const {
    std::size_t value = 0;
    std::memcpy(&value, digest.bytes.data(), sizeof value);
    return value;
  }
};

}  // namespace

Digest index_id(const std::vector<std::string>& configs) {
  ImageIndex index;
  for (const std::string& config : configs) {
    index.manifests.push_back({.media_type = std::string(media_type::oci_config),
                               .digest = sha256(config),
                               .size = config.size(),
                               .platform = read_image_config(config).platform,
                               .annotations = {}});
  }
  return sha256(write_index(index));
}

ImageStore::ImageStore(Database& database) : database_(database) {}

Digest ImageStore::put(std::string_view config_json) {
  const ImageConfig config = read_image_config(config_json);
  const Digest id = sha256(config_json);
  Transaction transaction(database_);
  for (const DiffId& layer : config.diff_ids) {
    Query query(database_, "SELECT 1 FROM layers WHERE diff_id = ?");
    if (!query.bind(layer.digest).step())
      throw Error("the image " + id.text() + " has the layer " + layer.text() +
                  ", which is not in the store");
  }
  Query(database_, "INSERT OR IGNORE INTO images (id, config, created) VALUES (?, ?, ?)")
      .bind(id)
      .bind_blob(config_json)
      .bind(parse_time(config.created).value_or(0))
      .run();
  if (database_.changes() > 0) {
    std::int64_t position = 0;
    for (const DiffId& layer : config.diff_ids)
      Query(database_, "INSERT INTO image_layers (image, position, layer) VALUES (?, ?, ?)")
          .bind(id)
          .bind(position++)
          .bind(layer.digest)
          .run();
  }
  transaction.commit();
  return id;
}

Digest ImageStore::put_index(const std::vector<Digest>& images) {
  Transaction transaction(database_);
  std::vector<std::string> configs;
  for (const Digest& image : images) {
    Query query(database_, "SELECT config FROM images WHERE id = ?");
    if (!query.bind(image).step()) throw Error("there is no image " + image.text());
    configs.push_back(query.blob(0));
  }
  const Digest id = index_id(configs);
  Query(database_, "INSERT OR IGNORE INTO indexes (id) VALUES (?)").bind(id).run();
  if (database_.changes() > 0) {
    std::int64_t position = 0;
    for (const Digest& image : images)
      Query(database_, "INSERT INTO index_images (id, position, image) VALUES (?, ?, ?)")
          .bind(id)
          .bind(position++)
          .bind(image)
          .run();
  }
  transaction.commit();
  return id;
}

std::vector<Digest> ImageStore::images_of(const Digest& index) const {
  std::vector<Digest> images;
  Query query(database_, "SELECT image FROM index_images WHERE id = ? ORDER BY position");
  query.bind(index);
  while (query.step()) images.push_back(query.digest(0));
  return images;
}

std::vector<Platform> ImageStore::platforms(const Reference& name) const {
  const std::optional<Digest> id = id_of(name);
  if (!id) return {};
  std::vector<Digest> images = images_of(*id);
  if (images.empty()) images.push_back(*id);
  std::vector<Platform> platforms;
  for (const Digest& image : images) {
    Query query(database_, "SELECT config FROM images WHERE id = ?");
    if (query.bind(image).step()) platforms.push_back(read_image_config(query.blob(0)).platform);
  }
  return platforms;
}

std::optional<StoredIndex> ImageStore::find_index(const Digest& id) const {
  const std::vector<Digest> images = images_of(id);
  if (images.empty()) return std::nullopt;
  StoredIndex index;
  index.id = id;
  for (const Digest& image : images) {
    std::optional<Image> found = find(image);
    if (!found)
      throw Error("the image " + image.text() + " of the index " + id.text() + " is gone");
    index.images.push_back(std::move(*found));
  }
  index.names = names(id);
  return index;
}

// Of an index one of its images; `any`: the first where none serves the platform.
std::optional<Image> ImageStore::choose(const Digest& id, const Platform& platform,
                                        bool any) const {
  const std::vector<Digest> images = images_of(id);
  if (images.empty()) {
    std::optional<Image> image = find(id);
    if (image && !any && !matches(image->config.platform, platform)) return std::nullopt;
    return image;
  }
  std::optional<Image> chosen;
  for (const Digest& each : images) {
    std::optional<Image> image = find(each);
    if (!image) continue;
    if (image->config.platform == platform) return image;
    if (!chosen && matches(image->config.platform, platform)) chosen = std::move(image);
  }
  return chosen || !any ? chosen : find(images.front());
}

std::optional<Image> ImageStore::find(const Reference& name) const {
  const std::optional<Digest> id = id_of(name);
  return id ? choose(*id, host_platform(), true) : std::nullopt;
}

std::optional<Image> ImageStore::find(const Reference& name, const Platform& platform) const {
  const std::optional<Digest> id = id_of(name);
  return id ? choose(*id, platform, false) : std::nullopt;
}

std::optional<Image> ImageStore::find(const Digest& id,
                                      const std::optional<Platform>& platform) const {
  return choose(id, platform.value_or(host_platform()), !platform);
}

std::optional<Image> ImageStore::find(const Digest& id) const {
  Image image;
  image.id = id;
  {
    Query query(database_, "SELECT config, created FROM images WHERE id = ?");
    if (!query.bind(id).step()) {
      return images_of(id).empty() ? std::nullopt : choose(id, host_platform(), true);
    }
    image.config_json = query.blob(0);
    image.created = query.integer(1);
  }
  image.config = read_image_config(image.config_json);
  Query query(database_,
              "SELECT image_layers.layer, tree, size, tree IS NULL FROM image_layers "
              "LEFT JOIN layers ON diff_id = layer WHERE image = ? ORDER BY position");
  query.bind(id);
  while (query.step()) {
    const DiffId layer{query.digest(0)};
    if (query.integer(3) != 0) {
      LostLayer error("the image " + id.text() + " has lost its layer " + layer.text());
      error.hint("the machine may have stopped before it was written; pull or build it again");
      throw error;
    }
    image.layers.push_back(
        {layer, TreeDigest{query.digest(1)}, static_cast<std::uint64_t>(query.integer(2))});
    image.size += image.layers.back().size;
  }
  image.names = names(id);
  return image;
}

Image ImageStore::get(std::string_view name_or_id) const {
  const Digest id = resolve(name_or_id);
  if (std::optional<Image> image = find(id)) return std::move(*image);
  throw Error("the image " + quoted(name_or_id) + " has just been removed by another process");
}

std::vector<ImageConfig> ImageStore::configs(const Digest& id) const {
  std::vector<Digest> images = images_of(id);
  if (images.empty()) images.push_back(id);
  std::vector<ImageConfig> configs;
  for (const Digest& image : images) {
    Query query(database_, "SELECT config FROM images WHERE id = ?");
    if (query.bind(image).step()) configs.push_back(read_image_config(query.blob(0)));
  }
  return configs;
}

std::uint64_t ImageStore::blob_bytes(const Digest& image) const {
  Query query(database_,
              "SELECT length(config) + coalesce((SELECT sum(blob_size) FROM (SELECT DISTINCT "
              "diff_id, blob_size FROM image_layers JOIN layers ON diff_id = layer "
              "WHERE image = ?1 AND blob IS NOT NULL)), 0) FROM images WHERE id = ?1");
  return query.bind(image).step() ? static_cast<std::uint64_t>(query.integer(0)) : 0;
}

// Four scans, put together here: joins in SQL look up each layer of each image, which takes four
// times as long for 1,000 images. Configs are not read: images_by_time has all that is asked for.
std::vector<ImageSummary> ImageStore::list() const {
  std::unordered_map<Digest, std::vector<Reference>, DigestHash> names;
  std::unordered_map<Digest, std::vector<Digest>, DigestHash> members;  // of indexes
  std::unordered_map<Digest, std::uint64_t, DigestHash> layer_sizes;
  std::unordered_map<Digest, std::uint64_t, DigestHash> image_sizes;
  // Of images of an index, where a layer that they share counts once.
  std::unordered_map<Digest, std::vector<Digest>, DigestHash> layers;
  std::unordered_set<Digest, DigestHash> in_index;
  {
    Query query(
        database_,
        "SELECT name, image FROM tags UNION ALL SELECT name, id FROM index_tags ORDER BY name");
    while (query.step()) names[query.digest(1)].push_back(parse_reference(query.text(0)));
  }
  {
    Query query(database_, "SELECT id, image FROM index_images ORDER BY id, position");
    while (query.step()) {
      members[query.digest(0)].push_back(query.digest(1));
      in_index.insert(query.digest(1));
    }
  }
  {
    Query query(database_, "SELECT diff_id, size FROM layers");
    while (query.step())
      layer_sizes.emplace(query.digest(0), static_cast<std::uint64_t>(query.integer(1)));
  }
  const auto size_of = [&](const Digest& layer) {
    const auto size = layer_sizes.find(layer);
    return size == layer_sizes.end() ? 0 : size->second;
  };
  {
    Query query(database_, "SELECT image, layer FROM image_layers");
    while (query.step()) {
      const Digest image = query.digest(0);
      const Digest layer = query.digest(1);
      image_sizes[image] += size_of(layer);
      if (in_index.contains(image)) layers[image].push_back(layer);
    }
  }
  const auto names_of = [&](const Digest& id) {
    const auto found = names.find(id);
    return found == names.end() ? std::vector<Reference>() : found->second;
  };

  std::vector<ImageSummary> images;
  std::unordered_map<Digest, std::int64_t, DigestHash> times;
  {
    Query query(database_, "SELECT id, created FROM images ORDER BY created DESC, number DESC");
    while (query.step()) {
      ImageSummary image;
      image.id = query.digest(0);
      image.created = query.integer(1);
      if (!members.empty()) times.emplace(image.id, image.created);
      image.names = names_of(image.id);
      if (image.names.empty() && in_index.contains(image.id)) continue;
      if (const auto size = image_sizes.find(image.id); size != image_sizes.end())
        image.size = size->second;
      images.push_back(std::move(image));
    }
  }
  const std::size_t single = images.size();
  for (const auto& [id, each] : members) {
    ImageSummary index;
    index.id = id;
    index.is_index = true;
    index.names = names_of(id);
    std::unordered_set<Digest, DigestHash> seen;
    for (const Digest& image : each) {
      index.created = std::max(index.created, times[image]);
      for (const Digest& layer : layers[image])
        if (seen.insert(layer).second) index.size += size_of(layer);
    }
    images.push_back(std::move(index));
  }
  // The order of a hash is none.
  std::sort(images.begin() + static_cast<std::ptrdiff_t>(single), images.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  std::stable_sort(images.begin(), images.end(),
                   [](const auto& a, const auto& b) { return a.created > b.created; });
  return images;
}

void ImageStore::remove(const Digest& id) {
  Transaction transaction(database_);
  Query(database_, "DELETE FROM indexes WHERE id IN (SELECT id FROM index_images WHERE image = ?)")
      .bind(id)
      .run();
  Query(database_, "DELETE FROM images WHERE id = ?").bind(id).run();
  transaction.commit();
}

void ImageStore::take_out(const Digest& image) {
  Transaction transaction(database_);
  std::vector<Digest> indexes;
  {
    Query query(database_, "SELECT id FROM index_images WHERE image = ?");
    query.bind(image);
    while (query.step()) indexes.push_back(query.digest(0));
  }
  for (const Digest& index : indexes) {
    std::vector<Digest> rest = images_of(index);
    std::erase(rest, image);
    if (rest.empty()) throw Error("the index " + index.text() + " has no other image");
    const Digest left = rest.size() == 1 ? rest.front() : put_index(rest);
    for (const Reference& name : names(index)) tag(name, left);
    Query(database_, "DELETE FROM indexes WHERE id = ?").bind(index).run();
  }
  remove_unnamed(image);
  transaction.commit();
}

bool ImageStore::remove_unnamed(const Digest& id) {
  Transaction transaction(database_);
  const std::vector<Digest> images = images_of(id);
  const auto remove = [&](std::string_view sql) {
    Query(database_, sql).bind(id).run();
    return database_.changes() > 0;
  };
  const bool removed =
      images.empty()
          ? remove(
                "DELETE FROM images WHERE id = ? AND id NOT IN (SELECT image FROM tags) "
                "AND id NOT IN (SELECT image FROM index_images)")
          : remove("DELETE FROM indexes WHERE id = ? AND id NOT IN (SELECT id FROM index_tags)");
  if (removed)
    for (const Digest& image : images) remove_unnamed(image);
  transaction.commit();
  return removed;
}

}  // namespace slipway
