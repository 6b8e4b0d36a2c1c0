#include <cache/images/removal.hpp>

#include <cache/containers/store.hpp>
#include <cache/images/facts.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace slipway {
namespace {

bool same_repository(const Reference& a, const Reference& b) {
  return a.domain == b.domain && a.repository == b.repository;
}

std::string short_text(const Digest& id) {
  return id.hex().substr(0, 12);
}

Error gone(std::string_view what) {
  return Error("the image " + quoted(what) + " has just been removed by another process");
}

// Takes a name away, if the image still has it. With the last name of a repository goes what that
// repository calls the image.
void untag(ImageStore& images, ImageFacts& facts, const Digest& id, const Reference& name,
           RemovedImages& removed) {
  if (!images.untag(name, id)) return;
  removed.untagged.push_back(name);
  const std::vector<Reference> rest = images.names(id);
  const auto same = [&](const Reference& other) { return same_repository(other, name); };
  if (std::any_of(rest.begin(), rest.end(), same)) return;
  for (const Reference& digest : facts.forget_digests(id, name))
    if (digest != name && std::find(removed.untagged.begin(), removed.untagged.end(), digest) ==
                              removed.untagged.end())
      removed.untagged.push_back(digest);
}

// What the user means, if it is a name and no ID: with a digest the tag beside it does not count.
std::optional<Reference> name_of(std::string_view text) {
  try {
    Reference name = parse_reference(text);
    if (name.digest) name.tag.clear();
    return name;
  } catch (const Error&) {
    return std::nullopt;  // it was resolved, so it is an ID
  }
}

// An image that several people may know by several names is not removed by its ID alone.
bool has_one_name(const std::vector<Reference>& names) {
  std::set<std::string> repositories;
  std::size_t tags = 0;
  for (const Reference& name : names) {
    repositories.insert(name.domain + "/" + name.repository);
    if (!name.digest) ++tags;
  }
  return repositories.size() <= 1 && tags <= 1;
}

// Containers that are in the way of removing it.
class InTheWay {
 public:
  InTheWay(const ImageUsers& users, const Digest& id) : id_(id) {
    if (users) users_ = users(id);
  }

  const ImageUser* any() const { return users_.empty() ? nullptr : &users_.front(); }
  const ImageUser* running() const {
    const auto found = std::find_if(users_.begin(), users_.end(),
                                    [](const ImageUser& user) { return user.running; });
    return found == users_.end() ? nullptr : &*found;
  }

  // The last name of an image. Docker's words, here and below, for programs that look for them.
  void refuse_name(std::string_view name) const {
    if (const ImageUser* user = any())
      throw Error("conflict: unable to remove repository reference " + quoted(name) +
                  " (must force) - container " + user->container.substr(0, 12) +
                  " is using its referenced image " + short_text(id_))
          .hint("remove the container first, or the image's name with --force");
  }
  void refuse_running() const {
    if (const ImageUser* user = running())
      throw Error("conflict: unable to delete " + short_text(id_) +
                  " (cannot be forced) - image is being used by running container " +
                  user->container.substr(0, 12))
          .hint("stop the container first");
  }
  void refuse_stopped() const {
    if (const ImageUser* user = any())
      throw Error("conflict: unable to delete " + short_text(id_) +
                  " (must be forced) - image is being used by stopped container " +
                  user->container.substr(0, 12))
          .hint(
              "remove the container first, or the image with --force: the container keeps its "
              "files");
  }

 private:
  Digest id_;
  std::vector<ImageUser> users_;
};

// With its last name, unless a container has it that runs.
void remove_nameless(ImageStore& images, const Digest& id, const InTheWay& containers,
                     RemovedImages& removed) {
  if (containers.running() == nullptr && images.remove_unnamed(id)) removed.deleted.push_back(id);
}

void remove_by_name(ImageStore& images, ImageFacts& facts, const Digest& id, const Reference& name,
                    const InTheWay& containers, RemovedImages& removed) {
  untag(images, facts, id, name, removed);
  const std::vector<Reference> rest = images.names(id);
  const bool tagged = std::any_of(rest.begin(), rest.end(), [&](const Reference& other) {
    return !other.digest || !same_repository(other, name);
  });
  if (tagged) return;
  // Only digests of the same repository are left: they came with the tag, and go with it.
  for (const Reference& other : rest) untag(images, facts, id, other, removed);
  remove_nameless(images, id, containers, removed);
}

void remove_by_digest(ImageStore& images, ImageFacts& facts, const Digest& id,
                      const Reference& name, const InTheWay& containers, RemovedImages& removed) {
  for (const Reference& other : images.names(id))
    if (same_repository(other, name)) untag(images, facts, id, other, removed);
  remove_nameless(images, id, containers, removed);
}

void remove_by_id(ImageStore& images, ImageFacts& facts, const Digest& id, bool force,
                  const InTheWay& containers, RemovedImages& removed) {
  const std::vector<Reference> names = images.names(id);
  containers.refuse_running();
  if (!force && !has_one_name(names)) {
    std::string list;
    for (const Reference& name : names) list += name.familiar() + "\n";
    throw Error("the image " + short_text(id) + " has several names")
        .hint("remove them by name, or all with --force")
        .detail(list);
  }
  if (!force) containers.refuse_stopped();
  for (const Reference& name : names) untag(images, facts, id, name, removed);
  if (images.remove_unnamed(id)) {
    removed.deleted.push_back(id);
  } else if (names.empty() && images.configs(id).empty()) {
    throw gone(short_text(id));
  } else if (names.empty()) {
    throw Error("the image " + short_text(id) + " belongs to an image of several platforms")
        .hint("remove that one, or this platform of it with --platform");
  }
}

}  // namespace

ImageUsers users_among(const ContainerStore& containers) {
  return [&containers](const Digest& id) {
    std::vector<ImageUser> users;
    for (std::string& container : containers.users(id)) {
      const bool running = containers.state(container).alive();
      users.push_back({std::move(container), running});
    }
    return users;
  };
}

RemovedImages remove_image(ImageStore& images, ImageFacts& facts, std::string_view name_or_id,
                           bool force, const ImageUsers& users) {
  RemovedImages removed;
  const Digest id = images.resolve(name_or_id);
  const std::optional<Reference> name = name_of(name_or_id);
  const std::vector<Reference> names = images.names(id);
  const InTheWay containers(users, id);
  if (name && std::find(names.begin(), names.end(), *name) != names.end()) {
    if (!force && has_one_name(names)) containers.refuse_name(name_or_id);
    remove_by_name(images, facts, id, *name, containers, removed);
    return removed;
  }
  if (name && name->digest) {
    const std::vector<Reference> digests = facts.digests(id);
    if (std::find(digests.begin(), digests.end(), *name) == digests.end()) throw gone(name_or_id);
    if (!force && has_one_name(names)) containers.refuse_name(name_or_id);
    remove_by_digest(images, facts, id, *name, containers, removed);
    return removed;
  }
  // A name that has gone since it was looked up is no reason to remove what it was given to.
  const std::string_view digits =
      name_or_id.starts_with("sha256:") ? name_or_id.substr(7) : name_or_id;
  if (!id.hex().starts_with(digits)) throw gone(name_or_id);
  remove_by_id(images, facts, id, force, containers, removed);
  return removed;
}

RemovedImages remove_platforms(ImageStore& images, ImageFacts& facts, std::string_view name_or_id,
                               const std::vector<Platform>& platforms, const ImageUsers& users) {
  RemovedImages removed;
  for (const Platform& platform : platforms) {
    const Digest id = images.resolve(name_or_id);
    const std::optional<Image> image = images.find(id, platform);
    if (!image)
      throw Error("the image " + quoted(name_or_id) + " is not there for " + platform.text())
          .hint("`slipway images --tree` shows the platforms");
    InTheWay(users, image->id).refuse_running();
    const std::optional<StoredIndex> index = images.find_index(id);
    if (index && index->images.size() > 1) {
      images.take_out(image->id);
      removed.deleted.push_back(image->id);
      continue;
    }
    for (const Reference& name : images.names(id)) untag(images, facts, id, name, removed);
    if (images.remove_unnamed(id)) removed.deleted.push_back(id);
    // The next one has nothing left to be looked for in.
    if (&platform != &platforms.back())
      throw Error("the image " + quoted(name_or_id) + " had no other platform than " +
                  platform.text());
  }
  return removed;
}

RemovedImages prune_images(ImageStore& images, ImageFacts& facts, const ImageFilter& filter,
                           bool all, const ImageUsers& users) {
  RemovedImages removed;
  for (const ImageSummary& image : images.list()) {
    if (!all && !image.names.empty()) continue;
    if (!filter.matches(image, images) || InTheWay(users, image.id).any() != nullptr) continue;
    for (const Reference& name : image.names) untag(images, facts, image.id, name, removed);
    // Refused where somebody has given it a name meanwhile.
    if (images.remove_unnamed(image.id)) removed.deleted.push_back(image.id);
  }
  return removed;
}

}  // namespace slipway
