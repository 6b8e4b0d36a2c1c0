// Applying a template to data (Go's text/template, exec.go, for what README.md lists).
#include <frontend/template/functions.hpp>
#include <frontend/template/parse.hpp>
#include <frontend/template/template.hpp>
#include <frontend/template/tree.hpp>
#include <ir/error.hpp>
#include <ir/nearest.hpp>
#include <ir/source.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

class Execution {
 public:
  Execution(const TemplateTree& tree, const Value& data, bool for_terminal, bool headings)
      : tree_(tree), headings_(headings) {
    run_.for_terminal = for_terminal;
    variables_.emplace_back("$", data);
  }

  // What has been written when it throws stands in `text`.
  void run(std::string& text) {
    out_ = &text;
    const Value data = variables_.front().second;
    walk(tree_.nodes, data);
  }

 private:
  enum class Jump { none, next, out };

  [[noreturn]] void fail(std::size_t offset, std::string message, std::size_t length = 1,
                         std::string hint = {}) const {
    Error error(std::move(message));
    error.at(template_place(tree_.file, offset, length));
    if (!hint.empty()) error.hint(std::move(hint));
    throw error;
  }

  void put(std::string_view text) {
    run_.budget.take(text.size() / 4);
    *out_ += text;
  }

  Jump walk(const TemplateNodes& nodes, const Value& dot) {
    for (const TemplateNode& node : nodes) {
      run_.budget.take(1);
      if (const auto* text = std::get_if<TemplateText>(&node.content)) {
        put(text->text);
      } else if (const auto* action = std::get_if<TemplateAction>(&node.content)) {
        const Value value = evaluate(action->pipeline, dot);
        if (action->pipeline.variables.empty())
          put(value.is_absent() ? "<no value>" : shown_text(run_, value));
      } else if (const auto* jump = std::get_if<TemplateJump>(&node.content)) {
        return jump->ends ? Jump::out : Jump::next;
      } else {
        const Jump wanted = branch(std::get<TemplateBranch>(node.content), dot);
        if (wanted != Jump::none) return wanted;
      }
    }
    return Jump::none;
  }

  Jump branch(const TemplateBranch& branch, const Value& dot) {
    const std::size_t visible = variables_.size();
    Jump jump = Jump::none;
    if (branch.kind == TemplateBranch::Kind::range) {
      jump = range(branch, dot);
    } else {
      const Value value = evaluate(branch.pipeline, dot);
      if (is_true(value)) {
        jump = walk(branch.body, branch.kind == TemplateBranch::Kind::with ? value : dot);
      } else {
        jump = walk(branch.otherwise, dot);
      }
    }
    variables_.resize(visible);
    return jump;
  }

  // A loop's variables are new ones each time, unless they were there.
  Jump once(const TemplateBranch& branch, const Value& key, const Value& element) {
    const TemplatePipeline& pipeline = branch.pipeline;
    const std::size_t visible = variables_.size();
    if (pipeline.variables.size() == 2) {
      set(pipeline, 0, key);
      set(pipeline, 1, element);
    } else if (pipeline.variables.size() == 1) {
      set(pipeline, 0, element);
    }
    const Jump jump = walk(branch.body, element);
    variables_.resize(visible);
    return jump;
  }

  Jump range(const TemplateBranch& branch, const Value& dot) {
    const Value value = commands(branch.pipeline, dot);
    std::int64_t turns = 0;
    // False: the loop ends.
    const auto turn = [&](const Value& key, const Value& element) {
      run_.budget.take(1);
      ++turns;
      return once(branch, key, element) != Jump::out;
    };
    if (const Value::List* list = value.as<Value::List>()) {
      for (const Value& element : **list)
        if (!turn(Value(turns), element)) break;
    } else if (const Value::Object* object = value.as<Value::Object>()) {
      std::vector<const ValueMember*> sorted;
      run_.budget.take((*object)->members.size());
      for (const ValueMember& each : (*object)->members)
        if (each.shown) sorted.push_back(&each);
      std::sort(sorted.begin(), sorted.end(),
                [](const auto* a, const auto* b) { return a->name < b->name; });
      for (const ValueMember* each : sorted)
        if (!turn(Value(each->name), each->value)) break;
    } else if (const std::int64_t* number = value.as<std::int64_t>()) {
      for (std::int64_t i = 0; i < *number; ++i)
        if (!turn(Value(i), Value(i))) break;
    } else if (!value.is_nothing()) {
      fail(branch.pipeline.offset, "range goes through lists, maps and numbers, not through a " +
                                       std::string(kind_name(value)));
    }
    return turns == 0 ? walk(branch.otherwise, dot) : Jump::none;
  }

  void set(const TemplatePipeline& pipeline, std::size_t index, const Value& value) {
    const std::string& name = pipeline.variables[index];
    if (pipeline.declares) {
      variables_.emplace_back(name, value);
      return;
    }
    variable(name) = value;
  }

  Value& variable(const std::string& name) {
    const auto found = std::find_if(variables_.rbegin(), variables_.rend(),
                                    [&](const auto& each) { return each.first == name; });
    // The parser has seen that it is there; a mistake of it must not end in somebody's memory.
    if (found == variables_.rend()) throw Error("there is no variable " + quoted(name));
    return found->second;
  }

  Value evaluate(const TemplatePipeline& pipeline, const Value& dot) {
    Value value = commands(pipeline, dot);
    for (std::size_t i = 0; i < pipeline.variables.size(); ++i) set(pipeline, i, value);
    return value;
  }

  Value commands(const TemplatePipeline& pipeline, const Value& dot) {
    Value value;
    bool first = true;
    for (const TemplateCommand& command : pipeline.commands)
      value = evaluate(command, dot, std::exchange(first, false) ? nullptr : &value);
    return value;
  }

  Value evaluate(const TemplateCommand& command, const Value& dot, const Value* last) {
    run_.budget.take(1);
    const TemplateOperand& head = command.operands.front();
    const auto* call = std::get_if<TemplateOperand::Call>(&head.base);
    if (call == nullptr || !head.fields.empty()) return operand(head, dot);
    const TemplateFunction& function = *call->function;
    std::vector<Value> arguments;
    const std::size_t count = command.operands.size() - 1 + (last != nullptr ? 1 : 0);
    for (std::size_t i = 0; i < count; ++i) {
      const bool piped = i + 1 >= command.operands.size();
      arguments.push_back(piped ? *last : operand(command.operands[i + 1], dot));
      if ((function.is_and && !is_true(arguments.back())) ||
          (function.is_or && is_true(arguments.back())))
        break;
    }
    if (headings_ && function.keeps_headings) return arguments.front();
    return invoke(function, arguments, head.offset);
  }

  Value invoke(const TemplateFunction& function, std::span<const Value> arguments,
               std::size_t offset) {
    try {
      return function.call(run_, arguments);
    } catch (Error& error) {
      error.at(template_place(tree_.file, offset, function.name.size()));
      throw;
    }
  }

  Value operand(const TemplateOperand& operand, const Value& dot) {
    run_.budget.take(1);
    Value value;
    if (std::holds_alternative<TemplateOperand::Dot>(operand.base)) {
      value = dot;
    } else if (const auto* named = std::get_if<TemplateOperand::Variable>(&operand.base)) {
      value = variable(named->name);
    } else if (const auto* call = std::get_if<TemplateOperand::Call>(&operand.base)) {
      if (call->function->least > 0)
        fail(operand.offset, quoted(call->function->name) + " needs arguments here",
             call->function->name.size(), "put the call into parentheses");
      value = invoke(*call->function, {}, operand.offset);
    } else if (const auto* inner = std::get_if<TemplateOperand::Parentheses>(&operand.base)) {
      value = evaluate(*inner->pipeline, dot);
    } else {
      value = std::get<Value>(operand.base);
    }
    for (const TemplateField& field : operand.fields) value = ask(value, field);
    if (const ValueText* text = value.as<ValueText>()) run_.budget.take(text->bytes.size() / 64);
    return value;
  }

  Value ask(const Value& value, const TemplateField& field) {
    if (value.is_absent()) return {};
    const Value::Object* object = value.as<Value::Object>();
    if (object == nullptr) {
      const std::string what =
          value.is_nothing() ? "what is nil" : "a " + std::string(kind_name(value));
      fail(field.offset, what + " has no field " + quoted(field.name), field.name.size());
    }
    run_.budget.take((*object)->members.size() / 8);
    if (const Value* found = member(value, field.name)) return *found;
    if ((*object)->open) return {};
    std::vector<std::string> names;
    for (const ValueMember& each : (*object)->members) {
      if (names.size() == 100) break;
      names.push_back(each.name);
    }
    fail(field.offset, "there is no field " + quoted(field.name), field.name.size(),
         did_you_mean(field.name, names, "{{json .}} shows all there is"));
  }

  const TemplateTree& tree_;
  TemplateRun run_;
  bool headings_ = false;
  std::string* out_ = nullptr;
  std::vector<std::pair<std::string, Value>> variables_;  // the innermost last
};

}  // namespace

Template::Template(std::string text, const TemplateOptions& options) {
  auto tree = std::make_shared<TemplateTree>();
  tree->file = std::make_shared<const SourceFile>(SourceFile{options.name, std::move(text)});
  parse_template(*tree, options);
  tree_ = std::move(tree);
}

std::string Template::run(const Value& data, For reader) const {
  std::string text;
  Execution(*tree_, data, reader == For::terminal, false).run(text);
  return text;
}

std::string Template::headings(const Value& names) const {
  std::string text;
  try {
    Execution(*tree_, names, true, true).run(text);
  } catch (const Error&) {
    // The rows have had their say: a heading that cannot be made is none.
    return text;
  }
  return text;
}

bool Template::mentions(std::string_view field) const {
  return tree_->takes_all || tree_->fields.find(field) != tree_->fields.end();
}

}  // namespace slipway
