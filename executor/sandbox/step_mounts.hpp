// All mounts of one step, prepared while it does not exist yet: each is made detached by the
// builder, its place is opened in the root, and slipway-init only puts the one upon the other.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/sandbox/init/plan.hpp>
#include <executor/sandbox/process_runner.hpp>
#include <executor/sandbox/rights.hpp>
#include <executor/sandbox/root_tree.hpp>
#include <executor/ssh/agent_forward.hpp>
#include <executor/user_namespace.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// Descriptors that init will be born with, and what it is to do with them.
class StepMounts {
 public:
  // Mounts the overlay of the request. All later calls concern that root. `ids`: those that files
  // can have.
  StepMounts(const RunRequest& request, const StepRights& rights, Ids ids);
  StepMounts(StepMounts&&) = delete;

  RootTree& root() { return tree_; }

  // In this order; a later mount may lie in an earlier one.
  void add_kernel_file_systems(bool own_network);  // /proc, /sys, /dev and what belongs there
  void add_scripts();                              // /dev/pipes
  // /etc/hosts and /etc/resolv.conf; `gateway` as for hosts_file().
  void add_network_files(const std::string& resolv_conf, const std::string& gateway);
  void add_given_devices();  // RUN --device
  void add_requested();      // RUN --mount
  // Of containers: a detached mount of a directory or file goes to `target`, of which what is missing
  // is made.
  void add_tree(FileDescriptor tree, const std::string& target);
  void add_console(const FileDescriptor& terminal);  // its own terminal as /dev/console, too
  // At the end: what is mounted in it stays as it is.
  void make_root_read_only();

  // "NAME=value" of secrets that are variables.
  const std::vector<std::string>& secret_environment() const { return secret_environment_; }

  // /sys is the host's, with all that is mounted in it.
  bool shows_host_groups() const { return host_sys_; }
  // The file system of /dev/pts, where a terminal for the step is made.
  int terminals() const { return terminals_; }

  int root_number() const { return root_number_; }
  FileDescriptor root_mount() const;  // another descriptor of it
  int shelf_number() const { return shelf_number_; }
  // The text of an action, which is an offset in init's plan, is an index into texts() here.
  const std::vector<init::MountAction>& actions() const { return actions_; }
  const std::vector<std::string>& texts() const { return texts_; }
  const std::vector<std::string>& labels() const { return labels_; }  // of each action
  const std::vector<FileDescriptor>& descriptors() const { return descriptors_; }
  std::vector<Stub> take_stubs() { return tree_.take_stubs(); }

  // Sockets in the step at which somebody has to answer as long as it runs.
  std::vector<AgentSocket> take_agent_sockets() { return std::move(agent_sockets_); }

 private:
  int hand(FileDescriptor descriptor);  // its number in init
  // Each gives the action's index.
  int act(init::MountAction action, RootTree::Place place, const std::string& label);
  int attach(FileDescriptor mount, RootTree::Place place, const std::string& label);
  int bind(FileDescriptor source, RootTree::Place place, std::uint64_t attributes,
           const std::string& label);
  int file_system(const std::string& type, RootTree::Place place, std::uint64_t attributes);
  // A mount that is only cloned from.
  void shelve(FileDescriptor mount, const std::string& label);
  // The step's memory file system, of which the program sees only what is bound.
  int hidden();
  std::string next_hidden_name() { return std::to_string(hidden_files_++); }
  // A file in it.
  FileDescriptor hidden_file(std::string_view content, std::uint32_t mode, std::uint32_t uid,
                             std::uint32_t gid);

  void add_devices();
  void add_node(const DeviceNode& node);
  void add_host_mount(const DeviceMount& mount);
  void make_all_devices();
  void add_bind(const ResolvedMount& mount, std::size_t index);
  void add_cache(const ResolvedMount& mount);
  void add_tmpfs(const ResolvedMount& mount);
  void add_secret(const ResolvedMount& mount);
  void add_ssh(const ResolvedMount& mount);

  const RunRequest& request_;
  const StepRights& rights_;
  const Ids ids_;
  std::vector<FileDescriptor> descriptors_;  // in the order of init's numbers
  int root_number_ = -1;
  RootTree tree_;
  int shelf_number_ = -1;
  int hidden_ = -1;  // the memory file system, once there is one
  std::uint32_t hidden_files_ = 0;
  int devices_ = -1;  // /dev
  bool host_sys_ = false;
  int terminals_ = -1;  // /dev/pts
  int nodes_ = -1;      // the file system of the nodes of RUN --device, once there is one
  std::uint32_t made_nodes_ = 0;
  std::vector<init::MountAction> actions_;
  std::vector<std::string> texts_;
  std::vector<std::string> labels_;
  std::vector<std::string> secret_environment_;
  std::vector<AgentSocket> agent_sockets_;
};

}  // namespace slipway
