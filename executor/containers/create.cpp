#include <executor/containers/create.hpp>

#include <cache/containers/networks.hpp>
#include <cache/containers/volumes.hpp>
#include <cache/store.hpp>
#include <executor/containers/container_tree.hpp>
#include <executor/containers/spec.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

using Type = ContainerMount::Type;

constexpr std::string_view shared_prefix = "container:";

std::optional<HealthcheckConfig> merged_healthcheck(std::optional<HealthcheckConfig> asked,
                                                    const std::optional<HealthcheckConfig>& image) {
  if (!asked) asked = image;
  if (!asked) return std::nullopt;
  if (image) {
    if (asked->test.empty()) asked->test = image->test;
    for (std::int64_t HealthcheckConfig::*field :
         {&HealthcheckConfig::interval, &HealthcheckConfig::timeout,
          &HealthcheckConfig::start_period, &HealthcheckConfig::start_interval,
          &HealthcheckConfig::retries})
      if (*asked.*field == 0) *asked.*field = *image.*field;
  }
  // Intervals of a probe that nobody has given.
  if (asked->test.empty()) return std::nullopt;
  return asked;
}

// The anonymous volumes of a container that could not be made go with it.
class MadeVolumes {
 public:
  explicit MadeVolumes(VolumeStore& volumes) : volumes_(volumes) {}
  MadeVolumes(const MadeVolumes&) = delete;
  MadeVolumes& operator=(const MadeVolumes&) = delete;
  ~MadeVolumes() {
    for (const std::string& name : names_) {
      try {
        volumes_.remove(name);
      } catch (const Error&) {
        // `slipway volume prune` finds it; why the container was not made is what counts.
        continue;
      }
    }
  }
  void add(const std::string& name) { names_.push_back(name); }
  void keep() { names_.clear(); }

 private:
  VolumeStore& volumes_;
  std::vector<std::string> names_;
};

class Mounts {
 public:
  Mounts(Store& store, const Image& image, MadeVolumes& made)
      : store_(store), image_(image), made_(made) {}

  // In docker's order: later ones win over those of other containers, and nothing else twice.
  std::vector<ContainerMount> all(const ContainerRequest& request) {
    for (const AskedMount& asked : request.mounts)
      if (!targets_.insert(asked.mount.target).second)
        throw Error("two mounts have the same target, " + quoted(asked.mount.target));
    for (const MountsOf& from : request.volumes_from) take(from);
    for (const AskedMount& asked : request.mounts) add(asked);
    for (const std::string& path : image_.config.volumes) add_of_image(path);
    return std::move(mounts_);
  }

 private:
  void take(const MountsOf& from) {
    const Container other = store_.containers().get(from.container);
    for (ContainerMount mount : other.config.mounts) {
      // A memory file system cannot be shared: it is made for each container.
      if (mount.type == Type::tmpfs || !targets_.insert(mount.target).second) continue;
      if (from.read_only) mount.read_only = *from.read_only;
      mounts_.push_back(std::move(mount));
    }
  }

  void add(AskedMount asked) {
    ContainerMount& mount = asked.mount;
    if (mount.type == Type::bind) {
      require_source(asked);
    } else if (mount.type == Type::volume) {
      make_volume(mount, asked.labels);
    }
    mounts_.push_back(std::move(mount));
  }

  void add_of_image(const std::string& path) {
    // An image may say "/data/": the mount's place is the same.
    std::string target = std::filesystem::path("/" + path).lexically_normal().string();
    if (target.size() > 1 && target.ends_with('/')) target.pop_back();
    if (target == "/" || !targets_.insert(target).second) return;
    ContainerMount mount;
    mount.type = Type::volume;
    mount.target = std::move(target);
    make_volume(mount, {});
    mounts_.push_back(std::move(mount));
  }

  void make_volume(ContainerMount& mount, const std::map<std::string, std::string>& labels) {
    const StoredVolume volume = store_.volumes().create(mount.source, labels);
    if (mount.source.empty()) {
      mount.source = volume.name;
      mount.anonymous = true;
      made_.add(volume.name);
    }
    const std::filesystem::path directory = store_.volumes().directory(volume.name);
    if (mount.no_copy || !needs_filling(directory)) return;
    fill_volume(store_, image_.layers, mount.target, directory);
  }

  static void require_source(const AskedMount& asked) {
    struct stat status {};
    const std::string& source = asked.mount.source;
    if (::stat(source.c_str(), &status) == 0) return;
    if (errno != ENOENT || !asked.makes_source) throw system_error("stat", source, errno);
    std::error_code failure;
    std::filesystem::create_directories(source, failure);
    if (failure) throw system_error("mkdir", source, failure.value());
  }

  Store& store_;
  const Image& image_;
  MadeVolumes& made_;
  std::set<std::string> targets_;
  std::vector<ContainerMount> mounts_;
};

// By its name, its ID or the beginning of one.
std::optional<Network> asked_network(const NetworkStore& networks, const std::string& asked) {
  if (auto network = networks.find(asked)) return network;
  std::optional<Network> found;
  for (Network& network : networks.list()) {
    if (asked.empty() || !network.id.starts_with(asked)) continue;
    if (found)
      throw Error("network " + asked + " is ambiguous").hint("several have an ID that begins so");
    found = std::move(network);
  }
  return found;
}

// Names that stand for something of the store become what they stand for.
void settle_network(Store& store, ContainerConfig& config,
                    const std::function<void(const Diagnostic&)>& note) {
  std::string& network = config.network;
  if (network.starts_with(shared_prefix)) {
    network = std::string(shared_prefix) +
              store.containers().get(std::string_view(network).substr(shared_prefix.size())).id;
    return;
  }
  const bool shares = network == "host";
  if (shares && (!config.ports.empty() || config.publish_all)) {
    config.ports.clear();
    config.publish_all = false;
    note(
        {"in the network of the host there is nothing to publish: what listens there is reached "
         "at its own port",
         {},
         {},
         {}});
  }
  if (shares || network == "default" || network == "none") return;
  if (const auto found = asked_network(store.networks(), network)) {
    network = found->name;
    return;
  }
  NoSuchNetwork missing("there is no network " + quoted(network));
  missing.hint("`slipway network create " + network + "` makes one");
  throw missing;
}

}  // namespace

ContainerConfig merged_config(const ContainerRequest& request, const ImageConfig& image) {
  ContainerConfig config = request.config;
  if (request.entrypoint) {
    config.entrypoint = *request.entrypoint;
  } else {
    config.entrypoint = image.entrypoint.value_or(std::vector<std::string>());
    if (config.command.empty()) config.command = image.cmd.value_or(std::vector<std::string>());
  }
  if (config.entrypoint.empty() && config.command.empty())
    throw Error("the image has no command, and none was given")
        .hint("give one behind the image's name");
  config.environment = image.env;
  merge_environment(config.environment, request.config.environment);
  if (config.working_directory.empty()) config.working_directory = image.working_dir;
  if (config.user.empty()) config.user = image.user;
  if (config.stop_signal.empty()) config.stop_signal = image.stop_signal;
  config.labels.insert(image.labels.begin(), image.labels.end());
  config.exposed_ports.insert(image.exposed_ports.begin(), image.exposed_ports.end());
  for (const PortMapping& port : config.ports)
    config.exposed_ports.insert(std::to_string(port.port) + "/" + port.protocol);
  config.healthcheck = merged_healthcheck(config.healthcheck, image.healthcheck);
  config.platform = image.platform;
  config.shell = image.shell;
  return config;
}

Container create_container(Store& store, const Image& image, std::string_view image_name,
                           const ContainerRequest& request,
                           const std::function<void(const Diagnostic&)>& note) {
  ContainerConfig config = merged_config(request, image.config);
  settle_network(store, config, note);
  MadeVolumes made(store.volumes());
  try {
    config.mounts = Mounts(store, image, made).all(request);
  } catch (const std::filesystem::filesystem_error& error) {
    // Of a volume that somebody has removed since it was made.
    throw system_error("opendir", error.path1().string(), error.code().value());
  }
  Container container =
      store.containers().create(request.name, image.id, image_name, image.layers, config);
  made.keep();
  return container;
}

}  // namespace slipway
