#include <cache/images/store.hpp>

#include <cache/database.hpp>
#include <cache/images/manifest.hpp>
#include <cache/images/time.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <map>

namespace slipway {

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
    if (!found) throw Error("the image " + image.text() + " of the index " + id.text() + " is gone");
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
    if (query.integer(3) != 0)
      throw Error("the image " + id.text() + " has lost its layer " + layer.text())
          .hint("the machine may have stopped before it was written; pull or build it again");
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

std::vector<ImageSummary> ImageStore::list() const {
  std::vector<ImageSummary> images;
  std::map<Digest, std::size_t> positions;
  {
    Query query(database_,
                "SELECT images.id, images.created, coalesce(sum(layers.size), 0) FROM images "
                "LEFT JOIN image_layers ON image = images.id LEFT JOIN layers ON diff_id = layer "
                "WHERE images.id NOT IN (SELECT image FROM index_images) "
                "OR images.id IN (SELECT image FROM tags) GROUP BY images.number "
                "ORDER BY images.created DESC, images.number DESC");
    while (query.step()) {
      images.push_back({query.digest(0), {}, query.integer(1),
                        static_cast<std::uint64_t>(query.integer(2))});
    }
  }
  {
    Query query(database_,
                "SELECT id, max(created), coalesce(sum(size), 0) FROM ("
                "  SELECT DISTINCT index_images.id AS id, layers.diff_id AS diff_id, layers.size AS "
                "size, (SELECT max(created) FROM images JOIN index_images AS own ON own.image = "
                "images.id WHERE own.id = index_images.id) AS created"
                "  FROM index_images LEFT JOIN image_layers ON image_layers.image = "
                "index_images.image LEFT JOIN layers ON layers.diff_id = image_layers.layer) "
                "GROUP BY id");
    while (query.step()) {
      images.push_back({query.digest(0), {}, query.integer(1),
                        static_cast<std::uint64_t>(query.integer(2)), true});
    }
  }
  std::stable_sort(images.begin(), images.end(), [](const auto& a, const auto& b) {
    return a.created > b.created;
  });
  positions.clear();
  for (std::size_t i = 0; i < images.size(); ++i) positions.emplace(images[i].id, i);
  Query query(database_,
              "SELECT name, image FROM tags UNION ALL SELECT name, id FROM index_tags ORDER BY name");
  while (query.step())
    if (const auto position = positions.find(query.digest(1)); position != positions.end())
      images[position->second].names.push_back(parse_reference(query.text(0)));
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
          ? remove("DELETE FROM images WHERE id = ? AND id NOT IN (SELECT image FROM tags) "
                   "AND id NOT IN (SELECT image FROM index_images)")
          : remove("DELETE FROM indexes WHERE id = ? AND id NOT IN (SELECT id FROM index_tags)");
  if (removed)
    for (const Digest& image : images) remove_unnamed(image);
  transaction.commit();
  return removed;
}

}  // namespace slipway
