versionstring: str
