// From statements to typed instructions: one function per instruction, a file per family.
//
// Each reports every mistake it finds and goes on, so what it returns after a mistake is only good
// for finding more of them.
#pragma once

#include <frontend/statements.hpp>
#include <frontend/words.hpp>
#include <ir/instruction.hpp>

#include <optional>

namespace slipway {

struct Reading {
  char escape;
  Report& report;

  Word word(const Fragment& text) const { return read_word(text, escape, report); }
};

// Any instruction. One that does not exist is read as that which was probably meant, without looking
// for mistakes in it; where that cannot be told, it is an ENV of nothing.
Instruction read_instruction(const Statement& statement, const Reading& reading);

From read_from(const Statement& statement, const Reading& reading);

Arg read_arg(const Statement& statement, const Reading& reading);
Env read_env(const Statement& statement, const Reading& reading);
Label read_label(const Statement& statement, const Reading& reading);

Run read_run(const Statement& statement, const Reading& reading);
Cmd read_cmd(const Statement& statement, const Reading& reading);
Entrypoint read_entrypoint(const Statement& statement, const Reading& reading);
Shell read_shell(const Statement& statement, const Reading& reading);
Healthcheck read_healthcheck(const Statement& statement, const Reading& reading);

Copy read_copy(const Statement& statement, const Reading& reading);
Add read_add(const Statement& statement, const Reading& reading);

Workdir read_workdir(const Statement& statement, const Reading& reading);
User read_user(const Statement& statement, const Reading& reading);
Expose read_expose(const Statement& statement, const Reading& reading);
Volume read_volume(const Statement& statement, const Reading& reading);
StopSignal read_stopsignal(const Statement& statement, const Reading& reading);
Maintainer read_maintainer(const Statement& statement, const Reading& reading);
Onbuild read_onbuild(const Statement& statement, const Reading& reading);

// A value of RUN --mount.
RunMount read_mount(const Fragment& value, const Reading& reading);
// A value of RUN --device.
RunDevice read_device(const Fragment& value, const Reading& reading);

// The instructions' names, in capitals.
const std::vector<std::string>& instruction_names();

// The heredocs a statement opens, with their bodies; reports one that does not end. `words`: their
// content is expanded by us (COPY, ADD) and not by a shell.
std::vector<Heredoc> read_heredocs(const Statement& statement, bool words, const Reading& reading);

}  // namespace slipway
