"""Which release this is. A checkout is none: the builder of the bundle writes this file anew."""

VERSION = "0+checkout"
COMMIT = ""
