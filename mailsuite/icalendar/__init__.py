"""Calendar objects as octets and as values, and what scheduling makes of them.

RFC 5545 as far as RFC 5546 (iTIP) needs it: content lines and components, unknown ones
kept as they came, and what a message about an event does to the event in a calendar.
Serves scripts (RFC 9671) and whoever keeps calendars. Time zones are not computed with.
"""
