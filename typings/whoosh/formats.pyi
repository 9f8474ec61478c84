class Format:
    field_boost: float

class Frequency(Format):
    def __init__(self, field_boost: float = ...) -> None: ...
