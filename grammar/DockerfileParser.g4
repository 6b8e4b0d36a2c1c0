// The instructions of a Dockerfile (docs/reference.md of moby/buildkit), one rule each.
//
// It takes more than is right: how many words a FROM has, which flags a COPY knows, and whether
// [...] is valid JSON is said by the frontend, which can name the mistake and its cure. So an
// instruction with a mistake still is that instruction, and the next line is read as if nothing
// had been.
parser grammar DockerfileParser;

options { tokenVocab = DockerfileLexer; }

dockerfile : DIRECTIVE* instruction* EOF ;

instruction
  : ( from | arg | env | label | run | copy | add | workdir | user | cmd | entrypoint | shell
    | expose | volume | stopsignal | healthcheck | onbuild | maintainer | unknown )
    ( NEWLINE heredoc* )?
  ;

from        : FROM flags words? ;           // [--platform=] image [AS name]
arg         : ARG flags assignments? ;      // name[=default] ...
env         : ENV flags assignments? ;      // name=value ...   or   name value
label       : LABEL flags assignments? ;    // name=value ...   or   name value

run         : RUN flags commandLine? ;
cmd         : CMD flags commandLine? ;
entrypoint  : ENTRYPOINT flags commandLine? ;
shell       : SHELL flags commandLine? ;    // exec form only
healthcheck : HEALTHCHECK flags ( NONE text? | CMD commandLine? | UNKNOWN text? )? ;

copy        : COPY flags words? ;           // source ... destination
add         : ADD flags words? ;
volume      : VOLUME flags words? ;
expose      : EXPOSE flags words? ;         // port[/protocol] ...

workdir     : WORKDIR flags text? ;
user        : USER flags text? ;
stopsignal  : STOPSIGNAL flags text? ;
maintainer  : MAINTAINER flags text? ;
onbuild     : ONBUILD flags trigger? ;
trigger     : text ;                        // an instruction, read by itself
unknown     : UNKNOWN flags text? ;

flags       : FLAG* FLAGS_END? ;

commandLine : execForm | shellForm ;
execForm    : LBRACKET TEXT* ;              // ["program", "argument"]: if it is valid JSON, that is
shellForm   : TEXT+ ;

words       : jsonArray | WS* word ( WS+ word )* WS* | WS+ ;
jsonArray   : LBRACKET ( CHUNK | WS )* ;    // ["word", "word"]; words as well, if not valid JSON
word        : CHUNK+ ;

// The old form `name any value` is read from the same tokens: its first assignment has no EQUALS.
assignments : WS* assignment ( WS+ assignment )* WS* | WS+ ;
assignment  : ( CHUNK | QUOTED )+ ( EQUALS assigned? )? | EQUALS assigned? ;
assigned    : ( CHUNK | QUOTED | EQUALS )+ ;

text        : ( LBRACKET | TEXT )+ ;

heredoc     : HEREDOC_LINE* HEREDOC_END ;
