// slipway volume: the commands behind that word, as `docker volume` has them.
#include "../ask.hpp"
#include "../command.hpp"
#include "../described.hpp"
#include "../owned_store.hpp"
#include "../print.hpp"
#include "../rows.hpp"
#include "../table.hpp"
#include "container_filter.hpp"
#include "describe_volume.hpp"

#include <cache/containers/volumes.hpp>
#include <cache/room/tree_size.hpp>
#include <ir/error.hpp>
#include <ir/quantities.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace slipway {
namespace {

constexpr std::string_view driver_name = "local";

std::map<std::string, std::string> labels_of(const std::vector<std::string>& given) {
  std::map<std::string, std::string> labels;
  for (const std::string& label : given) {
    const std::size_t equals = std::min(label.find('='), label.size());
    if (equals == 0) throw Error("--label " + quoted(label) + " has no key").hint("KEY[=VALUE]");
    labels.insert_or_assign(label.substr(0, equals),
                            equals < label.size() ? label.substr(equals + 1) : "");
  }
  return labels;
}

std::function<int()> declare_volume_create(CLI::App& app, const Globals& globals) {
  struct Request {
    std::string name;
    std::vector<std::string> labels;
    std::string driver = std::string(driver_name);
  };
  auto request = std::make_shared<Request>();
  app.description("Makes a volume. One of that name that is there already stays as it is.");
  app.add_option("name", request->name, "else a random one")->type_name("NAME");
  app.add_option("--label", request->labels, "something to find it by")
      ->type_name("KEY[=VALUE]")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("-d,--driver", request->driver, "local, which is the only one")
      ->type_name("DRIVER");
  return [request, &globals] {
    if (request->driver != driver_name)
      throw Error("there is no volume driver " + quoted(request->driver)).hint("local");
    Store store(globals.root);
    print(store.volumes().create(request->name, labels_of(request->labels)).name + "\n");
    return 0;
  };
}

// `volume ls --filter`: of one key any value counts, of labels all.
class VolumeFilter {
 public:
  explicit VolumeFilter(const std::vector<std::string>& filters) {
    for (const std::string& filter : filters) {
      const auto [key, value] = split_filter(filter);
      if (key == "label") {
        labels_.push_back(label_filter(value, false));
      } else if (key == "name") {
        names_.push_back(value);
      } else if (key == "driver") {
        drivers_.push_back(value);
      } else if (key == "dangling") {
        dangling_ = read_boolean(value);
        if (!dangling_)
          throw Error("--filter dangling=" + quoted(value) + " is neither true nor false")
              .hint("dangling=true");
      } else {
        refuse_filter(key, {"dangling", "driver", "label", "name"});
      }
    }
  }

  bool matches(const StoredVolume& volume, const VolumeStore& volumes) const {
    const auto found = [&](const std::string& part) { return volume.name.find(part) != part.npos; };
    if (!names_.empty() && std::none_of(names_.begin(), names_.end(), found)) return false;
    if (!drivers_.empty() &&
        std::find(drivers_.begin(), drivers_.end(), driver_name) == drivers_.end())
      return false;
    for (const LabelFilter& label : labels_)
      if (!label.matches(volume.labels)) return false;
    return !dangling_ || *dangling_ == volumes.users(volume.name).empty();
  }

 private:
  std::vector<LabelFilter> labels_;
  std::vector<std::string> names_;
  std::vector<std::string> drivers_;
  std::optional<bool> dangling_;
};

std::function<int()> declare_volume_ls(CLI::App& app, const Globals& globals) {
  struct Request {
    bool quiet = false;
    std::vector<std::string> filters;
    std::string format;
  };
  auto request = std::make_shared<Request>();
  app.description("Lists volumes by their names.");
  add_filter_flag(app, request->filters,
                  "dangling=true|false, label=KEY[=VALUE], name=PART, driver=local");
  add_format_flag(app, request->format);
  app.add_flag("-q,--quiet", request->quiet, "show names only");
  app.footer(R"(
Examples:
  slipway volume ls --filter dangling=true     those that no container has
  slipway volume ls --format '{{.Name}} {{.Mountpoint}}'

Fields: Name, Driver, Scope, Mountpoint, Labels.
)");
  return [request, &globals] {
    const bool named_only =
        request->quiet && (request->format.empty() || request->format == "table");
    Rows rows(named_only ? "" : request->format,
              request->quiet ? "{{.Name}}" : "table {{.Driver}}\t{{.Name}}",
              {{"Availability", "AVAILABILITY"},
               {"Driver", "DRIVER"},
               {"Group", "GROUP"},
               {"Labels", "LABELS"},
               {"Links", "LINKS"},
               {"Mountpoint", "MOUNTPOINT"},
               {"Name", "VOLUME NAME"},
               {"Scope", "SCOPE"},
               {"Size", "SIZE"},
               {"Status", "STATUS"}});
    const VolumeFilter filter(request->filters);
    Store store(globals.root);
    for (const StoredVolume& volume : store.volumes().list()) {
      if (!filter.matches(volume, store.volumes())) continue;
      std::string labels;
      for (const auto& [key, value] : volume.labels)
        labels += (labels.empty() ? "" : ",") + key + "=" + value;
      rows.add(make_record({{"Availability", "N/A"},
                            {"Driver", driver_name},
                            {"Group", "N/A"},
                            {"Labels", labels},
                            {"Links", "N/A"},
                            {"Mountpoint", store.volumes().directory(volume.name).string()},
                            {"Name", volume.name},
                            {"Scope", "local"},
                            {"Size", "N/A"},
                            {"Status", "N/A"}}));
    }
    print(rows.text());
    return 0;
  };
}

std::function<int()> declare_volume_inspect(CLI::App& app, const Globals& globals) {
  struct Request {
    std::vector<std::string> names;
    std::string format;
  };
  auto request = std::make_shared<Request>();
  app.description("Shows all that is known of volumes, as a JSON list.");
  app.add_option("volume", request->names, "names")->required()->type_name("VOLUME...");
  app.add_option("-f,--format", request->format, "json (the list in one line), or a Go template")
      ->type_name("FORMAT");
  return [request, &globals] {
    DescribedList list(request->format);
    Store store(globals.root);
    for (const std::string& name : request->names)
      list.add([&] { return describe_volume(store, store.volumes().get(name)); });
    return list.show();
  };
}

std::function<int()> declare_volume_rm(CLI::App& app, const Globals& globals) {
  struct Request {
    std::vector<std::string> names;
    bool force = false;
  };
  auto request = std::make_shared<Request>();
  app.description("Removes volumes that no container has, with their files.");
  app.add_option("volume", request->names, "names")->required()->type_name("VOLUME...");
  app.add_flag("-f,--force", request->force, "what is not there is no failure");
  return [request, &globals] {
    OwnedStore owned(globals.root, false);
    std::vector<Diagnostic> failures;
    for (const std::string& name : request->names) {
      try {
        owned.store.volumes().remove(name);
      } catch (const NoSuchVolume& error) {
        if (!request->force) {
          failures.insert(failures.end(), error.diagnostics().begin(), error.diagnostics().end());
          continue;
        }
      } catch (const Error& error) {
        failures.insert(failures.end(), error.diagnostics().begin(), error.diagnostics().end());
        continue;
      }
      print(name + "\n");
    }
    if (failures.empty()) return 0;
    std::fflush(stdout);
    throw Error(std::move(failures));
  };
}

struct PruneRequest {
  bool all = false;
  bool force = false;
  std::vector<std::string> filters;
};

int prune(const PruneRequest& request, const std::filesystem::path& root) {
  const PruneFilter filter(request.filters, {"all", "label", "label!"});
  const bool all = request.all || filter.all;
  if (!request.force &&
      !confirmed(
          all ? "This will remove all local volumes not used by at least one container."
              : "This will remove anonymous local volumes not used by at least one container."))
    return 0;
  OwnedStore owned(root, false);
  VolumeStore& volumes = owned.store.volumes();
  std::uint64_t bytes = 0;
  std::string removed;
  for (const StoredVolume& volume : volumes.list()) {
    if ((!all && !volume.anonymous) || !filter.matches(volume.created, volume.labels) ||
        !volumes.users(volume.name).empty())
      continue;
    const std::uint64_t own = measure_tree(volumes.directory(volume.name)).bytes;
    try {
      volumes.remove(volume.name);
    } catch (const NoSuchVolume&) {
      continue;  // another process has removed it
    } catch (const Error&) {
      if (!volumes.users(volume.name).empty()) continue;  // a container has got it meanwhile
      throw;
    }
    bytes += own;
    removed += volume.name + "\n";
  }
  print((removed.empty() ? "" : "Deleted Volumes:\n" + removed + "\n") +
        "Total reclaimed space: " + sum_text(bytes) + "\n");
  return 0;
}

std::function<int()> declare_volume_prune(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<PruneRequest>();
  app.description("Removes volumes without a name that no container has, with their files.");
  app.add_flag("-a,--all", request->all, "also those with a name");
  add_filter_flag(app, request->filters, "label=KEY[=VALUE], label!=KEY[=VALUE]", false);
  app.add_flag("-f,--force", request->force, "do not ask");
  app.footer(R"(
Examples:
  slipway volume prune
  slipway volume prune --all --force --filter label!=keep
)");
  return [request, &globals] { return prune(*request, globals.root); };
}

}  // namespace

std::span<const Subcommand> volume_commands() {
  static const std::vector<Subcommand> list{
      {"create", "make a volume", declare_volume_create},
      {"inspect", "show all that is known of volumes, as JSON", declare_volume_inspect},
      {"ls", "list volumes", declare_volume_ls},
      {"list", {}, declare_volume_ls},
      {"prune", "remove volumes that no container has", declare_volume_prune},
      {"rm", "remove volumes", declare_volume_rm},
      {"remove", {}, declare_volume_rm},
  };
  return list;
}

}  // namespace slipway
