class error(Exception): ...

class Options:
    max_mem: int
    posix_syntax: bool
    longest_match: bool
    log_errors: bool
    dot_nl: bool
    never_capture: bool
    case_sensitive: bool
    perl_classes: bool
    word_boundary: bool
    one_line: bool

class _Match:
    def group(self, group: int = ...) -> bytes | None: ...
    def groups(self, default: bytes | None = ...) -> tuple[bytes, ...]: ...

class _Regexp:
    groups: int
    programsize: int
    def search(self, text: bytes) -> _Match | None: ...

def compile(pattern: bytes, options: Options | None = ...) -> _Regexp: ...
