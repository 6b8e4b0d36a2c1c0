#include <cache/images/store.hpp>

#include <cache/database.hpp>
#include <cache/images/time.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>

#include <map>

namespace slipway {
namespace {

constexpr std::size_t most_shown = 5;  // candidates of an ambiguous prefix

// The key of `tags`. A digest says all: a tag beside it would only be a memory of where it was.
std::string stored_name(Reference name) {
  if (name.digest) name.tag.clear();
  return name.text();
}

// "sha256:" and hexadecimal digits, or such digits alone; empty: it cannot be an ID.
std::string_view id_prefix(std::string_view text) {
  if (text.starts_with("sha256:")) text.remove_prefix(7);
  const bool fits = !text.empty() && text.size() <= 64 &&
                    text.find_first_not_of("0123456789abcdef") == text.npos;
  return fits ? text : std::string_view();
}

}  // namespace

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

void ImageStore::tag(const Reference& name, const Digest& id) {
  Transaction transaction(database_);
  {
    Query query(database_, "SELECT 1 FROM images WHERE id = ?");
    if (!query.bind(id).step()) throw Error("there is no image " + id.text());
  }
  Query(database_,
        "INSERT INTO tags (name, image) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET image = excluded.image")
      .bind(stored_name(name))
      .bind(id)
      .run();
  transaction.commit();
}

std::optional<Digest> ImageStore::untag(const Reference& name) {
  Query query(database_, "DELETE FROM tags WHERE name = ? RETURNING image");
  if (!query.bind(stored_name(name)).step()) return std::nullopt;
  const Digest id = query.digest(0);
  query.run();
  return id;
}

std::optional<Digest> ImageStore::id_of(const Reference& name) const {
  Query query(database_, "SELECT image FROM tags WHERE name = ?");
  if (!query.bind(stored_name(name)).step()) return std::nullopt;
  return query.digest(0);
}

std::optional<Image> ImageStore::find(const Reference& name) const {
  const std::optional<Digest> id = id_of(name);
  return id ? find(*id) : std::nullopt;
}

std::optional<Image> ImageStore::find(const Digest& id) const {
  Image image;
  image.id = id;
  {
    Query query(database_, "SELECT config, created FROM images WHERE id = ?");
    if (!query.bind(id).step()) return std::nullopt;
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

std::vector<Reference> ImageStore::names(const Digest& id) const {
  std::vector<Reference> names;
  Query query(database_, "SELECT name FROM tags WHERE image = ? ORDER BY name");
  query.bind(id);
  while (query.step()) names.push_back(parse_reference(query.text(0)));
  return names;
}

Digest ImageStore::resolve(std::string_view name_or_id) const {
  const std::string_view prefix = id_prefix(name_or_id);
  // A name goes before an ID that starts alike, as in docker.
  if (prefix.size() != 64 && !name_or_id.starts_with("sha256:"))
    if (const std::optional<Digest> id = id_of(parse_reference(name_or_id))) return *id;

  std::vector<std::string> found;
  if (!prefix.empty()) {
    std::string first(prefix);
    std::string last(prefix);
    first.resize(64, '0');
    last.resize(64, 'f');
    Query query(database_, "SELECT id FROM images WHERE id BETWEEN ? AND ? LIMIT 5");
    query.bind(*Digest::parse_hex(first)).bind(*Digest::parse_hex(last));
    while (query.step()) {
      found.push_back(query.digest(0).text());
      if (found.size() == 1 && prefix.size() == 64) return query.digest(0);
    }
  }
  if (found.size() == 1) return *Digest::parse(found.front());
  if (found.size() > 1) {
    std::string list;
    for (const std::string& id : found) list += id + "\n";
    throw Error(quoted(name_or_id) + " is the beginning of several images' IDs")
        .hint("give more digits")
        .detail(list);
  }
  std::vector<std::string> candidates;
  Query query(database_, "SELECT name FROM tags");
  while (query.step()) candidates.push_back(parse_reference(query.text(0)).familiar());
  throw Error("there is no image " + quoted(name_or_id) + " in the store")
      .hint(did_you_mean(name_or_id, candidates, "`slipway images` lists those there are"));
}

Image ImageStore::get(std::string_view name_or_id) const {
  const Digest id = resolve(name_or_id);
  if (std::optional<Image> image = find(id)) return std::move(*image);
  throw Error("the image " + quoted(name_or_id) + " has just been removed by another process");
}

std::vector<ImageSummary> ImageStore::list() const {
  std::vector<ImageSummary> images;
  std::map<Digest, std::size_t> positions;
  {
    Query query(database_,
                "SELECT images.id, images.created, coalesce(sum(layers.size), 0) FROM images "
                "LEFT JOIN image_layers ON image = images.id LEFT JOIN layers ON diff_id = layer "
                "GROUP BY images.number ORDER BY images.created DESC, images.number DESC");
    while (query.step()) {
      positions.emplace(query.digest(0), images.size());
      images.push_back({query.digest(0), {}, query.integer(1),
                        static_cast<std::uint64_t>(query.integer(2))});
    }
  }
  Query query(database_, "SELECT name, image FROM tags ORDER BY name");
  while (query.step())
    if (const auto position = positions.find(query.digest(1)); position != positions.end())
      images[position->second].names.push_back(parse_reference(query.text(0)));
  return images;
}

void ImageStore::remove(const Digest& id) {
  Query(database_, "DELETE FROM images WHERE id = ?").bind(id).run();
}

bool ImageStore::remove_unnamed(const Digest& id) {
  Query query(database_,
              "DELETE FROM images WHERE id = ? AND id NOT IN (SELECT image FROM tags) "
              "RETURNING number");
  return query.bind(id).step();
}

}  // namespace slipway
