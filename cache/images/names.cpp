// The names of images: giving, taking and finding them.
#include <cache/images/store.hpp>

#include <cache/database.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>

#include <ctime>

namespace slipway {
namespace {

// A digest says all: a tag beside it would only be a memory of where it was.
Reference kept_name(Reference name) {
  if (name.digest) name.tag.clear();
  return name;
}

// The key of `tags`.
std::string stored_name(const Reference& name) {
  return kept_name(name).text();
}

// "sha256:" and hexadecimal digits, or such digits alone; empty: it cannot be an ID.
std::string_view id_prefix(std::string_view text) {
  if (text.starts_with("sha256:")) text.remove_prefix(7);
  const bool fits =
      !text.empty() && text.size() <= 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
  return fits ? text : std::string_view();
}

}  // namespace

bool is_name(const Reference& name) {
  try {
    return parse_reference(name.text()) == name;
  } catch (const Error&) {
    return false;
  }
}

Digest ImageStore::tag_platform(const Reference& name, const Digest& id) {
  Transaction transaction(database_);
  std::vector<Digest> images;
  const std::optional<Image> added = find(id);
  if (!added) throw Error("there is no image " + id.text());
  std::optional<Digest> before = tagged(name);
  if (before) {
    std::vector<Digest> known = images_of(*before);
    if (known.empty()) known.push_back(*before);
    for (const Digest& image : known) {
      Query query(database_, "SELECT config FROM images WHERE id = ?");
      if (!query.bind(image).step()) continue;
      const Platform platform = read_image_config(query.blob(0)).platform;
      if (image != id && !matches(platform, added->config.platform) &&
          !matches(added->config.platform, platform))
        images.push_back(image);
    }
  }
  if (images.empty()) {
    tag(name, id);
  } else {
    images.push_back(id);
    tag(name, put_index(images));
  }
  const Digest now = tagged(name).value();
  // An index that only held what the name had until now is nobody's. Its images stay: a build may
  // be using them.
  if (before)
    Query(database_, "DELETE FROM indexes WHERE id = ? AND id NOT IN (SELECT id FROM index_tags)")
        .bind(*before)
        .run();
  transaction.commit();
  return now;
}

void ImageStore::tag(const Reference& name, const Digest& id) {
  const std::string stored = stored_name(name);
  // It could not be read again, and with it none of the others.
  if (!is_name(kept_name(name))) throw Error(quoted(stored) + " is no name for an image");
  Transaction transaction(database_);
  const auto exists = [&](std::string_view sql) {
    Query query(database_, sql);
    return query.bind(id).step();
  };
  const bool index = exists("SELECT 1 FROM indexes WHERE id = ?");
  if (!index && !exists("SELECT 1 FROM images WHERE id = ?"))
    throw Error("there is no image " + id.text());
  Query(database_, "DELETE FROM tags WHERE name = ?").bind(stored).run();
  Query(database_, "DELETE FROM index_tags WHERE name = ?").bind(stored).run();
  Query(database_, index ? "INSERT INTO index_tags (name, id, tagged) VALUES (?, ?, ?)"
                         : "INSERT INTO tags (name, image, tagged) VALUES (?, ?, ?)")
      .bind(stored)
      .bind(id)
      .bind(std::int64_t{std::time(nullptr)})
      .run();
  transaction.commit();
}

std::optional<Digest> ImageStore::untag(const Reference& name) {
  Transaction transaction(database_);
  const std::optional<Digest> id = tagged(name);
  if (id) untag(name, *id);
  transaction.commit();
  return id;
}

bool ImageStore::untag(const Reference& name, const Digest& id) {
  const std::string stored = stored_name(name);
  Transaction transaction(database_);
  std::int64_t gone = 0;
  for (const std::string_view sql :
       {std::string_view("DELETE FROM tags WHERE name = ? AND image = ?"),
        std::string_view("DELETE FROM index_tags WHERE name = ? AND id = ?")}) {
    Query(database_, sql).bind(stored).bind(id).run();
    gone += database_.changes();
  }
  transaction.commit();
  return gone > 0;
}

std::optional<Digest> ImageStore::tagged(const Reference& name) const {
  Query query(database_,
              "SELECT image FROM tags WHERE name = ?1 UNION ALL "
              "SELECT id FROM index_tags WHERE name = ?1");
  if (!query.bind(stored_name(name)).step()) return std::nullopt;
  return query.digest(0);
}

std::optional<Digest> ImageStore::id_of(const Reference& name) const {
  std::optional<Digest> id = tagged(name);
  if (id || !name.digest) return id;
  // What the name's repository calls an image that came, or went there, under a tag. An index
  // stands for its images.
  Query query(database_,
              "SELECT id FROM image_digests WHERE repository = ? AND digest = ? "
              "ORDER BY id IN (SELECT id FROM indexes) DESC LIMIT 1");
  if (query.bind(name.domain + "/" + name.repository).bind(*name.digest).step())
    id = query.digest(0);
  return id;
}

std::vector<Reference> ImageStore::names(const Digest& id) const {
  std::vector<Reference> names;
  Query query(database_,
              "SELECT name FROM tags WHERE image = ?1 UNION ALL "
              "SELECT name FROM index_tags WHERE id = ?1 ORDER BY name");
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
    Query query(database_,
                "SELECT id FROM images WHERE id BETWEEN ?1 AND ?2 UNION ALL "
                "SELECT id FROM indexes WHERE id BETWEEN ?1 AND ?2 LIMIT 5");
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
  Query query(database_, "SELECT name FROM tags UNION ALL SELECT name FROM index_tags");
  while (query.step()) candidates.push_back(parse_reference(query.text(0)).familiar());
  NoSuchImage error("there is no image " + quoted(name_or_id) + " in the store");
  error.hint(did_you_mean(name_or_id, candidates, "`slipway images` lists those there are"));
  throw error;
}

std::int64_t ImageStore::last_tagged(const Digest& id) const {
  Query query(database_,
              "SELECT max(tagged) FROM (SELECT tagged FROM tags WHERE image = ?1 UNION ALL "
              "SELECT tagged FROM index_tags WHERE id = ?1)");
  return query.bind(id).step() ? query.integer(0) : 0;
}

}  // namespace slipway
