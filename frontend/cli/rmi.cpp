// slipway rmi: takes names away, and images that have no other. Docker's rules and lines.
#include "command.hpp"
#include "print.hpp"

#include <cache/store.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace slipway {
namespace {

struct Request {
  std::vector<std::string> images;
  bool force = false;
  bool no_prune = false;  // docker's flag; slipway has no untagged parents to delete with an image
};

void untag(ImageStore& images, const Reference& name) {
  if (images.untag(name)) print("Untagged: " + name.familiar() + "\n");
}

// The stored name the user means, if it is one: with a digest the tag beside it does not count.
std::optional<Reference> name_in(const std::vector<Reference>& names, const std::string& text) {
  std::optional<Reference> wanted;
  try {
    wanted = parse_reference(text);
  } catch (const Error&) {
    return std::nullopt;  // it was resolved, so it is an ID
  }
  if (wanted->digest) wanted->tag.clear();
  if (std::find(names.begin(), names.end(), *wanted) == names.end()) return std::nullopt;
  return wanted;
}

void remove_by_name(ImageStore& images, const Digest& id, const Reference& name) {
  untag(images, name);
  const std::vector<Reference> rest = images.names(id);
  const bool tagged = std::any_of(rest.begin(), rest.end(), [&](const Reference& other) {
    return !other.digest || other.domain != name.domain || other.repository != name.repository;
  });
  if (tagged) return;
  // Only digests of the same repository are left: they came with the tag, and go with it.
  for (const Reference& other : rest) untag(images, other);
  if (images.remove_unnamed(id)) print("Deleted: " + id.text() + "\n");
}

// A name that has gone since it was looked up is no reason to remove what it was given to.
void require_id(const Digest& id, const std::string& text) {
  const std::string digits = text.starts_with("sha256:") ? text.substr(7) : text;
  if (id.hex().starts_with(digits)) return;
  throw Error("the image " + quoted(text) + " has just been removed by another process");
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

void remove_by_id(ImageStore& images, const Digest& id, bool force) {
  const std::vector<Reference> names = images.names(id);
  if (!force && !has_one_name(names)) {
    std::string list;
    for (const Reference& name : names) list += name.familiar() + "\n";
    throw Error("the image " + short_id(id) + " has several names")
        .hint("remove them by name, or all with --force")
        .detail(list);
  }
  for (const Reference& name : names) untag(images, name);
  if (images.remove_unnamed(id)) {
    print("Deleted: " + id.text() + "\n");
  } else if (names.empty() && !images.find(id)) {
    throw Error("the image " + short_id(id) + " has just been removed by another process");
  } else if (names.empty()) {
    throw Error("the image " + short_id(id) + " belongs to an image of several platforms")
        .hint("remove that one");
  }
}

int remove_images(const Request& request, const std::filesystem::path& root) {
  Store store(root);
  ImageStore& images = store.images();
  // As docker: each one is tried, and the failures are told at the end.
  std::vector<Diagnostic> failures;
  for (const std::string& text : request.images) {
    try {
      const Digest id = images.resolve(text);
      const std::optional<Reference> name = name_in(images.names(id), text);
      if (name) {
        remove_by_name(images, id, *name);
      } else {
        require_id(id, text);
        remove_by_id(images, id, request.force);
      }
    } catch (const Error& error) {
      failures.insert(failures.end(), error.diagnostics().begin(), error.diagnostics().end());
    }
  }
  if (failures.empty()) return 0;
  std::fflush(stdout);
  throw Error(std::move(failures));
}

}  // namespace

std::function<int()> declare_rmi(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description(
      "Removes names, and images that have no other name. Their layers stay as long as the cache "
      "or other images use them.");
  app.add_option("image", request->images, "names, IDs or beginnings of IDs")
      ->required()
      ->type_name("IMAGE...");
  app.add_flag("-f,--force", request->force, "with an ID: also an image that has several names");
  app.add_flag("--no-prune", request->no_prune, "accepted as docker's; there are no parents here");
  app.footer(R"(
Examples:
  slipway rmi app:old                 the name, and the image if that was its last one
  slipway rmi -f 3f2a9c1d             the image with all its names
)");
  return [request, &globals] { return remove_images(*request, globals.root); };
}

}  // namespace slipway
