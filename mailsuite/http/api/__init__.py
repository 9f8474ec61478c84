"""One file a noun of ``/api/v1``: plain coroutines from a request to JSON."""
