// --secret: where each one comes from. Read when a step asks, and kept nowhere but in memory.
#include "build_inputs.hpp"
#include "session.hpp"

#include <cache/file_descriptor.hpp>
#include <ir/error.hpp>
#include <ir/letter_case.hpp>
#include <ir/nearest.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>

namespace slipway {
namespace {

constexpr std::size_t most_secret_bytes = 500U << 10U;  // BuildKit's limit
constexpr const char* example = "id=NAME,src=FILE or id=NAME,env=VARIABLE";

struct SecretSource {
  std::string id;
  std::string file;  // "-": standard input
  std::string variable;
  bool keyed = false;
};

std::string read_all(int descriptor, const SecretSource& source) {
  std::string bytes(most_secret_bytes + 1, '\0');
  std::size_t length = 0;
  while (length < bytes.size()) {
    const ssize_t got = ::read(descriptor, bytes.data() + length, bytes.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read", source.file, errno);
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  if (length > most_secret_bytes) {
    throw Error("secret " + quoted(source.id) + " is larger than 500 KiB");
  }
  bytes.resize(length);
  return bytes;
}

std::string read_secret(const SecretSource& source) {
  if (!source.variable.empty()) {
    const char* value = std::getenv(source.variable.c_str());
    return value == nullptr ? "" : value;
  }
  if (source.file == "-") return read_all(STDIN_FILENO, source);
  // Not blocking, because a pipe that nobody writes to would hold the build up for ever.
  const FileDescriptor file(::open(source.file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) {
    throw system_error("open", source.file, errno)
        .hint("secret " + source.id + " is read from this file");
  }
  return read_all(file.get(), source);
}

SecretSource parse_secret(const std::string& text) {
  SecretSource source;
  std::string type;
  for (const auto& [name, value] : parse_fields(text, "--secret")) {
    const std::string key = lower_case(name);
    if (key == "id") {
      source.id = value;
    } else if (key == "src" || key == "source") {
      source.file = value;
    } else if (key == "env") {
      source.variable = value;
    } else if (key == "type" && (value == "file" || value == "env")) {
      type = value;
    } else if (key == "type") {
      throw Error("--secret has no type " + quoted(value)).hint("type=file or type=env");
    } else if (key == "cache" && value == "keyed") {
      source.keyed = true;
    } else if (key == "cache") {
      throw Error("--secret does not know " + quoted("cache=" + value))
          .hint("cache=keyed: what uses the secret runs again when its value has changed");
    } else {
      throw Error("--secret does not know " + quoted(value.empty() ? name : name + "=" + value))
          .hint(did_you_mean(key, {"id", "src", "source", "env", "type", "cache"}, example));
    }
  }
  if (source.id.empty()) throw Error("--secret " + quoted(text) + " has no id").hint(example);
  // As docker: with nothing else given, the environment has it, else a file of that name.
  if (type == "env" && source.variable.empty()) std::swap(source.variable, source.file);
  if (source.file.empty() && source.variable.empty()) {
    const bool named = type != "file" && std::getenv(source.id.c_str()) != nullptr;
    (type == "env" || named ? source.variable : source.file) = source.id;
  }
  return source;
}

void require_source(const SecretSource& source, const BuildRequest& request) {
  if (!source.variable.empty()) {
    if (std::getenv(source.variable.c_str()) != nullptr) return;
    throw Error("secret " + quoted(source.id) + ": there is no environment variable " +
                quoted(source.variable));
  }
  if (source.file == "-") {
    if (request.context != "-" && request.file != "-") return;
    throw Error("secret " + quoted(source.id) + " and the " +
                (request.context == "-" ? "build context" : "Dockerfile") +
                " cannot both be standard input")
        .hint("give the secret as a file or a variable: " + std::string(example));
  }
  struct stat status {};
  if (::access(source.file.c_str(), R_OK) != 0 || ::stat(source.file.c_str(), &status) != 0) {
    throw Error("secret " + quoted(source.id) + ": cannot read " + quoted(source.file))
        .hint("src= is relative to the current directory");
  }
  if (S_ISDIR(status.st_mode)) {
    throw Error("secret " + quoted(source.id) + ": " + quoted(source.file) + " is a directory");
  }
}

// One reading of each, so that all steps and their keys are given the same bytes.
class Secrets {
 public:
  explicit Secrets(std::map<std::string, SecretSource> sources) : sources_(std::move(sources)) {}

  std::optional<std::string> read(const std::string& id) {
    const auto source = sources_.find(id);
    if (source == sources_.end()) return std::nullopt;
    const std::lock_guard lock(mutex_);
    const auto known = values_.find(id);
    if (known != values_.end()) return known->second;
    return values_.emplace(id, read_secret(source->second)).first->second;
  }

 private:
  const std::map<std::string, SecretSource> sources_;
  std::mutex mutex_;  // guards values_: steps ask at once
  std::map<std::string, std::string> values_;
};

}  // namespace

GivenSecrets given_secrets(const BuildRequest& request) {
  std::map<std::string, SecretSource> sources;
  for (const std::string& text : request.secrets) {
    if (text.empty()) continue;
    SecretSource source = parse_secret(text);
    require_source(source, request);
    sources[source.id] = std::move(source);  // as docker: the last of an id
  }
  GivenSecrets given;
  const SecretSource* from_input = nullptr;
  for (const auto& [id, source] : sources) {
    if (source.keyed) given.keyed.insert(id);
    if (source.file != "-") continue;
    if (from_input != nullptr) {
      throw Error("secrets " + quoted(from_input->id) + " and " + quoted(id) +
                  " cannot both be standard input");
    }
    from_input = &source;
  }
  const auto secrets = std::make_shared<Secrets>(std::move(sources));
  given.read = [secrets](const std::string& id) { return secrets->read(id); };
  return given;
}

}  // namespace slipway
