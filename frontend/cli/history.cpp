// slipway history: the steps an image was made of, as `docker history` prints them.
#include "command.hpp"
#include "image_path.hpp"
#include "print.hpp"
#include "rows.hpp"
#include "table.hpp"

#include <cache/images/time.hpp>
#include <cache/store.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

constexpr std::size_t longest_step = 45;  // characters of CREATED BY, without --no-trunc

struct Request {
  std::string image;
  bool human = true;
  bool no_trunc = false;
  bool quiet = false;
  std::string format;
  std::string platform;
};

struct Row {
  std::string id;
  std::int64_t created = 0;
  std::string created_by;
  std::uint64_t size = 0;
  std::string comment;
};

// Newest first. Layers that the history does not tell of stand at the bottom, as a base has them.
std::vector<Row> rows_of(const Image& image, bool no_trunc) {
  std::vector<Row> rows;
  const auto told = static_cast<std::size_t>(
      std::count_if(image.config.history.begin(), image.config.history.end(),
                    [](const HistoryEntry& entry) { return !entry.empty_layer; }));
  const std::size_t layers = image.layers.size();
  std::size_t layer = layers - std::min(told, layers);
  for (std::size_t i = 0; i < layer; ++i)
    rows.push_back({"<missing>", 0, "", image.layers[i].size, ""});
  for (const HistoryEntry& entry : image.config.history) {
    // A tab would begin a column.
    std::string step = entry.created_by;
    std::replace(step.begin(), step.end(), '\t', ' ');
    Row row{"<missing>", parse_time(entry.created).value_or(0), std::move(step), 0, entry.comment};
    if (!entry.empty_layer && layer < layers) row.size = image.layers[layer++].size;
    rows.push_back(std::move(row));
  }
  if (!rows.empty()) rows.back().id = no_trunc ? image.id.text() : short_id(image.id);
  std::reverse(rows.begin(), rows.end());
  if (!no_trunc)
    for (Row& row : rows) row.created_by = shortened(row.created_by, longest_step);
  return rows;
}

// docker's: a time before that is no date that an image was made at.
constexpr std::int64_t year_2000 = 946684800;

int history(const Request& request, const std::filesystem::path& root) {
  const std::string standard = request.quiet
                                   ? "{{.ID}}"
                                   : std::string("table {{.ID}}\t{{") +
                                         (request.human ? ".CreatedSince" : ".CreatedAt") +
                                         "}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";
  Rows rows(request.format, standard,
            {{"ID", "IMAGE"},
             {"CreatedSince", "CREATED"},
             {"CreatedAt", "CREATED AT"},
             {"CreatedBy", "CREATED BY"},
             {"Size", "SIZE"},
             {"Comment", "COMMENT"}});
  Store store(root);
  const std::int64_t now = std::time(nullptr);
  for (const Row& row :
       rows_of(image_named(store, request.image, request.platform), request.no_trunc)) {
    const std::string at = row.created == 0 ? "N/A" : local_time_text(row.created);
    const std::string since = row.created <= year_2000 ? "N/A" : age_text(row.created, now);
    rows.add(
        make_record({{"Comment", row.comment},
                     {"CreatedAt", at},
                     {"CreatedBy", row.created_by},
                     {"CreatedSince", request.human ? since : at},
                     {"ID", row.id},
                     {"Size", request.human ? size_text(row.size) : std::to_string(row.size)}}));
  }
  print(rows.text());
  return 0;
}

}  // namespace

std::function<int()> declare_history(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description("Shows the steps an image was made of, newest first.");
  app.add_option("image", request->image, "a name, an ID or the beginning of one")
      ->required()
      ->type_name("IMAGE");
  app.add_flag("-H,--human", request->human,
               "sizes and ages for people; --human=false: exact ones");
  app.add_flag("--no-trunc", request->no_trunc, "show steps and IDs whole");
  app.add_flag("-q,--quiet", request->quiet, "show IDs only");
  add_format_flag(app, request->format);
  app.add_option("--platform", request->platform, "of an image of several platforms, this one's")
      ->type_name("OS/ARCH");
  app.footer(R"(
Examples:
  slipway history app
  slipway history --no-trunc --format json app | jq -r .CreatedBy
  slipway history --format '{{.Size}} {{.CreatedBy}}' app

Fields: ID, CreatedSince, CreatedAt, CreatedBy, Size, Comment.
)");
  return [request, &globals] { return history(*request, globals.root); };
}

}  // namespace slipway
