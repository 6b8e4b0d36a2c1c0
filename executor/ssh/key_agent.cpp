#include <executor/ssh/key_agent.hpp>

#include <ir/error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_key_bytes = 100 << 10;  // BuildKit's limit
constexpr int patience = 10'000;                   // milliseconds: of a machine under great load

// A folder of this user's, gone again at the end of the scope: it is only needed until the socket's
// inode is at hand. A socket's path must be short.
class SocketFolder {
 public:
  SocketFolder() {
    constexpr std::size_t longest = 70;
    std::error_code none;
    fs::path temporary = fs::temp_directory_path(none);
    if (none || temporary.native().size() > longest) temporary = "/tmp";
    std::string name = temporary / "slipway-ssh-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw system_error("mkdtemp", name, errno);
    path_ = name;
  }
  SocketFolder(const SocketFolder&) = delete;
  ~SocketFolder() {
    std::error_code ignored;  // an empty folder that stays harms nobody
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string program_of_openssh(const char* name) {
  if (auto file = find_program(name)) return *std::move(file);
  throw Error("--ssh with keys needs the program " + std::string(name))
      .hint("install OpenSSH's client (Debian: openssh-client), or give an agent's socket");
}

// A file in memory, to be read from its beginning.
FileDescriptor memory_file(const std::string& bytes) {
  FileDescriptor file(::memfd_create("key", MFD_CLOEXEC));
  if (!file) throw system_error("memfd_create", "", errno);
  write_all(file.get(), bytes, "key");
  if (::lseek(file.get(), 0, SEEK_SET) != 0) throw system_error("lseek", "key", errno);
  return file;
}

std::string read_key(const fs::path& path) {
  // Not blocking: a pipe that nobody writes to must not hold the build up.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) throw system_error("open", path.string(), errno).hint("--ssh reads a key from it");
  std::string bytes(most_key_bytes, '\0');
  std::size_t used = 0;
  while (used < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read", path.string(), errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  bytes.resize(used);
  return bytes;
}

FileDescriptor null_device() {
  FileDescriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) throw system_error("open", "/dev/null", errno);
  return null;
}

std::string rest_of(const FileDescriptor& pipe) {
  std::string text;
  std::array<char, 4096> buffer;
  ssize_t got = 0;
  while (text.size() < most_key_bytes && (got = ::read(pipe.get(), buffer.data(), buffer.size())) > 0)
    text.append(buffer.data(), static_cast<std::size_t>(got));
  return text;
}

}  // namespace

KeyAgent::KeyAgent(const std::vector<fs::path>& keys) {
  {
    const SocketFolder folder;
    start(folder.path());
  }
  for (const fs::path& key : keys) add(key);
}

fs::path KeyAgent::socket() const {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(socket_.get());
}

void KeyAgent::start(const fs::path& folder) {
  const fs::path path = folder / "agent";
  const FileDescriptor null = null_device();
  Pipe output = make_pipe();
  Pipe errors = make_pipe();
  ChildProcess::Call call;
  call.program = program_of_openssh("ssh-agent");
  call.arguments = {"ssh-agent", "-D", "-a", path.string()};
  call.environment = {"PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=/"};
  call.descriptors = {null.get(), output.write.get(), errors.write.get()};
  agent_ = std::make_unique<ChildProcess>(std::move(call));
  output.write = FileDescriptor();
  errors.write = FileDescriptor();
  // It says where it listens once it does.
  pollfd waiting = {output.read.get(), POLLIN, 0};
  int ready = 0;
  while ((ready = ::poll(&waiting, 1, patience)) < 0 && errno == EINTR) {
  }
  socket_ = FileDescriptor(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (ready == 1 && (waiting.revents & POLLIN) != 0 && socket_) return;
  agent_->signal(SIGKILL);
  throw Error("ssh-agent did not start").detail(rest_of(errors.read));
}

void KeyAgent::add(const fs::path& key) {
  // By its standard input: of a file it would not take what others can read, which docker does.
  const FileDescriptor input = memory_file(read_key(key));
  const FileDescriptor null = null_device();
  Pipe errors = make_pipe();
  ChildProcess::Call call;
  call.program = program_of_openssh("ssh-add");
  call.arguments = {"ssh-add", "-q", "-"};
  call.environment = {"PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=/", "SSH_ASKPASS_REQUIRE=never",
                      "SSH_AUTH_SOCK=" + socket().string()};
  call.descriptors = {input.get(), null.get(), errors.write.get()};
  ChildProcess adding(std::move(call));
  errors.write = FileDescriptor();
  const std::string said = rest_of(errors.read);
  if (adding.wait() == 0) return;
  throw Error("--ssh: " + quoted(key.string()) + " holds no key that can be used")
      .detail(said)
      .hint("a key with a passphrase goes into an agent: ssh-add KEY, and --ssh ID=$SSH_AUTH_SOCK");
}

}  // namespace slipway
