"""Values that every floor shares: ids, addresses, replies, verdicts, outcomes.

Nothing here does input or output, and nothing here imports another room.
"""
