// What can be asked of a Dockerfile instead of a build (`--call`), as text and as JSON.
//
// Text and JSON are those of docker buildx and BuildKit (frontend/subrequests): other tools read
// them.
#pragma once

#include <frontend/checks/check.hpp>
#include <ir/instruction.hpp>
#include <ir/outline.hpp>

#include <string>

namespace slipway {

// The findings, each with its lines and what to do; the mistakes are the caller's to show.
std::string check_text(const Checked& checked, const SourceFile& file);
std::string check_json(const Checked& checked, const SourceFile& file);

// The stages, with the comments that describe them.
std::string targets_text(const Dockerfile& dockerfile);
std::string targets_json(const Dockerfile& dockerfile);

// What a stage can be given.
std::string outline_text(const Outline& outline);
std::string outline_json(const Outline& outline, const SourceFile& file);

// The calls there are.
std::string describe_text();
std::string describe_json();

}  // namespace slipway
