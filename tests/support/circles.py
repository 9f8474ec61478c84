"""What a finished session leaves for Python's search for cycles."""

import gc

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread


async def circles(case, talk, doors):
    """Give the names of classes whose objects only a search for cycles frees.

    ``talk`` is a client's session, run in a thread; ``doors`` is empty after it.
    """
    gc.collect()
    gc.disable()
    case.addCleanup(gc.enable)
    await deferToThread(talk)
    while doors:
        await deferLater(reactor, 0.01)
    gc.set_debug(gc.DEBUG_SAVEALL)
    case.addCleanup(gc.set_debug, 0)
    gc.collect()
    kinds = {type(one) for one in gc.garbage}
    gc.garbage.clear()
    ours = {one.__name__ for one in kinds if one.__module__.startswith("mailsuite.")}
    return sorted(ours)
