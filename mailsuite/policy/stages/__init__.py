"""The built-in checks, one file each, in the shape of ``IStage``."""
