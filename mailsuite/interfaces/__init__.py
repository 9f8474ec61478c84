"""The borders between rooms: zope interfaces, one file a role.

Methods are coroutines unless written ``def``. ``house`` alone chooses who
provides them and hands each part what it needs through its constructor.
"""
