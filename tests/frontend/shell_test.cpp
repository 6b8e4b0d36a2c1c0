// The shell's syntax, as the build checks read it.
#include <doctest/doctest.h>

#include <frontend/checks/shell_syntax.hpp>

#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace slipway {
namespace {

// Commands as "word|word"; ">" in front of what a redirection writes to, "=" of an assignment.
std::string shown(std::string_view script) {
  const ShellScript read = read_shell(script);
  std::string text;
  for (const ShellCommand& command : read.commands) {
    if (!text.empty()) text += "; ";
    std::string line;
    const auto add = [&](const std::string& word) { line += (line.empty() ? "" : "|") + word; };
    for (const ShellWord& word : command.assignments) add("=" + word.text);
    for (const ShellWord& word : command.words) add(word.text);
    for (const ShellRedirection& each : command.redirections) add(each.op + each.target.text);
    text += line;
  }
  return read.understood ? text : text + " ?";
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

}  // namespace

TEST_CASE("commands end at ; & && || | and line breaks") {
  CHECK(shown("a b; c&&d||e | f & g\nh |& i") == "a|b; c; d; e; f; g; h; i");
  const ShellScript script = read_shell("a | b && c || d & e; f");
  using Link = ShellCommand::Link;
  const Link links[] = {Link::pipe,       Link::and_,     Link::or_,
                        Link::background, Link::sequence, Link::none};
  REQUIRE(script.commands.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(script.commands[i].after == links[i]);
    if (i > 0) CHECK(script.commands[i].before == links[i - 1]);
  }
}

TEST_CASE("quotes and escapes are taken away, variables and commands are not") {
  CHECK(shown(R"(a\ b 'c "d' "e 'f \" \x" g"h"'i' "")") == R"(a b|c "d|e 'f " \x|ghi|)");
  CHECK(shown("a $x \"${y:-\"z w\"}\" $(b; c) `d | e` $((1+(2)))") ==
        "a|$x|${y:-\"z w\"}|$(b; c)|`d | e`|$((1+(2)))");
  CHECK(shown("a b\\\nc \\\n d # e\nf#g") == "a|bc|d; f#g");
  CHECK(shown("a $'b\\'c' $\"d\" $ $1x $?") == "a|b\\'c|d|$|$1x|$?");
  CHECK_FALSE(read_shell("a $x").commands[0].words[1].literal);
  CHECK_FALSE(read_shell("a \"b$x\"").commands[0].words[1].literal);
  CHECK(read_shell("a '$x' \\$x").commands[0].words[1].literal);
  CHECK(read_shell("a '$x' \\$x").commands[0].words[2].literal);
}

TEST_CASE("assignments and redirections are no words") {
  CHECK(shown("a=1 b+='2 3' c=(d e) f g=h") == "=a=1|=b+=2 3|=c=(d e)|f|g=h");
  CHECK(shown("a > b 2>&1 < c >>d &>e <<<f 3x>g") == "a|3x|>b|>&1|<c|>>d|&>e|<<<f|>g");
  CHECK(shown("a <(b) >(c; d)") == "a|<(b)|>(c; d)");
}

TEST_CASE("the bodies of heredocs are skipped") {
  CHECK(shown("a <<X | b <<-'Y'\nc\nX\nd\n\tY\ne") == "a|<<X; b|<<-Y; e");
  CHECK(shown("a <<X\nb\n") == "a|<<X ?");
  CHECK(shown("a <<X") == "a|<<X");  // its body is the Dockerfile's
}

TEST_CASE("what is built of commands gives the commands in it") {
  CHECK(shown("if a; then b; elif c; then d; else e; fi && f") == "a; b; c; d; e; f");
  CHECK(shown("while a; do b; done < c; until d\ndo e\ndone") == "a; b; d; e");
  CHECK(shown("for x in a \"b c\"; do d $x; done | e") == "for|x|in|a|b c; d|$x; e");
  CHECK(shown("(a; (b)) && { c; } > d; ! e") == "a; b; c; e");
  CHECK(shown("f() { a; }; function g { b; }; f") == "a; b; f");
  CHECK(shown("case $x in a|b) c ;; (d) e;& *) ;; esac; g") == "case|$x|in; c; e; g");
  CHECK(shown("[[ a && ( b < c ) ]] && d; ((x<1)) || e") == "[[|a|b|c|]]; d; e");
  CHECK(read_shell("a; { b; (c); }; d").commands[2].depth == 2);
  CHECK(read_shell("a; { b; (c); }; d").commands[3].depth == 0);
}

TEST_CASE("a keyword is one only where a command begins, and unquoted") {
  CHECK(shown("echo if then fi; 'if' a; \\done") == "echo|if|then|fi; if|a; done");
  CHECK(shown("'case' x in; case x 'in'; 'for' a") == "case|x|in; case|x|in; for|a");
}

TEST_CASE("what does not fit together is not understood") {
  for (const char* script : {"a 'b",   "a \"b",          "a $(b",  "a `b",         "a ${b", "(a",
                             "a)",     "{ a; ",          "a; }",   "if a; then b", "fi",    "a (b)",
                             "(a) b",  "case x in a) b", "a >",    "a > ; b",      "[[ a",  "done",
                             "a ;; b", "a=(b",           "{ a; )", "(a; }",        "a $'b"}) {
    CAPTURE(script);
    CHECK_FALSE(read_shell(script).understood);
  }
}

TEST_CASE("time is proportional to the size of a script, however it nests") {
  constexpr std::size_t times = 40000;
  for (const char* piece : {"(",
                            ")",
                            "{ ",
                            "$(",
                            "${x:-",
                            "`",
                            "\"",
                            "'",
                            "\"$(",
                            "if a; then ",
                            "case a in b) ",
                            "f() ",
                            "<<X ",
                            "a=(",
                            "[[ ",
                            "a | ",
                            "\\",
                            "<(",
                            "sh -c \"",
                            "$((",
                            "x\n",
                            "<<X\n",
                            "for ",
                            "\"${x:-'"}) {
    CAPTURE(piece);
    const std::string script = repeated(piece, times);
    const ShellScript read = read_shell(script);
    CHECK(read.commands.size() <= script.size());
  }
  CHECK(read_shell(repeated("(", times) + "a" + repeated(")", times)).understood);
  CHECK(read_shell("a " + repeated("$(", times) + repeated(")", times)).understood);
}

// As the fuzzer does, in small: pieces in any order.
TEST_CASE(
    "words stand in the script in its order, and mean the same when written again in quotes") {
  const char* pieces[] = {"a",   " ",    "b ",  "'",     "\"",  "\\",  "$",     "$x",   "${",
                          "}",   "$(",   ")",   "(",     "`",   ";",   "&",     "&&",   "|",
                          "||",  "\n",   "<",   ">",     "<<",  "2>",  "#",     "{ ",   "case ",
                          "in ", "esac", "if ", "then ", "fi ", "do ", "done ", "for ", "[[ ",
                          "]] ", "x=",   "!",   ";;",    "-c ", "sh "};
  std::mt19937 random(7);  // NOLINT: the same texts every time
  std::size_t understood = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string script;
    for (std::size_t count = random() % 12; count > 0; --count)
      script += pieces[random() % std::size(pieces)];
    CAPTURE(script);
    const ShellScript read = read_shell(script);
    std::size_t at = 0;
    std::string again;
    for (const ShellCommand& command : read.commands) {
      for (const auto* words : {&command.assignments, &command.words}) {
        for (const ShellWord& word : *words) {
          REQUIRE(word.begin >= at);
          REQUIRE(word.end > word.begin);
          REQUIRE(word.end <= script.size());
          at = word.end;
        }
      }
      for (const ShellWord& word : command.words) {
        again += '\'';
        for (const char c : word.text) again += c == '\'' ? "'\\''" : std::string(1, c);
        again += "' ";
      }
      again += "; ";
    }
    if (!read.understood) continue;
    ++understood;
    const ShellScript written = read_shell(again);
    REQUIRE(written.understood);
    std::vector<std::string> expected;
    for (const ShellCommand& command : read.commands)
      for (const ShellWord& word : command.words) expected.push_back(word.text);
    std::vector<std::string> words;
    for (const ShellCommand& command : written.commands)
      for (const ShellWord& word : command.words) words.push_back(word.text);
    REQUIRE(words == expected);
  }
  CHECK(understood > 1000);  // else nothing was tested
}

}  // namespace slipway
