// slipway images: the table of images, as `docker images` prints it.
#include "command.hpp"
#include "print.hpp"
#include "table.hpp"

#include <cache/store.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <ctime>
#include <memory>
#include <string>
#include <vector>

namespace slipway {
namespace {

constexpr std::string_view none = "<none>";

struct Request {
  std::string name;  // only images of this repository, or repository and tag
  bool all = false;  // docker's flag; slipway has no intermediate images to hide
  bool quiet = false;
  bool digests = false;
  bool no_trunc = false;
  std::string format;
};

struct Row {
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

// A row a tag. A digest stands beside the tags of its repository, or in a row of its own where
// there is none.
std::vector<Row> rows_of(const ImageSummary& image, bool digests) {
  std::vector<Row> rows;
  for (const Reference& name : image.names)
    if (!name.tag.empty()) rows.push_back({familiar_repository(name), name.tag, std::string(none)});
  for (const Reference& name : image.names) {
    if (!name.digest) continue;
    const std::string repository = familiar_repository(name);
    bool placed = false;
    for (Row& row : rows) {
      if (row.repository != repository || row.tag == none) continue;
      row.digest = name.digest->text();
      placed = true;
    }
    if (placed) continue;
    // Without --digests, a second digest of a repository would repeat the same row.
    const bool repeats = !digests && !rows.empty() && rows.back().repository == repository;
    if (!repeats) rows.push_back({repository, std::string(none), name.digest->text()});
  }
  if (rows.empty()) rows.emplace_back();
  return rows;
}

class Filter {
 public:
  explicit Filter(const std::string& name) {
    if (name.empty()) return;
    const Reference wanted = parse_reference(name);
    repository_ = familiar_repository(wanted);
    digest_ = wanted.digest;
    // "debian" means all of its tags, "debian:latest" only the one.
    if (name.find(':', name.rfind('/') == name.npos ? 0 : name.rfind('/')) != name.npos)
      tag_ = wanted.tag;
  }
  bool matches(const Row& row) const {
    return (repository_.empty() || row.repository == repository_) &&
           (tag_.empty() || row.tag == tag_) && (!digest_ || row.digest == digest_->text());
  }

 private:
  std::string repository_;  // empty: any
  std::string tag_;
  std::optional<Digest> digest_;
};

std::string json_line(const ImageSummary& image, const Row& row, const std::string& id,
                      std::int64_t now) {
  nlohmann::ordered_json line;
  line["Containers"] = "N/A";
  line["CreatedAt"] = image.created == 0 ? "N/A" : time_text(image.created);
  line["CreatedSince"] = age_text(image.created, now);
  line["Digest"] = row.digest;
  line["ID"] = id;
  line["Repository"] = row.repository;
  line["SharedSize"] = "N/A";
  line["Size"] = size_text(image.size);
  line["Tag"] = row.tag;
  line["UniqueSize"] = "N/A";
  return line.dump() + "\n";
}

int list_images(const Request& request, const std::filesystem::path& root) {
  const bool json = wants_json(request.format);
  const Filter filter(request.name);
  Store store(root);
  const std::int64_t now = std::time(nullptr);
  std::vector<std::vector<std::string>> cells;
  std::vector<std::string> heading = {"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"};
  if (request.digests) heading.insert(heading.begin() + 2, "DIGEST");
  cells.push_back(std::move(heading));
  std::string text;
  for (const ImageSummary& image : store.images().list()) {
    const std::string id = request.no_trunc ? image.id.text() : short_id(image.id);
    for (const Row& row : rows_of(image, request.digests)) {
      if (!filter.matches(row)) continue;
      if (request.quiet) {
        text += id + "\n";
      } else if (json) {
        text += json_line(image, row, id, now);
      } else {
        cells.push_back({row.repository, row.tag, id, age_text(image.created, now),
                         size_text(image.size)});
        if (request.digests) cells.back().insert(cells.back().begin() + 2, row.digest);
      }
    }
  }
  print(request.quiet || json ? text : table(cells));
  return 0;
}

}  // namespace

std::function<int()> declare_images(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description("Lists the images in the store, newest first.");
  app.add_option("name", request->name, "only this repository, or this one name")
      ->type_name("REPOSITORY[:TAG]");
  app.add_flag("-a,--all", request->all, "accepted as docker's; every image is shown anyway");
  app.add_flag("--digests", request->digests, "show the digests images were pulled by");
  app.add_flag("--no-trunc", request->no_trunc, "show IDs whole");
  app.add_flag("-q,--quiet", request->quiet, "show IDs only");
  app.add_option("--format", request->format, "json: an object a line")->type_name("FORMAT");
  app.footer(R"(
Examples:
  slipway images                       all of them
  slipway images debian                every tag of debian
  slipway rmi $(slipway images -q app) remove what app names
  slipway images --format json | jq -r 'select(.Tag == "latest").Repository'
)");
  return [request, &globals] { return list_images(*request, globals.root); };
}

}  // namespace slipway
