// slipway network: the commands behind that word, as `docker network` has them.
#include "../ask.hpp"
#include "../command.hpp"
#include "../described.hpp"
#include "../owned_store.hpp"
#include "../print.hpp"
#include "../rows.hpp"
#include "../table.hpp"
#include "container_filter.hpp"
#include "describe_network.hpp"

#include <executor/containers/join.hpp>
#include <executor/containers/shared_network.hpp>
#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

constexpr std::size_t short_id_size = 12;

void show_note(const Diagnostic& note) {
  std::fputs(render(note, "warning", use_color()).c_str(), stderr);
}

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

std::function<int()> declare_network_create(CLI::App& app, const Globals& globals) {
  struct Request {
    Network network;
    std::vector<std::string> labels;
    std::string driver = "bridge";
    bool attachable = false;  // every one is
  };
  auto request = std::make_shared<Request>();
  app.description(
      "Makes a network that containers can share: they reach each other by name, and the outside "
      "by "
      "slirp4netns. No right on this machine's own network is needed for it.");
  app.add_option("name", request->network.name, "")->required()->type_name("NETWORK");
  app.add_flag("--attachable", request->attachable, "every network of slipway is");
  app.add_option("-d,--driver", request->driver, "bridge, which is the only one")
      ->type_name("DRIVER");
  app.add_option("--gateway", request->network.gateway, "the network's own address")
      ->type_name("ADDRESS");
  app.add_flag("--internal", request->network.internal, "no way out");
  app.add_option("--label", request->labels, "something to find it by")
      ->type_name("KEY[=VALUE]")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--subnet", request->network.subnet, "its addresses; else a range that is free")
      ->type_name("RANGE");
  app.footer(R"(
Examples:
  slipway network create back
  slipway network create --internal --subnet 10.100.0.0/24 --label team=store vault
)");
  return [request, &globals] {
    if (request->driver != "bridge") {
      throw Error("there is no network driver " + quoted(request->driver)).hint("bridge");
    }
    request->network.labels = labels_of(request->labels);
    Store store(globals.root);
    print(create_network(store, request->network).id + "\n");
    return 0;
  };
}

// `network ls --filter`: of one key any value counts, of labels all.
class NetworkFilter {
 public:
  explicit NetworkFilter(const std::vector<std::string>& filters) {
    for (const std::string& filter : filters) {
      const auto [key, value] = split_filter(filter);
      if (key == "label") {
        labels_.push_back(label_filter(value, false));
      } else if (key == "dangling") {
        if (value != "true" && value != "false" && value != "1" && value != "0") {
          throw Error("--filter dangling=" + quoted(value) + " is neither true nor false");
        }
        dangling_ = value == "true" || value == "1";
      } else if (key == "driver" || key == "id" || key == "name" || key == "scope" ||
                 key == "type") {
        values_[key].push_back(value);
      } else {
        refuse_filter(key, {"dangling", "driver", "id", "label", "name", "scope", "type"});
      }
    }
  }

  bool matches(Store& store, const Network& network) const {
    const bool standard = is_standard(network);
    for (const auto& [key, values] : values_) {
      const bool one = std::any_of(values.begin(), values.end(), [&](const std::string& value) {
        if (key == "driver") return driver_of(network) == value;
        if (key == "id") return network.id.starts_with(value);
        if (key == "name") return network.name.find(value) != std::string::npos;
        if (key == "scope") return value == "local";
        return value == (standard ? "builtin" : "custom");
      });
      if (!one) return false;
    }
    for (const LabelFilter& label : labels_) {
      if (!label.matches(network.labels)) return false;
    }
    if (!dangling_) return true;
    return *dangling_ == (!standard && network_users(store, network).empty());
  }

 private:
  std::map<std::string, std::vector<std::string>> values_;
  std::vector<LabelFilter> labels_;
  std::optional<bool> dangling_;
};

struct ListRequest {
  bool quiet = false;
  bool no_trunc = false;
  std::vector<std::string> filters;
  std::string format;
};

int list_networks(const ListRequest& request, const std::filesystem::path& root) {
  const bool ids_only = request.quiet && (request.format.empty() || request.format == "table");
  Rows rows(ids_only ? "" : request.format,
            request.quiet ? "{{.ID}}" : "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
            {{"CreatedAt", "CREATED AT"},
             {"Driver", "DRIVER"},
             {"ID", "NETWORK ID"},
             {"IPv4", "IPV4"},
             {"IPv6", "IPV6"},
             {"Internal", "INTERNAL"},
             {"Labels", "LABELS"},
             {"Name", "NAME"},
             {"Scope", "SCOPE"}});
  const NetworkFilter filter(request.filters);
  Store store(root);
  std::vector<Network> all = standard_networks();
  for (Network& network : store.networks().list()) all.push_back(std::move(network));
  std::sort(all.begin(), all.end(),
            [](const Network& a, const Network& b) { return a.name < b.name; });
  for (const Network& network : all) {
    if (!filter.matches(store, network)) continue;
    std::string labels;
    for (const auto& [key, value] : network.labels) {
      labels += (labels.empty() ? "" : ",") + key + "=" + value;
    }
    rows.add(
        make_record({{"CreatedAt", go_time_text(network.created / 1'000'000'000)},
                     {"Driver", driver_of(network)},
                     {"ID", request.no_trunc ? network.id : network.id.substr(0, short_id_size)},
                     {"IPv4", "true"},
                     {"IPv6", "false"},
                     {"Internal", network.internal ? "true" : "false"},
                     {"Labels", labels},
                     {"Name", network.name},
                     {"Scope", "local"}}));
  }
  print(rows.text());
  return 0;
}

std::function<int()> declare_network_ls(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<ListRequest>();
  app.description("Lists networks by their names.");
  add_filter_flag(app, request->filters,
                  "dangling=true|false, driver=NAME, id=ID, label=KEY[=VALUE], name=PART, "
                  "scope=local, type=custom|builtin");
  add_format_flag(app, request->format);
  app.add_flag("--no-trunc", request->no_trunc, "show IDs whole");
  app.add_flag("-q,--quiet", request->quiet, "show IDs only");
  app.footer(R"(
Fields: ID, Name, Driver, Scope, IPv4, IPv6, Internal, Labels, CreatedAt.
)");
  return [request, &globals] { return list_networks(*request, globals.root); };
}

std::function<int()> declare_network_inspect(CLI::App& app, const Globals& globals) {
  struct Request {
    std::vector<std::string> names;
    std::string format;
    bool verbose = false;  // there is no more
  };
  auto request = std::make_shared<Request>();
  app.description("Shows all that is known of networks, as a JSON list.");
  app.add_option("network", request->names, "names or IDs")->required()->type_name("NETWORK...");
  app.add_option("-f,--format", request->format, "json (the list in one line), or a Go template")
      ->type_name("FORMAT");
  app.add_flag("-v,--verbose", request->verbose, "there is no more");
  return [request, &globals] {
    DescribedList list(request->format);
    Store store(globals.root);
    for (const std::string& name : request->names) {
      list.add([&] { return describe_network(store, get_network(store, name)); });
    }
    return list.show();
  };
}

std::function<int()> declare_network_rm(CLI::App& app, const Globals& globals) {
  struct Request {
    std::vector<std::string> names;
    bool force = false;
  };
  auto request = std::make_shared<Request>();
  app.description("Removes networks that no container is in.");
  app.add_option("network", request->names, "names or IDs")->required()->type_name("NETWORK...");
  app.add_flag("-f,--force", request->force, "what is not there is no failure");
  return [request, &globals] {
    Store store(globals.root);
    std::vector<Diagnostic> failures;
    for (const std::string& name : request->names) {
      try {
        const Network network = get_network(store, name);
        if (is_standard(network)) {
          throw Error(network.name + " is a pre-defined network and cannot be removed");
        }
        remove_network(store, network);
        print(name + "\n");
      } catch (const NoSuchNetwork& error) {
        if (request->force) continue;
        failures.insert(failures.end(), error.diagnostics().begin(), error.diagnostics().end());
      } catch (const Error& error) {
        failures.insert(failures.end(), error.diagnostics().begin(), error.diagnostics().end());
      }
    }
    if (failures.empty()) return 0;
    std::fflush(stdout);
    throw Error(std::move(failures));
  };
}

struct PruneRequest {
  bool force = false;
  std::vector<std::string> filters;
};

int prune_networks(const PruneRequest& request, const std::filesystem::path& root) {
  const PruneFilter filter(request.filters, {"label", "label!", "until"});
  if (!request.force &&
      !confirmed("This will remove all custom networks not used by at least one container."))
    return 0;
  Store store(root);
  // Also those that do not run: they would not start any more.
  std::set<std::string> used;
  for (const Container& container : store.containers().list())
    used.insert(container.config.network);
  std::string removed;
  for (const Network& network : store.networks().list()) {
    if (used.contains(network.name) || used.contains(network.id) ||
        !filter.matches(network.created, network.labels) || !network_users(store, network).empty())
      continue;
    remove_network(store, network);
    removed += network.name + "\n";
  }
  if (!removed.empty()) print("Deleted Networks:\n" + removed + "\n");
  return 0;
}

std::function<int()> declare_network_prune(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<PruneRequest>();
  app.description("Removes the networks that no container uses.");
  add_filter_flag(app, request->filters, "until=TIME, label=KEY[=VALUE], label!=KEY[=VALUE]",
                  false);
  app.add_flag("-f,--force", request->force, "do not ask");
  return [request, &globals] { return prune_networks(*request, globals.root); };
}

Network shared_network(Store& store, const std::string& name) {
  Network network = get_network(store, name);
  if (is_standard(network)) {
    throw Error("containers are in the network " + quoted(network.name) +
                " from their start to their end, or not at all")
        .hint("run --network " + network.name);
  }
  return network;
}

std::function<int()> declare_network_connect(CLI::App& app, const Globals& globals) {
  struct Request {
    std::string network;
    std::string container;
    NetworkPlace place;
  };
  auto request = std::make_shared<Request>();
  app.description("Takes a container that runs into a network, until it stops.");
  app.add_option("network", request->network, "name or ID")->required()->type_name("NETWORK");
  app.add_option("container", request->container, "name or ID")->required()->type_name("CONTAINER");
  app.add_option("--alias", request->place.aliases, "another name in this network")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--ip", request->place.address, "this address of the network's")
      ->type_name("ADDRESS");
  return [request, &globals] {
    enter_containers_user_namespace(globals.root, request->container);
    Store store(globals.root);
    const Container container = store.containers().get(request->container);
    connect_to_network(store, container, shared_network(store, request->network), request->place,
                       show_note);
    return 0;
  };
}

std::function<int()> declare_network_disconnect(CLI::App& app, const Globals& globals) {
  struct Request {
    std::string network;
    std::string container;
    bool force = false;  // nothing needs it
  };
  auto request = std::make_shared<Request>();
  app.description("Takes a container out of a network.");
  app.add_option("network", request->network, "name or ID")->required()->type_name("NETWORK");
  app.add_option("container", request->container, "name or ID")->required()->type_name("CONTAINER");
  app.add_flag("-f,--force", request->force, "nothing needs it");
  return [request, &globals] {
    Store store(globals.root);
    disconnect_from_network(store, store.containers().get(request->container),
                            shared_network(store, request->network));
    return 0;
  };
}

}  // namespace

std::span<const Subcommand> network_commands() {
  static const std::vector<Subcommand> list{
      {"connect", "take a container into a network", declare_network_connect},
      {"create", "make a network", declare_network_create},
      {"disconnect", "take a container out of a network", declare_network_disconnect},
      {"inspect", "show all that is known of networks, as JSON", declare_network_inspect},
      {"ls", "list networks", declare_network_ls},
      {"list", {}, declare_network_ls},
      {"prune", "remove networks that no container uses", declare_network_prune},
      {"rm", "remove networks", declare_network_rm},
      {"remove", {}, declare_network_rm},
  };
  return list;
}

}  // namespace slipway
