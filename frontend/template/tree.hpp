// A template, parsed: what parse.cpp gives and execute.cpp walks.
#pragma once

#include <frontend/template/value.hpp>

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace slipway {

struct SourceFile;
struct TemplateFunction;
struct TemplatePipeline;

// A name behind a dot, and where it stands.
struct TemplateField {
  std::string name;
  std::size_t offset = 0;
};

struct TemplateOperand {
  struct Dot {};
  struct Variable {
    std::string name;  // "$" is what the template was applied to
  };
  struct Call {
    const TemplateFunction* function = nullptr;
  };
  struct Parentheses {
    std::shared_ptr<const TemplatePipeline> pipeline;
  };

  std::variant<Dot, Variable, Call, Parentheses, Value> base;
  std::vector<TemplateField> fields;  // asked of it, one of the other
  std::size_t offset = 0;             // bytes into the text, as all of them
};

// One stage of a pipeline: a value, or a function with its arguments.
struct TemplateCommand {
  std::vector<TemplateOperand> operands;
};

struct TemplatePipeline {
  std::vector<std::string> variables;  // that get its value, instead of the output
  bool declares = false;               // new ones; else those that are there
  std::vector<TemplateCommand> commands;
  std::size_t offset = 0;
};

struct TemplateNode;
using TemplateNodes = std::vector<TemplateNode>;

struct TemplateText {
  std::string text;
};
struct TemplateAction {
  TemplatePipeline pipeline;
};
struct TemplateBranch {
  enum class Kind { condition, with, range } kind = Kind::condition;
  TemplatePipeline pipeline;
  TemplateNodes body;
  TemplateNodes otherwise;
};
struct TemplateJump {
  bool ends = false;  // {{break}}; else {{continue}}
};

struct TemplateNode {
  std::variant<TemplateText, TemplateAction, TemplateBranch, TemplateJump> content;
};

struct TemplateTree {
  std::shared_ptr<const SourceFile> file;
  TemplateNodes nodes;
  std::set<std::string, std::less<>> fields;  // all names behind dots
  bool takes_all = false;                     // "." is used by itself
};

// The place of one byte of the text, for messages; `length` bytes of it.
struct SourceSpan;
SourceSpan template_place(const std::shared_ptr<const SourceFile>& file, std::size_t offset,
                          std::size_t length = 1);

}  // namespace slipway
