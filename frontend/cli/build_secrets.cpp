// --secret: where each one comes from. Read when a step asks, and kept nowhere.
#include "build_inputs.hpp"

#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace slipway {
namespace {

// BuildKit's limit.
constexpr std::size_t most_secret_bytes = 500U << 10U;

struct SecretSource {
  std::string file;
  std::string variable;
};

std::string read_secret(const std::string& id, const std::string& path) {
  // Not blocking, because a pipe that nobody writes to would hold the build up for ever.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    throw system_error("open", path, errno).hint("secret " + id + " is read from this file");
  }
  std::string bytes(most_secret_bytes + 1, '\0');
  std::size_t length = 0;
  ssize_t got = 0;
  while (length < bytes.size() &&
         (got = ::read(descriptor, bytes.data() + length, bytes.size() - length)) > 0) {
    length += static_cast<std::size_t>(got);
  }
  const int error = errno;
  ::close(descriptor);
  if (got < 0) throw system_error("read", path, error);
  if (length > most_secret_bytes) {
    throw Error("secret " + quoted(id) + " is larger than 500 KiB");
  }
  bytes.resize(length);
  return bytes;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> parse_fields(std::string_view text,
                                                              std::string_view flag) {
  std::vector<std::pair<std::string, std::string>> fields;
  std::string field;
  bool in_quotes = false;
  const auto finish = [&] {
    const auto equals = field.find('=');
    fields.emplace_back(field.substr(0, equals),
                        equals == std::string::npos ? "" : field.substr(equals + 1));
    field.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && in_quotes && i + 1 < text.size() && text[i + 1] == '"') {
      field += '"';
      ++i;
    } else if (c == '"') {
      in_quotes = !in_quotes;
    } else if (c == ',' && !in_quotes) {
      finish();
    } else {
      field += c;
    }
  }
  if (in_quotes) throw Error(std::string(flag) + ": a quote in " + quoted(text) + " is not closed");
  finish();
  return fields;
}

std::function<std::optional<std::string>(const std::string&)> secret_reader(
    const BuildRequest& request) {
  std::map<std::string, SecretSource> sources;
  for (const std::string& text : request.secrets) {
    std::string id;
    std::string type;
    SecretSource source;
    for (const auto& [key, value] : parse_fields(text, "--secret")) {
      if (key == "id") {
        id = value;
      } else if (key == "src" || key == "source") {
        source.file = value;
      } else if (key == "env") {
        source.variable = value;
      } else if (key == "type" && (value == "file" || value == "env")) {
        type = value;
      } else {
        throw Error("--secret does not know " + quoted(key + "=" + value))
            .hint("id=NAME,src=FILE or id=NAME,env=VARIABLE");
      }
    }
    if (id.empty()) {
      throw Error("--secret " + quoted(text) + " has no id").hint("id=NAME,src=FILE");
    }
    // As docker: with nothing else given, the environment has it, else a file of that name.
    if (type == "env" && source.variable.empty()) source.variable = source.file;
    if (type == "env") source.file.clear();
    if (source.file.empty() && source.variable.empty()) {
      (std::getenv(id.c_str()) != nullptr ? source.variable : source.file) = id;
    }
    if (!source.variable.empty()) {
      if (std::getenv(source.variable.c_str()) == nullptr) {
        throw Error("secret " + quoted(id) + ": there is no environment variable " +
                    quoted(source.variable));
      }
    } else if (::access(source.file.c_str(), R_OK) != 0) {
      throw Error("secret " + quoted(id) + ": cannot read " + quoted(source.file));
    }
    sources[id] = source;
  }
  return [sources = std::move(sources)](const std::string& id) -> std::optional<std::string> {
    const auto found = sources.find(id);
    if (found == sources.end()) return std::nullopt;
    if (found->second.variable.empty()) return read_secret(id, found->second.file);
    const char* value = std::getenv(found->second.variable.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

}  // namespace slipway
