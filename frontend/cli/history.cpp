// slipway history: the steps an image was made of, as `docker history` prints them.
#include "command.hpp"
#include "print.hpp"
#include "table.hpp"

#include <cache/images/time.hpp>
#include <cache/store.hpp>
#include <ir/printable.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string>
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
};

struct Row {
  std::string id;
  std::int64_t created = 0;
  std::string created_by;
  std::uint64_t size = 0;
  std::string comment;
};

// Cut at a whole UTF-8 character, as docker with an ellipsis in the last place.
std::string shortened(const std::string& text) {
  std::size_t characters = 0;
  std::size_t cut = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (characters == longest_step - 1) cut = i;
    if (++characters > longest_step) return text.substr(0, cut) + "…";
  }
  return text;
}

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
    Row row{"<missing>", parse_time(entry.created).value_or(0), printable(entry.created_by), 0,
            printable(entry.comment)};
    if (!entry.empty_layer && layer < layers) row.size = image.layers[layer++].size;
    rows.push_back(std::move(row));
  }
  if (!rows.empty()) rows.back().id = no_trunc ? image.id.text() : short_id(image.id);
  std::reverse(rows.begin(), rows.end());
  if (!no_trunc)
    for (Row& row : rows) row.created_by = shortened(row.created_by);
  return rows;
}

int history(const Request& request, const std::filesystem::path& root) {
  const bool json = wants_json(request.format);
  Store store(root);
  const std::vector<Row> rows = rows_of(store.images().get(request.image), request.no_trunc);
  const std::int64_t now = std::time(nullptr);
  const auto created = [](const Row& row) {
    return row.created == 0 ? std::string("N/A") : time_text(row.created);
  };
  const auto size = [&](const Row& row) {
    return request.human ? size_text(row.size) : std::to_string(row.size);
  };
  std::string text;
  std::vector<std::vector<std::string>> cells = {
      {"IMAGE", request.human ? "CREATED" : "CREATED AT", "CREATED BY", "SIZE", "COMMENT"}};
  for (const Row& row : rows) {
    if (request.quiet) {
      text += row.id + "\n";
    } else if (json) {
      nlohmann::ordered_json line;
      line["Comment"] = row.comment;
      line["CreatedAt"] = created(row);
      line["CreatedBy"] = row.created_by;
      line["CreatedSince"] = age_text(row.created, now);
      line["ID"] = row.id;
      line["Size"] = size(row);
      text += line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    } else {
      cells.push_back({row.id, request.human ? age_text(row.created, now) : created(row),
                       row.created_by, size(row), row.comment});
    }
  }
  print(request.quiet || json ? text : table(cells));
  return 0;
}

}  // namespace

std::function<int()> declare_history(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description("Shows the steps an image was made of, newest first.");
  app.add_option("image", request->image, "a name, an ID or the beginning of one")
      ->required()
      ->type_name("IMAGE");
  app.add_flag("-H,--human", request->human, "sizes and ages for people; --human=false: exact ones");
  app.add_flag("--no-trunc", request->no_trunc, "show steps and IDs whole");
  app.add_flag("-q,--quiet", request->quiet, "show IDs only");
  app.add_option("--format", request->format, "json: an object a line")->type_name("FORMAT");
  app.footer(R"(
Examples:
  slipway history app
  slipway history --no-trunc --format json app | jq -r .CreatedBy
)");
  return [request, &globals] { return history(*request, globals.root); };
}

}  // namespace slipway
