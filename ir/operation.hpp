// Operations: what a vertex does, with every value in place.
//
// All that can change an operation's result is a field here and goes into its cache key (key.hpp)
// through fields(), which names each member: a member that is forgotten there does not compile.
// What must not change a key is a member of `Unkeyed` (proxies, secrets) or an `Origin`, and nowhere
// else.
#pragma once

#include <ir/digest.hpp>
#include <ir/platform.hpp>
#include <ir/source.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace slipway {

// The empty root file system (FROM scratch). No inputs.
struct Scratch {
  bool operator==(const Scratch&) const = default;
};

// The layers of an image that the store holds or a registry will give. No inputs. Its result is
// named by its layers' tree digests, so nothing of this goes into anyone's key.
struct BaseImage {
  std::string reference;  // as resolved, for messages and pulling
  Digest config;          // the image's ID
  bool operator==(const BaseImage&) const = default;
};

// A directory of the user's: the build context, or a named one. No inputs.
struct ReadContext {
  std::string name;  // empty: the build context
  bool operator==(const ReadContext&) const = default;
};

// A file of the web, for ADD. No inputs. Its result is that one file.
struct FetchHttp {
  std::string url;
  std::string file_name;  // what it is called in the result
  std::string checksum;   // "sha256:..." (or sha384, sha512) that it has to have; empty: any
  bool operator==(const FetchHttp&) const = default;
};

// A commit of a git repository, for ADD and as a build context. No inputs. Its result is the tree of
// files.
struct FetchGit {
  std::string remote;    // as git takes it
  std::string ref;       // branch, tag or commit; empty: what the remote calls HEAD
  std::string subdir;    // the directory to take; empty: all
  std::string checksum;  // how the commit has to begin; empty: any
  std::string commit;    // what `ref` was found to be: a commit, or a tag of one; empty: to be asked
  bool keep_git_dir = false;
  bool submodules = true;
  bool by_commit = false;  // `checksum` is what is asked for, and `ref` only its name
  bool operator==(const FetchGit&) const = default;
};

// RUN. Input 0 is the root file system; mounts name further ones.
struct RunProcess {
  enum class Network { default_, none, host };
  enum class Security { sandbox, insecure };

  struct Mount {
    enum class Type { bind, cache, tmpfs, secret, ssh };
    enum class Sharing { shared, private_, locked };
    Type type = Type::bind;
    std::uint32_t input = 0;  // bind, cache with from: index of the vertex's input; 0: none
    std::string source;       // path in that input
    std::string target;       // absolute path in the root file system
    bool read_only = false;
    Sharing sharing = Sharing::shared;
    std::uint64_t size = 0;  // tmpfs, bytes; 0: no limit
    std::uint32_t mode = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    bool required = false;   // secret, ssh
    std::string env;         // secret: the variable that gets the value
    struct Unkeyed {
      std::string id;  // cache, secret, ssh: which one
      bool operator==(const Unkeyed&) const = default;
    } unkeyed;
    bool operator==(const Mount&) const = default;
  };

  // A heredoc that starts with #! is a file the command runs.
  struct Script {
    std::string name;
    std::string content;
    bool operator==(const Script&) const = default;
  };

  struct Device {
    std::string name;  // as CDI has it, "vendor.com/class=name"
    bool required = false;
    bool operator==(const Device&) const = default;
  };

  struct Unkeyed {
    std::vector<std::string> proxies;  // "http_proxy=...": in the environment, never in a key
    std::string shell;                 // the program of SHELL, for looking into a step that failed
    std::vector<std::string> build_arguments;  // names in `environment` that are ARGs, for messages
    bool operator==(const Unkeyed&) const = default;
  };

  std::vector<std::string> arguments;    // what is executed, shell included
  std::vector<std::string> environment;  // "NAME=value", in order
  std::string working_directory;         // absolute; made if missing
  std::string user;                      // as USER has it; empty: root
  std::vector<Mount> mounts;
  std::vector<Script> scripts;
  Network network = Network::default_;
  Security security = Security::sandbox;
  std::string hostname;
  std::vector<std::pair<std::string, std::string>> extra_hosts;  // name, address
  std::uint64_t shm_size = 0;                                    // bytes; 0: 64 MiB
  std::vector<std::string> ulimits;                              // "nofile=1024:2048"
  std::vector<Device> devices;
  Platform platform;
  Unkeyed unkeyed;

  bool operator==(const RunProcess&) const = default;
};

// A place in the Dockerfile, for messages. It says nothing about the result, so it is in no key, and
// operations that differ in nothing else are equal.
struct Origin {
  SourceSpan span;
  std::string written;  // the word's value, before it was cleaned
  bool operator==(const Origin&) const { return true; }
};

// COPY and ADD. Input 0 is the root file system that is copied into (Scratch for --link); the
// sources name the others.
struct CopyFiles {
  // Files of an input. The path may hold wildcards (Go's filepath.Match, and ** with --parents);
  // it is relative to the input's root, cleaned, and never leaves it; "." is the root itself. With
  // --parents one "/./" may be left in it: what stands in front is not repeated.
  struct Selection {
    std::uint32_t input = 0;
    std::string path;
    bool wildcards = false;
    bool unpack = false;  // what its content says is an archive is unpacked, not copied
    Origin origin;        // the word that names it
    bool operator==(const Selection&) const = default;
  };
  // A heredoc: a regular file, mode 0644 unless chmod says otherwise.
  struct InlineFile {
    std::string name;
    std::string content;
    bool operator==(const InlineFile&) const = default;
  };
  std::vector<std::variant<Selection, InlineFile>> sources;
  std::string destination;  // absolute; a trailing slash says "a directory"
  std::string chown;        // as written: names are looked up in the destination's passwd
  std::string chmod;        // octal or symbolic; empty: the sources' own
  std::vector<std::string> exclude;
  bool parents = false;
  bool link = false;        // result is a layer of its own, whatever lies below

  bool operator==(const CopyFiles&) const = default;
};

// WORKDIR. Input 0 is the root file system; missing parents are made alike.
struct MakeDirectory {
  std::string path;   // absolute
  std::string owner;  // as USER has it; empty: root
  std::uint32_t mode = 0755;
  bool operator==(const MakeDirectory&) const = default;
};

// The layers of input 0, then those of the other inputs on top, unchanged (--link).
struct StackLayers {
  bool operator==(const StackLayers&) const = default;
};

using Operation =
    std::variant<Scratch, BaseImage, ReadContext, FetchHttp, FetchGit, RunProcess, CopyFiles, MakeDirectory, StackLayers>;

}  // namespace slipway
