// What Go's text/template and docker's functions give, written down by hand from their
// documentation, beside what slipway's templates give.
#include <frontend/template/template.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace slipway;

namespace {

// An image as `inspect` has it, with all that templates tell apart.
Value data() {
  std::vector<ValueMember> fields;
  const auto add = [&](const char* name, Value value, bool shown = true) {
    fields.push_back({name, std::move(value), shown});
  };
  add("Name", "busybox");
  add("Empty", "");
  add("Size", std::int64_t{4262048});
  add("Zero", std::int64_t{0});
  add("Ratio", 0.5);
  add("Yes", true);
  add("No", false);
  add("Nil", Value::Null{});
  add("Tags", Value::list({"one", "two", "three"}));
  add("None", Value::list({}));
  add("Hidden", Value::list({}), false);
  add("Labels", make_map({{"maintainer", "somebody", true}, {"com.example/x", "y <z>", true}}));
  add("Config",
      make_record({{"Cmd", Value::list({"sh", "-c", "true"}), true}, {"User", "root", true}}));
  add("Layers", Value::list({make_record({{"ID", "a", true}, {"Size", std::int64_t{1}, true}}),
                             make_record({{"ID", "b", true}, {"Size", std::int64_t{22}, true}})}));
  add("Escapes", "a\x1b[2Jb\nc");
  return make_record(std::move(fields));
}

std::string given(const std::string& text) {
  try {
    return Template(text).run(data());
  } catch (const Error& error) {
    return std::string("error: ") + error.what();
  }
}

// The first line of the message with its place.
std::string mistake(const std::string& text) {
  try {
    return "gives " + Template(text).run(data());
  } catch (const Error& error) {
    const std::string all = render(error, false);
    return all.substr(0, all.find('\n'));
  }
}

struct Case {
  std::string text;
  std::string expected;
};

void check(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    CAPTURE(each.text);
    CHECK(given(each.text) == each.expected);
  }
}

}  // namespace

TEST_CASE("fields, entries and constants") {
  check({
      {"", ""},
      {"plain text } } {", "plain text } } {"},
      {"{{.Name}}", "busybox"},
      {"{{ .Name }}:{{.Config.User}}", "busybox:root"},
      {"{{$.Name}}{{$.Config.User}}", "busyboxroot"},
      {"{{.Size}} {{.Ratio}} {{.Yes}} {{.No}}", "4262048 0.5 true false"},
      {"{{.Tags}} {{.None}}", "[one two three] []"},
      {"{{.Nil}}", "<nil>"},
      {"{{.Labels}}", "map[com.example/x:y <z> maintainer:somebody]"},
      {"{{.Config}}", "map[Cmd:[sh -c true] User:root]"},
      {"{{.Labels.maintainer}} {{.Labels.absent}} {{.Labels.absent.more}}",
       "somebody <no value> <no value>"},
      {"{{index .Labels \"com.example/x\"}}", "y <z>"},
      {"[{{index .Labels \"absent\"}}]", "[]"},
      {"{{index .Tags 1}}{{index .Layers 1 \"ID\"}}", "twob"},
      {"{{(index .Layers 0).ID}}", "a"},
      {"{{index .Name 0}}", "98"},
      {"{{index .Config \"User\"}}", "root"},
      {R"({{"a\tb\"\\\x41\u00e9\101"}})",
       "a\tb\"\\A\xC3\xA9"
       "A"},
      {"{{`raw \\n`}}", "raw \\n"},
      {"{{'a'}} {{'\\n'}} {{'é'}}", "97 10 233"},
      {"{{12}} {{-3}} {{+4}} {{0x1f}} {{0b101}} {{0o17}}", "12 -3 4 31 5 15"},
      {"{{1.5}} {{1e3}} {{.5}} {{1e21}} {{1e-7}}", "1.5 1000 0.5 1e+21 1e-07"},
      {"{{true}} {{false}}", "true false"},
  });
}

TEST_CASE("json gives one line, with hidden fields left out") {
  check({
      {"{{json .Tags}}", R"(["one","two","three"])"},
      {"{{json .Config}}", R"({"Cmd":["sh","-c","true"],"User":"root"})"},
      {"{{json .Labels}}", R"({"maintainer":"somebody","com.example/x":"y <z>"})"},
      {"{{json .Nil}} {{json .Yes}} {{json .Ratio}} {{json .Size}}", "null true 0.5 4262048"},
      {"{{json .Escapes}}", "\"a\\u001b[2Jb\\nc\""},
      {"{{.Name | json}}", "\"busybox\""},
  });
  CHECK(json_text(Value("\x7f\xC2\x9B\xE2\x80\xA8\xFFq")) ==
        "\"\\u007f\\u009b\\u2028\xEF\xBF\xBDq\"");
  CHECK(given("{{json .}}").find("Hidden") == std::string::npos);
  CHECK(given("{{.Hidden}}") == "[]");
  const Value read =
      read_json_value(R"({"b":[1,2.5,null,true,"x"],"a":{"c":18446744073709551615}})");
  CHECK(json_text(read) == R"({"b":[1,2.5,null,true,"x"],"a":{"c":18446744073709552000}})");
  CHECK_THROWS_AS((void)read_json_value("{"), Error);
  CHECK_THROWS_AS((void)read_json_value(std::string(200, '[') + std::string(200, ']')), Error);
}

TEST_CASE("conditions, with and loops") {
  check({
      {"{{if .Yes}}yes{{end}}{{if .No}}no{{end}}", "yes"},
      {"{{if .Empty}}a{{else}}b{{end}}", "b"},
      {"{{if .Zero}}a{{else if .None}}b{{else if .Name}}c{{else}}d{{end}}", "c"},
      {"{{if .Nil}}a{{end}}{{if .Labels.absent}}b{{end}}{{if .Config}}c{{end}}", "c"},
      {"{{with .Config}}{{.User}} {{$.Name}}{{end}}", "root busybox"},
      {"{{with .Empty}}a{{else}}{{.Name}}{{end}}", "busybox"},
      {"{{with .Empty}}a{{else with .Name}}{{.}}{{end}}", "busybox"},
      {"{{with $x := .Config.User}}{{$x}}{{.}}{{end}}", "rootroot"},
      {"{{range .Tags}}<{{.}}>{{end}}", "<one><two><three>"},
      {"{{range .None}}a{{else}}none{{end}}", "none"},
      {"{{range .Nil}}a{{else}}nil{{end}}", "nil"},
      {"{{range $i, $tag := .Tags}}{{$i}}={{$tag}} {{end}}", "0=one 1=two 2=three "},
      {"{{range $tag := .Tags}}{{$tag}}{{end}}", "onetwothree"},
      {"{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}",
       "com.example/x=y <z>;maintainer=somebody;"},
      {"{{range .Layers}}{{.ID}}{{.Size}} {{end}}", "a1 b22 "},
      {"{{range .Config}}{{.}}{{end}}", "[sh -c true]root"},
      {"{{range 3}}{{.}}{{end}}", "012"},
      {"{{range .Tags}}{{if eq . \"two\"}}{{break}}{{end}}{{.}}{{end}}", "one"},
      {"{{range .Tags}}{{if eq . \"two\"}}{{continue}}{{end}}{{.}}{{end}}", "onethree"},
      {"{{range .Tags}}{{range $.Layers}}{{.ID}}{{break}}{{end}}{{end}}", "aaa"},
  });
}

TEST_CASE("variables live up to the end around them") {
  check({
      {"{{$x := .Name}}{{$x}}", "busybox"},
      {"{{$x := 1}}{{if .Yes}}{{$x = 2}}{{end}}{{$x}}", "2"},
      {"{{$x := 1}}{{if .Yes}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21"},
      {"{{$last := \"\"}}{{range .Tags}}{{$last = .}}{{end}}{{$last}}", "three"},
      {"{{$x := .Config}}{{$x.User}}", "root"},
      {"{{$first := true}}{{range .Tags}}{{if not $first}}, {{end}}{{$first = false}}{{.}}{{end}}",
       "one, two, three"},
  });
}

TEST_CASE("white space and comments") {
  check({
      {"a {{- .Size -}} b", "a4262048b"},
      {"a \n {{- \"x\"}} b", "ax b"},
      {"{{-3}}", "-3"},
      {"{{range .Tags -}}\n  {{.}}\n{{- end}}", "onetwothree"},
      {"a{{/* nothing }} */}}b", "ab"},
      {"a {{- /* nothing */ -}} b", "ab"},
      {"{{\n.Name\n}}", "busybox"},
  });
}

TEST_CASE("pipelines and parentheses") {
  check({
      {"{{.Name | upper}}", "BUSYBOX"},
      {"{{.Name | upper | printf \"%s-%s\" \"x\"}}", "x-BUSYBOX"},
      {"{{upper (lower .Name)}}", "BUSYBOX"},
      {"{{(.Config).User}}", "root"},
      {"{{len (split \"a,b,c\" \",\")}}", "3"},
      {"{{\"a,b\" | split | len}}", "error: \"split\" takes 2 arguments, and has 1"},
      {"{{printf \"%d\" (len .Tags)}}", "3"},
  });
}

TEST_CASE("docker's functions") {
  check({
      {"{{join .Tags \", \"}}", "one, two, three"},
      {"{{join .None \",\"}}{{join .Nil \",\"}}", ""},
      {"{{join .Labels \"|\"}}", "somebody|y <z>"},
      {"{{split \"a:b:c\" \":\"}}", "[a b c]"},
      {"{{index (split .Name \"y\") 1}}", "box"},
      {"{{split \"aé\" \"\"}}", "[a é]"},
      {"{{lower \"ABC\"}} {{upper \"abc\"}} {{title \"two words-here a_b\"}}",
       "abc ABC Two Words-Here A_b"},
      {"[{{pad .Name 1 2}}][{{pad \"\" 3 3}}]", "[ busybox  ][]"},
      {"{{truncate .Name 4}} {{truncate .Name 40}} {{truncate \"é\" 1}}.", "busy busybox ."},
  });
}

TEST_CASE("Go's functions") {
  check({
      {"{{len .Name}} {{len .Tags}} {{len .Labels}}", "7 3 2"},
      {"{{eq .Name \"busybox\"}} {{eq .Name \"a\" \"busybox\"}} {{ne .Name \"a\"}}",
       "true true true"},
      {"{{eq .Size 4262048}} {{eq .Yes true}} {{eq .Nil nil}}", "true true true"},
      {"{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 2}} {{lt \"a\" \"b\"}} {{gt 1.5 0.5}}",
       "true true false true true true"},
      {"{{and .Yes .Name}} {{and .No .Name}} {{or .Empty .Name}} {{or .Empty .Zero}}",
       "busybox false busybox 0"},
      {"{{not .No}} {{not .Name}}", "true false"},
      {"{{if and .Tags (gt (len .Tags) 2)}}many{{end}}", "many"},
      // The rest is not looked at.
      {"{{or .Name (index .Tags 9)}} {{and .No (index .Tags 9)}}", "busybox false"},
      {"{{print 1 2 \"a\" \"b\" 3}}", "1 2ab3"},
      {"{{print \"a\" \"b\"}}", "ab"},
      {"{{println \"a\" 1}}", "a 1\n"},
      {"{{slice .Name 1 3}} {{slice .Tags 1}} {{slice .Name}}", "us [two three] busybox"},
  });
}

TEST_CASE("printf is Go's") {
  check({
      {"{{printf \"%s %v %d\" .Name .Tags .Size}}", "busybox [one two three] 4262048"},
      {"{{printf \"%-9s|%9s|%.3s\" .Name .Name .Name}}", "busybox  |  busybox|bus"},
      {"{{printf \"%05d|%+d|% d|%x|%X|%#x|%o|%b|%c|%U\" 42 42 42 255 255 255 8 5 65 65}}",
       "00042|+42| 42|ff|FF|0xff|10|101|A|U+0041"},
      {"{{printf \"%-5d|%5d|%.3d\" 42 -42 7}}", "42   |  -42|007"},
      {"{{printf \"%q %q %x\" .Name 'a' \"hi\"}}", "\"busybox\" 'a' 6869"},
      {"{{printf \"%q\" .Escapes}}", "\"a\\x1b[2Jb\\nc\""},
      {"{{printf \"%.2f|%8.3f|%e|%g|%v\" 1.5 1.5 1.5 1.5 1.5}}",
       "1.50|   1.500|1.500000e+00|1.5|1.5"},
      {"{{printf \"%t %t\" .Yes .No}} {{printf \"100%%\"}}", "true false 100%"},
      {"{{printf \"%d\" .Name}}", "%!d(string=busybox)"},
      {"{{printf \"%s\" 5}}", "%!s(int64=5)"},
      {"{{printf \"%s\"}}", "%!s(MISSING)"},
      {"{{printf \"%s\" 1 2}}", "%!s(int64=1)%!(EXTRA int64=2)"},
      {"{{printf \"%\"}}", "%!(NOVERB)"},
      {"{{printf \"%v %s\" .Nil .Tags}}", "<nil> [one two three]"},
      {"{{printf \"%s\" .Labels}}", "map[com.example/x:y <z> maintainer:somebody]"},
      {"{{printf \"%é\" 1}}", "%!\xC3(int64=1)\xA9"},
  });
}

TEST_CASE("a mistake is one error at its place") {
  for (const Case& each : std::vector<Case>{
           {"{{.ID", "--format:1:1: error: the action has no \"}}\""},
           {"{{", "--format:1:1: error: the action has no \"}}\""},
           {"{{}}", "--format:1:3: error: a value is missing"},
           {"a\n{{.Nmae}}", "--format:2:4: error: there is no field \"Nmae\""},
           {"{{.Config.Usr}}", "--format:1:11: error: there is no field \"Usr\""},
           {"{{.Name.More}}", "--format:1:9: error: a string has no field \"More\""},
           {"{{.Nil.More}}", "--format:1:8: error: what is nil has no field \"More\""},
           {"{{uper .Name}}", "--format:1:3: error: there is no function \"uper\""},
           {"{{upper}}", "--format:1:3: error: \"upper\" takes 1 argument, and has 0"},
           {"{{upper 5}}", "--format:1:3: error: \"upper\" works on strings, not on a int64"},
           {"{{.Name .Size}}",
            "--format:1:3: error: this is no function, and cannot be given arguments"},
           {"{{.Name | .Size}}",
            "--format:1:11: error: this is no function, and cannot be given what stands before the "
            "\"|\""},
           {"{{.Name |}}", "--format:1:10: error: a value is missing"},
           {"{{if .Yes}}a", "--format:1:1: error: \"if\" has no {{end}}"},
           {"{{range .Tags}}a{{else}}b", "--format:1:1: error: \"range\" has no {{end}}"},
           {"a{{end}}", "--format:1:4: error: there is nothing here to end"},
           {"{{if .Yes}}{{else}}{{else}}{{end}}",
            "--format:1:22: error: there is a second \"else\""},
           {"{{if}}a{{end}}", "--format:1:5: error: a value is missing"},
           {"{{break}}", "--format:1:3: error: there is no range to break"},
           {"{{$x}}", "--format:1:3: error: there is no variable \"$x\""},
           {"{{$x = 1}}", "--format:1:3: error: there is no variable \"$x\""},
           {"{{if .Yes}}{{$x := 1}}{{end}}{{$x}}",
            "--format:1:32: error: there is no variable \"$x\""},
           {"{{if .No}}{{$x := 1}}{{else}}{{$x}}{{end}}",
            "--format:1:32: error: there is no variable \"$x\""},
           {"{{range $x := .None}}{{else}}{{$x}}{{end}}",
            "--format:1:32: error: there is no variable \"$x\""},
           {"{{\"a}}", "--format:1:3: error: the string does not end"},
           {"{{\"\\z\"}}", "--format:1:4: error: no such escape is known"},
           {"{{`a}}", "--format:1:3: error: the string does not end"},
           {"{{'ab'}}", "--format:1:3: error: a character is one letter between quotes"},
           {"{{12x}}", "--format:1:3: error: \"12x\" is not a number"},
           {"{{99999999999999999999999}}", "gives 1e+23"},
           {"{{(.Name}}", "--format:1:3: error: the parenthesis is not closed"},
           {"{{.Name)}}", "--format:1:8: error: the action does not end here"},
           {"{{.Labels.com-example}}",
            "--format:1:14: error: a blank is missing between two values"},
           {"{{.2x}}", "--format:1:3: error: \".2x\" is not a number"},
           {"{{?}}", "--format:1:3: error: this cannot begin a value"},
           {"{{nil}}", "--format:1:3: error: nil is no value to show"},
           {"{{/* a", "--format:1:1: error: the comment does not end"},
           {"{{template \"x\"}}",
            "--format:1:3: error: templates within templates are not among what slipway reads"},
           {"{{index .Tags 3}}", "--format:1:3: error: there is no place 3 among 3"},
           {"{{index .Tags -1}}", "--format:1:3: error: there is no place -1 among 3"},
           {"{{index .Size 1}}",
            "--format:1:3: error: \"index\" works on lists and maps, not on a int64"},
           {"{{range .Name}}{{end}}",
            "--format:1:9: error: range goes through lists, maps and numbers, not through a "
            "string"},
           {"{{eq .Name 1}}", "--format:1:3: error: a string and a int64 cannot be compared"},
           {"{{lt .Tags .Tags}}", "--format:1:3: error: a list and a list have no order"},
           {"{{pad .Name -1 0}}",
            "--format:1:3: error: \"pad\" needs a number that is not negative"},
       }) {
    CAPTURE(each.text);
    CHECK(mistake(each.text) == each.expected);
  }
  try {
    (void)Template("{{.ID}}{{.Nmae}}").run(make_record({{"ID", "x", true}, {"Name", "y", true}}));
    FAIL("there is no such field");
  } catch (const Error& error) {
    CHECK(render(error, false) ==
          "--format:1:11: error: there is no field \"Nmae\"\n"
          "    1 | {{.ID}}{{.Nmae}}\n"
          "      |           ^~~~\n"
          "hint: did you mean \"Name\"?\n");
  }
}

TEST_CASE("a template ends, whatever it says") {
  CHECK(given("{{range 1000000000000}}{{end}}").find("more than it may") != std::string::npos);
  CHECK(given("{{range 100000}}{{range 100000}}a{{end}}{{end}}").find("more than it may") !=
        std::string::npos);
  CHECK(given("{{$x := \"aaaaaaaaaaaaaaaa\"}}{{range 100}}{{$x = print $x $x}}{{end}}")
            .find("more than it may") != std::string::npos);
  CHECK(given("{{pad .Name 999999999999 0}}").find("more than it may") != std::string::npos);
  CHECK(given("{{printf \"%999999999d\" 1}}").find("wider than") != std::string::npos);
  CHECK(given("{{printf \"%.999999999f\" 1.5}}").find("wider than") != std::string::npos);
  CHECK(given("{{printf \"%*d\" 1 2}}").find("widths from arguments") != std::string::npos);

  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "{{if .Yes}}";
  CHECK(given(deep).find("nested too deeply") != std::string::npos);
  CHECK(given("{{" + std::string(5000, '(')).find("nested too deeply") != std::string::npos);
  std::string ladder = "{{if .No}}";
  for (int i = 0; i < 3000; ++i) ladder += "{{else if .No}}";
  CHECK(given(ladder).find("nested too deeply") != std::string::npos);
  CHECK(given(std::string(70'000, 'x')).find("longer than 64 KiB") != std::string::npos);

  // Every beginning of a long one, and every one with a letter missing, is parsed or refused.
  const std::string whole =
      "{{range $i, $x := .Tags}}{{if and (eq $x \"two\") .Yes}}{{printf \"%5.2f\" 1.5 | upper -}} a"
      "{{else if not .No}}{{(index .Layers 0).ID}}{{else}}{{'x'}}{{`y`}}{{end}}{{/* c */}}{{end}}";
  for (std::size_t i = 0; i < whole.size(); ++i) {
    (void)given(whole.substr(0, i));
    (void)given(whole.substr(0, i) + whole.substr(i + 1));
    (void)given(whole.substr(i));
  }
}

TEST_CASE("a terminal gets no control characters of the data, a program gets all bytes") {
  const Value image = data();
  const auto terminal = [&](const std::string& text) {
    return Template(text).run(image, Template::For::terminal);
  };
  CHECK(Template("{{.Escapes}}").run(image) == "a\x1b[2Jb\nc");
  CHECK(terminal("{{.Escapes}}") == "a [2Jb c");
  CHECK(terminal("{{upper .Escapes}}|{{printf \"%s\\n\" .Escapes}}") == "A [2JB C|a [2Jb c\n");
  CHECK(terminal("{{join (split .Escapes \"\\n\") \"\\t\"}}") == "a [2Jb\tc");
  CHECK(terminal("{{join .Tags .Escapes}}") == "onea [2Jb ctwoa [2Jb cthree");
  CHECK(terminal("{{printf .Escapes}}") == "a [2Jb c");
  CHECK(Template("{{printf .Escapes}}").run(image) == "a\x1b[2Jb\nc");
  CHECK(terminal("{{printf \"a\\tb\"}}{{join .None \"\\n\"}}") == "a\tb");
  CHECK(terminal("{{print .Escapes}}{{println .Escapes}}") == "a [2Jb ca [2Jb c\n");
  CHECK(terminal("{{json .Escapes}}") == "\"a\\u001b[2Jb\\nc\"");
  CHECK(terminal("{{range $k, $v := .Labels}}{{$k}}{{end}}") == "com.example/xmaintainer");
}

TEST_CASE("headings are the names of the columns") {
  const Value names = make_record({{"ID", "IMAGE ID", true}, {"Size", "SIZE", true}});
  const auto headings = [&](const std::string& text) { return Template(text).headings(names); };
  CHECK(headings("{{.ID}}\t{{.Size}}") == "IMAGE ID\tSIZE");
  CHECK(headings("{{lower .ID}}{{truncate .Size 3}}") == "IMAGE IDSIZE");
  CHECK(headings("{{lower .ID}} {{json .Size}} {{upper (title .ID)}}") == "IMAGE ID SIZE IMAGE ID");
  CHECK(headings("{{pad .Size 2 2}}") == "  SIZE  ");
  CHECK(headings("{{if .ID}}{{.ID}}{{else}}N/A{{end}}") == "IMAGE ID");
  CHECK(headings("a{{.Absent}}b") == "a");
}

TEST_CASE("a table's template may stand behind a word, and has docker's escapes") {
  TemplateOptions options;
  options.start = 5;
  options.text_escapes = true;
  CHECK(Template("table{{.Name}}\\t{{.Size}}\\n", options).run(data()) == "busybox\t4262048\n");
  CHECK(Template("table{{\"\\t\"}}", options).run(data()) == "\t");
  const Template one("{{.Name}}{{with .Config}}{{.User}}{{end}}");
  CHECK(one.mentions("Name"));
  CHECK(one.mentions("User"));
  CHECK_FALSE(one.mentions("Size"));
  CHECK(Template("{{json .}}").mentions("Size"));
}
