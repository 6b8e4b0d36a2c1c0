// slipway ps: the table of containers, as `docker ps` prints it.
#include "../command.hpp"
#include "../owned_store.hpp"
#include "../print.hpp"
#include "../rows.hpp"
#include "../table.hpp"
#include "container_filter.hpp"
#include "listed.hpp"

#include <executor/containers/container_tree.hpp>

#include <CLI/CLI.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway {
namespace {

struct Request {
  bool all = false;
  bool quiet = false;
  bool latest = false;
  bool no_trunc = false;
  bool size = false;
  int last = -1;
  std::vector<std::string> filters;
  std::string format;
};

std::string standard_format(const Request& request) {
  if (request.quiet) return "{{.ID}}";
  return std::string(
             "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t"
             "{{.Names}}") +
         (request.size ? "\t{{.Size}}" : "");
}

// docker's third format, for programs from before there was JSON.
std::string raw_format(const Request& request) {
  if (request.quiet) return "container_id: {{.ID}}";
  return std::string(
             "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\n"
             "created_at: {{.CreatedAt}}\nstate: {{.State}}\nstatus: {{.Status}}\n"
             "names: {{.Names}}\nlabels: {{.Labels}}\nports: {{.Ports}}\n") +
         (request.size ? "size: {{.Size}}\n" : "");
}

std::string wanted_format(const Request& request) {
  if (request.format == "raw") return raw_format(request);
  if (request.quiet && (request.format.empty() || request.format == "table")) return {};
  return request.format;
}

// As docker writes a text into a column: in quotes, what no line may hold escaped.
std::string quoted_command(const ContainerConfig& config, bool whole) {
  constexpr std::size_t places = 20;
  const std::string text = command_text(config);
  return "\"" + [&] {
    std::string escaped;
    for (const char each : whole ? text : shortened(text, places)) {
      if (each == '"' || each == '\\') escaped += '\\';
      if (each == '\n') {
        escaped += "\\n";
      } else if (each == '\t') {
        escaped += "\\t";
      } else if (static_cast<unsigned char>(each) < ' ' || each == '\x7f') {
        constexpr const char* digits = "0123456789abcdef";
        escaped += "\\x";
        escaped += digits[static_cast<unsigned char>(each) >> 4];
        escaped += digits[static_cast<unsigned char>(each) & 15];
      } else {
        escaped += each;
      }
    }
    return escaped;
  }() + "\"";
}

std::string labels_text(const std::map<std::string, std::string>& labels) {
  std::string text;
  for (const auto& [key, value] : labels) text += (text.empty() ? "" : ",") + key + "=" + value;
  return text;
}

std::string mounts_text(const ContainerConfig& config, bool whole) {
  constexpr std::size_t places = 15;
  std::string text;
  for (const ContainerMount& mount : config.mounts) {
    if (mount.type == ContainerMount::Type::tmpfs) continue;
    text += (text.empty() ? "" : ",") + (whole ? mount.source : shortened(mount.source, places));
  }
  return text;
}

std::size_t volumes_of(const ContainerConfig& config) {
  std::size_t count = 0;
  for (const ContainerMount& mount : config.mounts)
    if (mount.type == ContainerMount::Type::volume) ++count;
  return count;
}

std::string size_column(Store& store, const Container& container) {
  const ContainerSize size = container_size(store, container);
  return size_text(size.own) + " (virtual " + size_text(size.whole) + ")";
}

std::vector<ListedContainer> wanted_containers(const Request& request, Store& store) {
  const ContainerFilter filter(request.filters, store);
  const int last = request.latest ? 1 : request.last;
  const bool all = request.all || last > 0 || filter.asks_status();
  std::vector<ListedContainer> wanted;
  for (ListedContainer& listed : listed_containers(store)) {
    if (last > 0 && wanted.size() == static_cast<std::size_t>(last)) break;
    if (!all && !listed.state.alive()) continue;
    if (filter.matches(listed)) wanted.push_back(std::move(listed));
  }
  return wanted;
}

int list(const Request& request, const std::filesystem::path& root) {
  Rows rows(wanted_format(request), standard_format(request),
            {{"ID", "CONTAINER ID"},
             {"Image", "IMAGE"},
             {"Command", "COMMAND"},
             {"CreatedAt", "CREATED AT"},
             {"RunningFor", "CREATED"},
             {"Status", "STATUS"},
             {"State", "STATE"},
             {"Ports", "PORTS"},
             {"Names", "NAMES"},
             {"Labels", "LABELS"},
             {"Mounts", "MOUNTS"},
             {"LocalVolumes", "LOCAL VOLUMES"},
             {"Networks", "NETWORKS"},
             {"Platform", "PLATFORM"},
             {"Size", "SIZE"}});
  // Sizes are of files that other ids may own.
  const bool sizes = request.size || (!rows.is_json() && rows.mentions("Size"));
  std::optional<OwnedStore> owned;
  std::optional<Store> plain;
  if (sizes) {
    owned.emplace(root, false);
  } else {
    plain.emplace(root);
  }
  Store& store = sizes ? owned->store : *plain;
  const std::int64_t now = nanoseconds_now();
  for (const ListedContainer& listed : wanted_containers(request, store)) {
    const Container& container = listed.container;
    const ContainerConfig& config = container.config;
    const bool whole = request.no_trunc;
    rows.add(make_record({{"Command", quoted_command(config, whole)},
                          {"CreatedAt", go_time_text(container.created / 1'000'000'000)},
                          {"ID", whole ? container.id : listed.short_id()},
                          {"Image", image_text(store, container, whole)},
                          {"Labels", labels_text(config.labels)},
                          {"LocalVolumes", std::to_string(volumes_of(config))},
                          {"Mounts", mounts_text(config, whole)},
                          {"Names", container.name},
                          {"Networks", network_text(config)},
                          {"Platform", config.platform.text()},
                          {"Ports", ports_text(listed_ports(listed))},
                          {"RunningFor", since_text(container.created, now)},
                          {"Size", sizes ? size_column(store, container) : "0B"},
                          {"State", std::string(status_name(listed.state.status))},
                          {"Status", status_text(listed, now)}}));
  }
  print(rows.text());
  return 0;
}

}  // namespace

std::function<int()> declare_ps(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<Request>();
  app.description("Lists the containers that run, newest first.");
  app.add_flag("-a,--all", request->all, "also those that do not run");
  add_filter_flag(app, request->filters,
                  "id, name, label, exited, status, ancestor, before, since, volume, network, "
                  "publish, expose, health");
  add_format_flag(app, request->format);
  app.add_option("-n,--last", request->last, "the last so many that were made, running or not")
      ->type_name("N");
  app.add_flag("-l,--latest", request->latest, "the last one that was made");
  app.add_flag("--no-trunc", request->no_trunc, "show everything whole");
  app.add_flag("-q,--quiet", request->quiet, "show IDs only");
  app.add_flag("-s,--size", request->size, "show how much each has changed, and with its image");
  app.footer(R"(
Examples:
  slipway ps                              what runs
  slipway ps -a --filter exited=1         what has failed
  slipway ps --filter ancestor=debian     what is made from debian, or from what was built upon it
  slipway rm $(slipway ps -aq --filter status=exited)
  slipway ps --format 'table {{.Names}}\t{{.Status}}\t{{.Ports}}'
  slipway ps -a --format json | jq -r 'select(.State == "exited").Names'

Fields: ID, Image, Command, CreatedAt, RunningFor, Status, State, Ports, Names, Labels, Mounts,
LocalVolumes, Networks, Platform, Size.
)");
  return [request, &globals] { return list(*request, globals.root); };
}

}  // namespace slipway
