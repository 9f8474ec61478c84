"""One file per extension of the language; ``table`` lists them."""
