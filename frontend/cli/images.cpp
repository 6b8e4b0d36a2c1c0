// slipway images: the table of images, as `docker images` prints it.
#include "command.hpp"
#include "image_tree.hpp"
#include "print.hpp"
#include "rows.hpp"
#include "table.hpp"

#include <cache/images/facts.hpp>
#include <cache/images/filter.hpp>
#include <cache/store.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace slipway {
namespace {

constexpr std::string_view none = "<none>";

struct Request {
  std::string name;  // only images of this repository, or repository and tag; a pattern
  bool all = false;
  bool quiet = false;
  bool digests = false;
  bool no_trunc = false;
  bool tree = false;
  std::vector<std::string> filters;
  std::string format;
};

struct Name {
  std::string repository{none};
  std::string tag{none};
  std::string digest{none};
};

// REPOSITORY as docker shows it: the name without tag and digest.
std::string familiar_repository(Reference name) {
  name.tag.clear();
  name.digest.reset();
  return name.familiar();
}

// A row a tag, and where digests are shown a row for each; digests of a repository that has no tag
// are rows of their own. `all_digests`: every digest, else one of a repository.
std::vector<Name> rows_of(const std::vector<Reference>& names,
                          const std::vector<Reference>& digests, bool all_digests) {
  std::map<std::string, std::vector<std::string>> known;
  for (const auto* list : {&names, &digests})
    for (const Reference& name : *list) {
      if (!name.digest) continue;
      std::vector<std::string>& of_repository = known[familiar_repository(name)];
      const std::string digest = name.digest->text();
      const bool more = of_repository.empty() || all_digests;
      if (more &&
          std::find(of_repository.begin(), of_repository.end(), digest) == of_repository.end())
        of_repository.push_back(digest);
    }
  std::vector<Name> rows;
  std::vector<std::string> tagged;
  for (const Reference& name : names) {
    if (name.tag.empty()) continue;
    const std::string repository = familiar_repository(name);
    tagged.push_back(repository);
    const auto found = known.find(repository);
    if (found == known.end()) {
      rows.push_back({repository, name.tag, std::string(none)});
      continue;
    }
    for (const std::string& digest : found->second) rows.push_back({repository, name.tag, digest});
  }
  for (const Reference& name : names) {
    if (!name.digest) continue;
    const std::string repository = familiar_repository(name);
    if (std::find(tagged.begin(), tagged.end(), repository) != tagged.end()) continue;
    tagged.push_back(repository);
    for (const std::string& digest : known[repository])
      rows.push_back({repository, std::string(none), digest});
  }
  if (rows.empty()) rows.emplace_back();
  return rows;
}

std::string standard_format(const Request& request) {
  if (request.quiet) return "{{.ID}}";
  return std::string("table {{.Repository}}\t{{.Tag}}") + (request.digests ? "\t{{.Digest}}" : "") +
         "\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
}

// docker's third format, for programs from before there was JSON.
std::string raw_format(const Request& request) {
  if (request.quiet) return "image_id: {{.ID}}";
  return std::string("repository: {{.Repository}}\ntag: {{.Tag}}\n") +
         (request.digests ? "digest: {{.Digest}}\n" : "") +
         "image_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n";
}

std::string wanted_format(const Request& request) {
  if (request.format == "raw") return raw_format(request);
  const bool lacks = request.digests && request.format.starts_with("table ") &&
                     request.format.find("{{.Digest}}") == std::string::npos;
  return lacks ? request.format + "\t{{.Digest}}" : request.format;
}

void refuse_with_tree(const Request& request) {
  for (const auto& [given, flag] :
       {std::pair(request.quiet, "--quiet"), std::pair(request.no_trunc, "--no-trunc"),
        std::pair(request.digests, "--digests"), std::pair(!request.format.empty(), "--format")})
    if (given) throw Error(std::string(flag) + " cannot be given with --tree");
}

// A digest stays beside a tag of its repository that is meant.
void keep_meant(std::vector<Reference>& names, const ImageFilter& filter) {
  std::vector<std::string> repositories;
  for (const Reference& name : names)
    if (!name.digest && filter.matches(name)) repositories.push_back(familiar_repository(name));
  std::erase_if(names, [&](const Reference& name) {
    const bool beside = name.digest && std::find(repositories.begin(), repositories.end(),
                                                 familiar_repository(name)) != repositories.end();
    return !beside && !filter.matches(name);
  });
}

// The images that are meant, with the names that are.
std::vector<ImageSummary> wanted_images(const Request& request, const ImageStore& images,
                                        std::int64_t now) {
  std::vector<std::string> filters = request.filters;
  if (!request.name.empty()) filters.push_back("reference=" + request.name);
  const ImageFilter filter(filters, {"dangling", "label", "before", "since", "until", "reference"},
                           images, now);
  const bool hidden = !request.all && !filter.dangling().value_or(false);
  std::vector<ImageSummary> wanted;
  for (ImageSummary& image : images.list()) {
    if (hidden && image.names.empty()) continue;
    if (!filter.matches(image, images)) continue;
    if (filter.has_references()) {
      keep_meant(image.names, filter);
      if (image.names.empty()) continue;
    }
    wanted.push_back(std::move(image));
  }
  return wanted;
}

// `slipway images ls` asks for an image that is called "ls", and hardly means it.
void hint_at_group(const std::string& name) {
  for (const char* word : {"build", "history", "import", "inspect", "list", "load", "ls", "prune",
                           "pull", "push", "rm", "save", "tag"})
    if (name == word)
      std::fprintf(stderr, "hint: no image is called %s; did you mean \"slipway image %s\"?\n",
                   word, word);
}

int list_images(const Request& request, const std::filesystem::path& root) {
  if (request.tree) refuse_with_tree(request);
  Rows rows(wanted_format(request), standard_format(request),
            {{"ID", "IMAGE ID"},
             {"Repository", "REPOSITORY"},
             {"Tag", "TAG"},
             {"Digest", "DIGEST"},
             {"CreatedSince", "CREATED"},
             {"CreatedAt", "CREATED AT"},
             {"Size", "SIZE"},
             {"Containers", "CONTAINERS"},
             {"SharedSize", "SHARED SIZE"},
             {"UniqueSize", "UNIQUE SIZE"}});
  Store store(root);
  const std::int64_t now = std::time(nullptr);
  const std::vector<ImageSummary> images = wanted_images(request, store.images(), now);
  if (images.empty()) hint_at_group(request.name);
  if (request.tree) {
    print(image_tree(images, store.images()));
    return 0;
  }
  std::map<Digest, std::vector<Reference>> digests;
  if (request.digests || rows.mentions("Digest")) digests = store.image_facts().digests();
  const bool all_digests = request.digests || !rows.is_json();
  const bool tells_time = rows.mentions("CreatedAt");
  for (const ImageSummary& image : images) {
    const auto known = digests.find(image.id);
    const std::vector<Name> names =
        rows_of(image.names, known == digests.end() ? std::vector<Reference>() : known->second,
                all_digests && (request.digests || rows.mentions("Digest")));
    for (const Name& name : names)
      rows.add(make_record({{"Containers", "N/A"},
                            {"CreatedAt", !tells_time          ? ""
                                          : image.created == 0 ? "N/A"
                                                               : go_time_text(image.created)},
                            {"CreatedSince", age_text(image.created, now)},
                            {"Digest", name.digest},
                            {"ID", request.no_trunc ? image.id.text() : short_id(image.id)},
                            {"Repository", name.repository},
                            {"SharedSize", "N/A"},
                            {"Size", size_text(image.size)},
                            {"Tag", name.tag},
                            {"UniqueSize", "N/A"}}));
  }
  print(rows.text());
  return 0;
}

}  // namespace

std::function<int()> declare_images(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description("Lists the images in the store, newest first.");
  app.add_option("name", request->name,
                 "only this repository, or this one name; * ? and [] are patterns")
      ->type_name("REPOSITORY[:TAG]");
  app.add_flag("-a,--all", request->all, "also those without a name");
  app.add_flag("--digests", request->digests, "show the digests that registries call images by");
  add_filter_flag(app, request->filters,
                  "dangling=true|false, label=KEY[=VALUE], before=IMAGE, since=IMAGE, until=TIME, "
                  "reference=PATTERN");
  add_format_flag(app, request->format);
  app.add_flag("--no-trunc", request->no_trunc, "show IDs whole");
  app.add_flag("-q,--quiet", request->quiet, "show IDs only");
  app.add_flag("--tree", request->tree, "show the platforms of each image");
  app.footer(R"(
Examples:
  slipway images                       all that have a name
  slipway images debian                every tag of debian
  slipway images --filter dangling=true
  slipway images --filter 'reference=*/team/*:1.*' --filter label=release
  slipway rmi $(slipway images -q app) remove what app names
  slipway images --format 'table {{.ID}}\t{{.Repository}}:{{.Tag}}'
  slipway images --format json | jq -r 'select(.Tag == "latest").Repository'

Fields: ID, Repository, Tag, Digest, CreatedSince, CreatedAt, Size.
)");
  return [request, &globals] { return list_images(*request, globals.root); };
}

}  // namespace slipway
