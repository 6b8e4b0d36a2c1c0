#include "docker_registry.hpp"

#include <loopback.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

DockerRegistry::DockerRegistry(bool password) : DockerRegistry(Setting{.password = password}) {}

DockerRegistry::DockerRegistry(const Setting& setting) : port_(free_port()) {
  std::string config =
      "version: 0.1\nlog: {level: error}\nstorage:\n  filesystem:\n"
      "    rootdirectory: " +
      (folder_ / "storage").string() + "\n";
  if (setting.read_only) config += "  maintenance: {readonly: {enabled: true}}\n";
  config += "http:\n  addr: " + address() + "\n";
  if (!setting.certificate.empty()) {
    config +=
        "  tls:\n    certificate: " + setting.certificate + "\n    key: " + setting.key + "\n";
    if (!setting.client_authority.empty())
      config += "    clientcas: [" + setting.client_authority + "]\n";
  }
  if (setting.password) {
    // bcrypt of "secret" at the lowest cost.
    folder_.write("htpasswd",
                  "user:$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n");
    config +=
        "auth:\n  htpasswd:\n    realm: test\n    path: " + (folder_ / "htpasswd").string() + "\n";
  }
  if (!setting.realm.empty()) {
    config +=
        "auth:\n  token:\n    service: registry\n    issuer: tests\n    realm: " + setting.realm +
        "\n    rootcertbundle: " + setting.token_certificate + "\n";
  }
  folder_.write("config.yml", config);
  const std::string file = folder_ / "config.yml";
  const std::string log = folder_ / "log";
  pid_ = ::fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::execlp("docker-registry", "docker-registry", "serve", file.c_str(), nullptr);
    ::_exit(127);
  }
  bool up = false;
  for (int i = 0; i < 1000 && !up; ++i) {
    up = accepts(port_);
    if (!up) {
      REQUIRE_MESSAGE(::waitpid(pid_, nullptr, WNOHANG) == 0, folder_.read("log"));
      const timespec pause{.tv_sec = 0, .tv_nsec = 10'000'000};
      ::nanosleep(&pause, nullptr);
    }
  }
  REQUIRE_MESSAGE(up, folder_.read("log"));
}

DockerRegistry::~DockerRegistry() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::filesystem::path DockerRegistry::blob(const std::string& hex) const {
  return folder_ / "storage/docker/registry/v2/blobs/sha256" / hex.substr(0, 2) / hex / "data";
}
