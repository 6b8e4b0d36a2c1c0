#include "server_process.hpp"

#include "../programs.hpp"
#include "same_maps.hpp"

#include <loopback.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

ServerProcess::ServerProcess() : port_(free_port()) {}

ServerProcess::~ServerProcess() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void ServerProcess::start(std::vector<std::string> arguments) {
  std::vector<char*> words;
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  const std::string log = folder_ / "log";
  pid_ = ::fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::execvp(words.front(), words.data());
    ::_exit(127);
  }
  bool up = false;
  for (int i = 0; i < 2000 && !up; ++i) {
    up = accepts(port_);
    if (up) break;
    REQUIRE_MESSAGE(::waitpid(pid_, nullptr, WNOHANG) == 0, folder_.read("log"));
    const timespec pause{.tv_sec = 0, .tv_nsec = 10'000'000};
    ::nanosleep(&pause, nullptr);
  }
  REQUIRE_MESSAGE(up, folder_.read("log"));
}

// One process and no daemon, so that it ends with the test. The lines that a README would have are
// dav_methods, create_full_put_path and client_max_body_size.
Nginx::Nginx(bool password) {
  const TemporaryFolder& folder = process_.folder();
  std::filesystem::create_directories(folder / "files");
  std::string config =
      "daemon off; master_process off; pid pid; error_log stderr;\n"
      "events {}\n"
      "http {\n"
      "  access_log off;\n";
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    config += "  " + std::string(kind) + "_temp_path " + kind + ";\n";
  config += "  server {\n    listen " + address() + ";\n    location /cache/ {\n      alias " +
            (folder / "files").string() +
            "/;\n"
            "      dav_methods PUT;\n"
            "      create_full_put_path on;\n"
            "      client_max_body_size 0;\n";
  if (password) {
    folder.write("users", "user:{PLAIN}secret\n");
    config += "      auth_basic cache;\n      auth_basic_user_file " + (folder / "users").string() +
              ";\n";
  }
  folder.write("nginx.conf", config + "    }\n  }\n}\n");
  process_.start({"nginx", "-p", folder.path().string(), "-e", "stderr", "-c",
                  (folder / "nginx.conf").string()});
}

// Debian's, which has Debian's modules, whatever other one is in the path.
constexpr const char* python = "/usr/bin/python3";

S3Server::S3Server(int refused_part) {
  process_.start(
      {python, S3_SERVER, std::to_string(process_.port()), std::to_string(refused_part)});
}

slipway::CacheSpec S3Server::spec(const std::map<std::string, std::string>& changes) const {
  std::map<std::string, std::string> attributes = {{"bucket", "bucket"},
                                                   {"endpoint_url", "http://" + address()},
                                                   {"region", "eu-test-1"},
                                                   {"access_key_id", "AKIDEXAMPLE"},
                                                   {"secret_access_key", "secret/with+signs="}};
  for (const auto& [name, value] : changes) attributes[name] = value;
  return cache_spec("s3", attributes);
}

std::string S3Server::state() const {
  return output_of("curl -s 'http://" + address() + "/?state'");
}

bool has_s3_server() {
  if (!has_programs({python, "curl"})) return false;
  if (std::system((std::string(python) + " -c 'import botocore' 2>/dev/null").c_str()) == 0)
    return true;
  MESSAGE("skipped: python3-botocore is not installed");
  return false;
}
