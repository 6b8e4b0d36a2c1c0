#include <executor/contents/elf.hpp>
#include <executor/contents/formats.hpp>
#include <executor/contents/inventory.hpp>

#include <cache/file_descriptor.hpp>
#include <cache/layers/stack.hpp>
#include <executor/export/merged.hpp>
#include <ir/error.hpp>
#include <ir/printable.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <map>
#include <utility>

namespace slipway {
namespace {

// By far more than honest images have. Counts and bytes, never time: the same files give the same
// list on any machine.
constexpr std::uint64_t most_bytes = std::uint64_t{4} << 30;  // read or unpacked, of all files
constexpr std::size_t most_files = 500'000;                   // opened
constexpr std::size_t most_notes = 100;
constexpr std::uint64_t most_text = 64 << 20;        // a database or lock file
constexpr std::uint64_t most_database = 256 << 20;   // rpm's
constexpr std::uint64_t most_description = 2 << 20;  // of a single package
constexpr std::uint64_t most_prefix = 256 << 10;     // of metadata before a description

class Finder {
 public:
  explicit Finder(const StackView& view) : view_(view) {}

  Inventory find() {
    read_distribution();
    read_dpkg();
    for (const char* path : {"lib/apk/db/installed", "usr/lib/apk/db/installed"})
      at(path,
         [&](const Entry& entry) { take(entry, read_apk_installed(text(entry, most_text))); });
    read_rpm();
    walk_merged(view_, [&](const Entry& entry) { look(entry); });
    return finish();
  }

 private:
  void note(const std::string& text) {
    if (inventory_.notes.size() > most_notes) return;
    const bool last = inventory_.notes.size() == most_notes;
    inventory_.notes.push_back(last ? "further notes are left out" : printable(text));
  }

  // What one file is good for, and nothing that is wrong with it ends more than that.
  void attempt(const std::string& path, const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      note("/" + path + ": " + error.what());
    }
  }

  // The file that a process in the tree finds there; each once, whatever links lead to it.
  void at(const std::string& path, const std::function<void(const Entry&)>& work) {
    attempt(path, [&] {
      const StackView::Resolved found = view_.resolve(path, true);
      if (!found.entry || found.entry->type != Entry::Type::file) return;
      if (databases_.insert(found.path).second) attempt(found.path, [&] { work(*found.entry); });
    });
  }

  FileDescriptor open(const Entry& entry) {
    if (++files_ > most_files) throw Error("too many files tell of packages, so it is left out");
    return FileDescriptor(view_.open(entry));
  }

  // The whole file, or its first bytes.
  std::string prefix(const Entry& entry, std::uint64_t most) {
    const std::uint64_t size = std::min(entry.size, most);
    budget_.take(size);
    std::string bytes(size, '\0');
    const FileDescriptor file = open(entry);
    if (!read_at(file.get(), 0, std::as_writable_bytes(std::span(bytes.data(), bytes.size()))))
      throw Error("the store's copy of it is too short");
    return bytes;
  }
  std::string text(const Entry& entry, std::uint64_t most) {
    if (entry.size > most) throw Error("it is larger than any file of its kind, so it is not read");
    return prefix(entry, most);
  }

  static bool read_at(int file, std::uint64_t offset, std::span<std::byte> buffer) {
    while (!buffer.empty()) {
      const ssize_t got = ::pread(file, buffer.data(), buffer.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      offset += static_cast<std::uint64_t>(got);
      buffer = buffer.subspan(static_cast<std::size_t>(got));
    }
    return true;
  }

  // The topmost layer that has the path.
  std::optional<DiffId> layer_of(const std::string& path) const {
    const auto& layers = view_.layers();
    for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer)
      if (layer->index->find(path)) return layer->index->layer().diff_id;
    return std::nullopt;
  }

  // What is behind the last that may be is left out, and told.
  std::vector<Package> counted(const Entry& entry, std::vector<Package> packages) {
    if (packages.size() > most_packages) {
      packages.resize(most_packages);
      note("/" + entry.path + ": what is behind the first " + std::to_string(most_packages) +
           " packages in it is left out");
    }
    return packages;
  }
  void take(const Entry& entry, std::vector<Package> packages) {
    for (Package& package : counted(entry, std::move(packages))) take(entry, std::move(package));
  }
  void take(const Entry& entry, Package package) {
    if (!package.layer) package.layer = layer_of(entry.path);
    package.found_in.insert("/" + entry.path);
    package.purl = purl_of(package, inventory_.distribution);
    const auto found = packages_.find(package.purl);
    if (found == packages_.end()) {
      if (packages_.size() >= most_packages) throw Error("there are too many packages to list");
      packages_.emplace(package.purl, std::move(package));
      return;
    }
    Package& known = found->second;
    known.found_in.merge(package.found_in);
    known.licences.merge(package.licences);
    if (known.supplier.empty()) known.supplier = package.supplier;
    if (known.homepage.empty()) known.homepage = package.homepage;
  }

  void read_distribution() {
    for (const char* path : {"etc/os-release", "usr/lib/os-release"}) {
      if (!inventory_.distribution.id.empty()) return;
      at(path, [&](const Entry& entry) {
        inventory_.distribution = read_os_release(text(entry, most_description));
      });
    }
  }

  // A package's own files say which layer it came with, and under which licences it stands.
  void add_debian_facts(Package& package) {
    for (const std::string& list :
         {"var/lib/dpkg/info/" + package.name + ".list",
          "var/lib/dpkg/info/" + package.name + ":" + package.architecture + ".list"})
      if (const auto layer = layer_of(list); layer && view_.find(list)) package.layer = layer;
    const std::string path = "usr/share/doc/" + package.name + "/copyright";
    attempt(path, [&] {
      const auto found = view_.resolve(path, true);
      if (!found.entry || found.entry->type != Entry::Type::file) return;
      package.licences = read_debian_copyright(text(*found.entry, most_description));
    });
  }

  void read_dpkg() {
    const auto read = [&](const Entry& entry) {
      for (Package& package : counted(entry, read_dpkg_status(text(entry, most_text)))) {
        // The name becomes a part of paths.
        if (package.name.find('/') == std::string::npos && package.name != "..")
          add_debian_facts(package);
        take(entry, std::move(package));
      }
    };
    at("var/lib/dpkg/status", read);
    attempt("var/lib/dpkg/status.d", [&] {
      // Images without a package manager have a file for each package here.
      const auto folder = view_.resolve("var/lib/dpkg/status.d", true);
      if (!folder.entry || folder.entry->type != Entry::Type::directory) return;
      for (const std::string& name : view_.list(folder.path))
        if (!name.ends_with(".md5sums")) at(folder.path + "/" + name, read);
    });
  }

  void read_rpm() {
    for (const std::string folder : {"var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"}) {
      at(folder + "/rpmdb.sqlite", [&](const Entry& entry) {
        std::vector<std::string> notes;
        take(entry, read_rpm_database(text(entry, most_database), notes));
        for (const std::string& told : notes) note("/" + entry.path + ": " + told);
        const auto log = view_.find(entry.path + "-wal");
        if (log && log->size > 0) note("/" + log->path + ": what is in this log alone is not read");
      });
      for (const auto& [name, kind] :
           {std::pair{"Packages", "Berkeley DB"}, std::pair{"Packages.db", "ndb"}}) {
        at(folder + "/" + name, [&, kind = kind](const Entry& entry) {
          note("/" + entry.path + ": rpm's packages are in a database of " + kind +
               ", which is not read: none of them is listed");
        });
      }
    }
  }

  // A file by its name, or a program.
  void look(const Entry& entry) {
    if (entry.type != Entry::Type::file || entry.size == 0) return;
    const std::string_view path = entry.path;
    const std::string_view name = base_name(path);
    const std::string_view folder = parent_path(path);
    if (name == "package.json" && is_npm_package(folder)) {
      attempt(entry.path, [&] {
        if (auto package = read_npm_package(text(entry, most_description)))
          take(entry, std::move(*package));
      });
    } else if (name == "package-lock.json" && path.find("node_modules/") == path.npos) {
      attempt(entry.path, [&] { take(entry, read_npm_lock(text(entry, most_text))); });
    } else if ((name == "METADATA" && folder.ends_with(".dist-info")) ||
               (name == "PKG-INFO" && folder.ends_with(".egg-info")) ||
               name.ends_with(".egg-info")) {
      attempt(entry.path, [&] {
        if (auto package = read_python_metadata(prefix(entry, most_prefix)))
          take(entry, std::move(*package));
      });
    } else if (name == "Cargo.lock") {
      attempt(entry.path, [&] { take(entry, read_cargo_lock(text(entry, most_text))); });
    } else if ((entry.mode & 0111U) != 0 && entry.hard_link.empty()) {
      attempt(entry.path, [&] { look_at_program(entry); });
    }
  }

  // node_modules/NAME or node_modules/@SCOPE/NAME: deeper ones are parts of packages.
  static bool is_npm_package(std::string_view folder) {
    std::string_view above = parent_path(folder);
    if (base_name(above).starts_with('@')) above = parent_path(above);
    return base_name(above) == "node_modules";
  }

  void look_at_program(const Entry& entry) {
    const FileDescriptor file = open(entry);
    const auto program = ElfFile::open(
        [&](std::uint64_t offset, std::span<std::byte> buffer) {
          if (buffer.size() > budget_.left) return false;
          budget_.take(buffer.size());
          return read_at(file.get(), offset, buffer);
        },
        entry.size);
    if (!program) return;
    if (const auto crates = find_cargo_audit(*program))
      take(entry, read_cargo_audit(std::as_bytes(std::span(*crates)), budget_));
    if (const auto info = find_go_build_info(*program))
      take(entry, read_go_modules(info->go_version, info->modules));
  }

  Inventory finish() {
    for (auto& [purl, package] : packages_) inventory_.packages.push_back(std::move(package));
    return std::move(inventory_);
  }

  const StackView& view_;
  Inventory inventory_;
  std::map<std::string, Package> packages_;  // by purl
  std::set<std::string> databases_;          // that were read
  ByteBudget budget_{most_bytes};
  std::size_t files_ = 0;
};

}  // namespace

Inventory find_packages(const StackView& view) {
  return Finder(view).find();
}

}  // namespace slipway
