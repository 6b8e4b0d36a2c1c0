// A command of the program: one file each, listed in commands.cpp.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

namespace CLI {
class App;
}

namespace slipway {

// What every command can ask for.
struct Globals {
  std::filesystem::path root;  // of the store
  bool debug = false;          // say more about what is done
};

struct Subcommand {
  std::string_view name;
  std::string_view summary;  // one line of `slipway --help`; empty: another name, not listed there
  // Adds the command's flags to `app`. What it gives is called once they are parsed, and gives the
  // exit status or throws Error. Only the command that was asked for is declared: the others'
  // flags would cost every start of the program.
  std::function<int()> (*declare)(CLI::App& app, const Globals& globals);
  // In place of that: the commands that this word stands before.
  std::span<const Subcommand> (*group)() = nullptr;
};

// In the order of `slipway --help`.
std::span<const Subcommand> commands();
// Those of `slipway image`.
std::span<const Subcommand> image_commands();
std::span<const Subcommand> container_commands();
std::span<const Subcommand> volume_commands();
std::span<const Subcommand> network_commands();

// Each in a file of its name.
std::function<int()> declare_attestations(CLI::App& app, const Globals& globals);
std::function<int()> declare_build(CLI::App& app, const Globals& globals);
std::function<int()> declare_cache(CLI::App& app, const Globals& globals);
std::function<int()> declare_checks(CLI::App& app, const Globals& globals);
std::function<int()> declare_config(CLI::App& app, const Globals& globals);
std::function<int()> declare_context(CLI::App& app, const Globals& globals);
std::function<int()> declare_du(CLI::App& app, const Globals& globals);
std::function<int()> declare_doctor(CLI::App& app, const Globals& globals);
std::function<int()> declare_fmt(CLI::App& app, const Globals& globals);
std::function<int()> declare_fsck(CLI::App& app, const Globals& globals);
std::function<int()> declare_image_prune(CLI::App& app, const Globals& globals);
std::function<int()> declare_image_inspect(CLI::App& app, const Globals& globals);
std::function<int()> declare_images(CLI::App& app, const Globals& globals);
std::function<int()> declare_inspect(CLI::App& app, const Globals& globals);
std::function<int()> declare_history(CLI::App& app, const Globals& globals);
std::function<int()> declare_tag(CLI::App& app, const Globals& globals);
std::function<int()> declare_rmi(CLI::App& app, const Globals& globals);
std::function<int()> declare_search(CLI::App& app, const Globals& globals);
std::function<int()> declare_login(CLI::App& app, const Globals& globals);
std::function<int()> declare_logout(CLI::App& app, const Globals& globals);
std::function<int()> declare_prune(CLI::App& app, const Globals& globals);
std::function<int()> declare_pull(CLI::App& app, const Globals& globals);
std::function<int()> declare_push(CLI::App& app, const Globals& globals);
std::function<int()> declare_load(CLI::App& app, const Globals& globals);
std::function<int()> declare_save(CLI::App& app, const Globals& globals);
std::function<int()> declare_export(CLI::App& app, const Globals& globals);
std::function<int()> declare_diff(CLI::App& app, const Globals& globals);
std::function<int()> declare_ls(CLI::App& app, const Globals& globals);
std::function<int()> declare_cat(CLI::App& app, const Globals& globals);
std::function<int()> declare_rebase(CLI::App& app, const Globals& globals);
std::function<int()> declare_import(CLI::App& app, const Globals& globals);
std::function<int()> declare_sbom(CLI::App& app, const Globals& globals);
// In containers/.
std::function<int()> declare_attach(CLI::App& app, const Globals& globals);
std::function<int()> declare_commit(CLI::App& app, const Globals& globals);
std::function<int()> declare_cp(CLI::App& app, const Globals& globals);
std::function<int()> declare_create(CLI::App& app, const Globals& globals);
std::function<int()> declare_exec(CLI::App& app, const Globals& globals);
std::function<int()> declare_kill(CLI::App& app, const Globals& globals);
std::function<int()> declare_logs(CLI::App& app, const Globals& globals);
std::function<int()> declare_pause(CLI::App& app, const Globals& globals);
std::function<int()> declare_unpause(CLI::App& app, const Globals& globals);
std::function<int()> declare_port(CLI::App& app, const Globals& globals);
std::function<int()> declare_ps(CLI::App& app, const Globals& globals);
std::function<int()> declare_rename(CLI::App& app, const Globals& globals);
std::function<int()> declare_restart(CLI::App& app, const Globals& globals);
std::function<int()> declare_rm(CLI::App& app, const Globals& globals);
std::function<int()> declare_run(CLI::App& app, const Globals& globals);
std::function<int()> declare_start(CLI::App& app, const Globals& globals);
std::function<int()> declare_stats(CLI::App& app, const Globals& globals);
std::function<int()> declare_stop(CLI::App& app, const Globals& globals);
std::function<int()> declare_top(CLI::App& app, const Globals& globals);
std::function<int()> declare_wait(CLI::App& app, const Globals& globals);
std::function<int()> declare_container_inspect(CLI::App& app, const Globals& globals);
std::function<int()> declare_container_prune(CLI::App& app, const Globals& globals);
std::function<int()> declare_container_hook(CLI::App& app, const Globals& globals);

// Whether stderr is a terminal that may show colours (https://no-color.org).
bool use_color();

}  // namespace slipway
