// The file that docker and its like share: config.json, as bytes.
#pragma once

#include <cache/file_descriptor.hpp>

#include <filesystem>
#include <optional>
#include <string>

namespace slipway {

class DockerConfig {
 public:
  // $DOCKER_CONFIG/config.json, else ~/.docker/config.json; nothing where neither variable is set.
  static std::optional<DockerConfig> find();
  // The same, or an Error.
  static DockerConfig get();

  const std::filesystem::path& file() const { return file_; }
  // Another user's is none for us, as long as it is only looked into.
  bool readable() const;
  // Nothing: there is none. Throws Error.
  std::optional<std::string> read() const;

  // While it lives no other slipway changes the file; docker locks nothing. Makes the folder if it
  // is not there. Throws Error.
  class [[nodiscard]] Lock {
   public:
    explicit Lock(FileDescriptor folder) : folder_(std::move(folder)) {}

   private:
    FileDescriptor folder_;
  };
  Lock lock() const;
  // Written aside and renamed, to where a link leads if it is one; mode 0600, and the owner that it
  // had. Throws Error.
  void replace(const std::string& text) const;

 private:
  explicit DockerConfig(std::filesystem::path file) : file_(std::move(file)) {}
  std::filesystem::path file_;
};

}  // namespace slipway
