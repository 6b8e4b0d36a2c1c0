// The tokens of a Dockerfile (docs/reference.md of moby/buildkit, "Format").
//
// Three things no lexer grammar can say are left to the superclass and to the stream of characters:
// that a comment at the top may be a directive, that `# escape=` chooses the escape character (the
// stream hands the active one over as a backslash), and which text ends a heredoc.
lexer grammar DockerfileLexer;

options { superClass = DockerfileLexerBase; }

tokens {
  DIRECTIVE,   // a COMMENT that is a parser directive
  HEREDOC_END  // the line that ends a heredoc; empty where the file ends first
}

// A token that several modes need is written once in each, as PREFIX_NAME -> type(NAME).

// ---- The start of a line. An instruction's first word chooses how the rest is read. -------------

COMMENT      : '#' ~[\n]* '\n'?          -> channel(HIDDEN) ;
BLANK        : ( SPACE+ | EOL )          -> channel(HIDDEN) ;
CONTINUATION : CONTINUED                 -> channel(HIDDEN) ;

FROM        : F R O M                    -> pushMode(WORD_FLAGS) ;
COPY        : C O P Y                    -> pushMode(WORD_FLAGS) ;
ADD         : A D D                      -> pushMode(WORD_FLAGS) ;
EXPOSE      : E X P O S E                -> pushMode(WORD_FLAGS) ;
VOLUME      : V O L U M E                -> pushMode(WORD_FLAGS) ;

ARG         : A R G                      -> pushMode(ASSIGNMENT_FLAGS) ;
ENV         : E N V                      -> pushMode(ASSIGNMENT_FLAGS) ;
LABEL       : L A B E L                  -> pushMode(ASSIGNMENT_FLAGS) ;

RUN         : R U N                      -> pushMode(TEXT_FLAGS) ;
CMD         : C M D                      -> pushMode(TEXT_FLAGS) ;
ENTRYPOINT  : E N T R Y P O I N T        -> pushMode(TEXT_FLAGS) ;
SHELL       : S H E L L                  -> pushMode(TEXT_FLAGS) ;
WORKDIR     : W O R K D I R              -> pushMode(TEXT_FLAGS) ;
USER        : U S E R                    -> pushMode(TEXT_FLAGS) ;
STOPSIGNAL  : S T O P S I G N A L        -> pushMode(TEXT_FLAGS) ;
MAINTAINER  : M A I N T A I N E R        -> pushMode(TEXT_FLAGS) ;
ONBUILD     : O N B U I L D              -> pushMode(TEXT_FLAGS) ;
HEALTHCHECK : H E A L T H C H E C K      -> pushMode(HEALTHCHECK_FLAGS) ;

// Of any characters up to the next blank: RUN-it is no RUN.
UNKNOWN     : ( ~[ \t\u000B\f\r\n\\#\u001F] ~[ \t\u000B\f\r\n\\]* | '\\'+ )
                                         -> pushMode(TEXT_FLAGS) ;

// ---- Flags. A lone -- ends them; otherwise the first word that does not begin with -- does. -----

mode WORD_FLAGS;
FLAG         : DASHES FLAG_PART* OPEN_QUOTE? ;
FLAGS_END    : DASHES CONTINUED* SPACE   -> mode(WORDS) ;
WF_SPACE     : BLANKS                    -> type(BLANK), channel(HIDDEN) ;
WF_CONTINUED : CONTINUED                 -> type(CONTINUATION), channel(HIDDEN) ;
NEWLINE      : EOL                       -> popMode ;
LBRACKET     : '['                       -> mode(WORDS) ;
WF_WORD      : ( . | ESCAPES )           -> type(CHUNK), mode(WORDS) ;

mode ASSIGNMENT_FLAGS;
AF_FLAG      : DASHES FLAG_PART* OPEN_QUOTE? -> type(FLAG) ;
AF_END       : DASHES CONTINUED* SPACE   -> type(FLAGS_END), mode(ASSIGNMENTS) ;
AF_SPACE     : BLANKS                    -> type(BLANK), channel(HIDDEN) ;
AF_CONTINUED : CONTINUED                 -> type(CONTINUATION), channel(HIDDEN) ;
AF_NEWLINE   : EOL                       -> type(NEWLINE), popMode ;
AF_ESCAPED   : ESCAPE_PAIR               -> type(CHUNK), mode(ASSIGNMENTS) ;
AF_QUOTED    : DOUBLE_QUOTED             -> type(QUOTED), mode(ASSIGNMENTS) ;
AF_SINGLE    : SINGLE_QUOTED             -> type(QUOTED), mode(ASSIGNMENTS) ;
AF_EQUALS    : '='                       -> type(EQUALS), mode(ASSIGNMENTS) ;
AF_WORD      : ( . | ESCAPES )           -> type(CHUNK), mode(ASSIGNMENTS) ;

mode TEXT_FLAGS;
TF_FLAG      : DASHES FLAG_PART* OPEN_QUOTE? -> type(FLAG) ;
TF_END       : DASHES CONTINUED* SPACE   -> type(FLAGS_END), mode(TEXTS) ;
TF_SPACE     : BLANKS                    -> type(BLANK), channel(HIDDEN) ;
TF_CONTINUED : CONTINUED                 -> type(CONTINUATION), channel(HIDDEN) ;
TF_NEWLINE   : EOL                       -> type(NEWLINE), popMode ;
TF_LBRACKET  : '['                       -> type(LBRACKET), mode(TEXTS) ;
TF_TEXT      : ( . | ESCAPES )           -> type(TEXT), mode(TEXTS) ;

mode HEALTHCHECK_FLAGS;
HF_FLAG      : DASHES FLAG_PART* OPEN_QUOTE? -> type(FLAG) ;
HF_END       : DASHES CONTINUED* SPACE   -> type(FLAGS_END) ;
HF_SPACE     : BLANKS                    -> type(BLANK), channel(HIDDEN) ;
HF_CONTINUED : CONTINUED                 -> type(CONTINUATION), channel(HIDDEN) ;
HF_NEWLINE   : EOL                       -> type(NEWLINE), popMode ;
HF_CMD       : C M D                     -> type(CMD), mode(COMMAND) ;
NONE         : N O N E                   -> mode(COMMAND) ;
HF_OTHER     : ( ~[ \t\u000B\f\r\n\\\u001F]+ | '\\'+ )
                                         -> type(UNKNOWN), mode(COMMAND) ;

mode COMMAND;  // after HEALTHCHECK CMD, where -- is no flag
C_SPACE      : BLANKS                    -> type(BLANK), channel(HIDDEN) ;
C_CONTINUED  : CONTINUED                 -> type(CONTINUATION), channel(HIDDEN) ;
C_NEWLINE    : EOL                       -> type(NEWLINE), popMode ;
C_LBRACKET   : '['                       -> type(LBRACKET), mode(TEXTS) ;
C_TEXT       : ( . | ESCAPES )           -> type(TEXT), mode(TEXTS) ;

// ---- What stands behind the flags. --------------------------------------------------------------

mode WORDS;  // divided by white space alone; quotes belong to the words
WS           : BLANKS ;
CHUNK        : ~[ \t\u000B\f\r\n\\]+ | '\\'+ ;
W_CONTINUED  : CONTINUED                 -> type(CONTINUATION), channel(HIDDEN) ;
W_NEWLINE    : EOL                       -> type(NEWLINE), popMode ;

mode ASSIGNMENTS;  // name=value; quotes and the escape character protect white space
EQUALS       : '=' ;
QUOTED       : DOUBLE_QUOTED | SINGLE_QUOTED ;
A_SPACE      : SPACE+                    -> type(WS) ;
A_CHUNK      : ( ~[ \t\u000B\f\r\n\\"'=\u001F]+ | ESCAPE_PAIR | ESCAPES ) -> type(CHUNK) ;
A_CONTINUED  : CONTINUED                 -> type(CONTINUATION), channel(HIDDEN) ;
A_NEWLINE    : EOL                       -> type(NEWLINE), popMode ;

mode TEXTS;  // the rest of the line as it is
TEXT         : ~[\r\n\\]+ | '\r'+ | '\\'+ ;
T_CONTINUED  : CONTINUED                 -> type(CONTINUATION), channel(HIDDEN) ;
T_NEWLINE    : EOL                       -> type(NEWLINE), popMode ;

// ---- The bodies of heredocs; the superclass enters and leaves. ----------------------------------

mode HEREDOC;
HEREDOC_LINE : ~[\n]* '\n' | ~[\n]+ ;

// ---- Fragments. ---------------------------------------------------------------------------------

fragment EOL   : '\r'* '\n' ;
fragment DASHES : '-' CONTINUED* '-' ;
fragment BLANKS : [ \t\u000B\f\r]+ ;  // what divides words; more stands only before and behind all
fragment SPACE : [ \t\u000B\f\r\u001F] ;  // \u001F: any white space beyond ASCII (characters.hpp)

// A line goes on where its last character is one escape character, not two or more. Comments and
// blank lines in between vanish.
fragment CONTINUED : '\\' [ \t]* ( '\r'* '\n' ( SPACE* '#' ~[\n]* '\n'? | SPACE* '\n' )* | '\r'* EOF ) ;

fragment ODD         : '\\' ( '\\' '\\' )* ;
fragment EVEN        : ( '\\' '\\' )+ ;
fragment ESCAPES     : '\\' '\\'+ ;
fragment ESCAPE_PAIR : ODD ~[\\\n] ;

// Without a closing quote, up to the end of the line, as docker reads it.
fragment DOUBLE_QUOTED
  : '"' ( ~["\\\n] | ODD ~[\\\n] | EVEN ~["\\\n] | CONTINUED )* ( ESCAPES | EVEN? '"' )? ;
fragment SINGLE_QUOTED
  : '\'' ( ~['\\\n] | '\\'+ ~['\\\n] | CONTINUED )* ( ESCAPES | '\\'* '\'' )? ;

// A quote that does not end reaches to the end of the line, but only the last one of a flag can be
// such: otherwise the longest match would take the end of one for the beginning of another.
fragment FLAG_PART
  : ~[ \t\u000B\f\r\n\\"'\u001F]
  | ESCAPE_PAIR | EVEN | CONTINUED | IN_DOUBLE EVEN? '"' | IN_SINGLE EVEN? '\'' ;
fragment OPEN_QUOTE : ( IN_DOUBLE | IN_SINGLE ) ESCAPES? ;
fragment IN_DOUBLE  : '"' ( ~["\\\n] | ODD ~[\\\n] | EVEN ~["\\\n] | CONTINUED )* ;
fragment IN_SINGLE  : '\'' ( ~['\\\n] | ODD ~[\\\n] | EVEN ~['\\\n] | CONTINUED )* ;

fragment A : [aA] ; fragment B : [bB] ; fragment C : [cC] ; fragment D : [dD] ; fragment E : [eE] ;
fragment F : [fF] ; fragment G : [gG] ; fragment H : [hH] ; fragment I : [iI] ; fragment K : [kK] ;
fragment L : [lL] ; fragment M : [mM] ; fragment N : [nN] ; fragment O : [oO] ; fragment P : [pP] ;
fragment R : [rR] ; fragment S : [sS] ; fragment T : [tT] ; fragment U : [uU] ; fragment V : [vV] ;
fragment W : [wW] ; fragment X : [xX] ; fragment Y : [yY] ;
