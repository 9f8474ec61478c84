"""How long tests wait: longer than any machine takes that is only slow or stopped.

A deadline is for what is broken. A promise about time is kept when one of a few tries
keeps it: what stands for a while because the machine does decides nothing.
"""

import gc
import time

PATIENCE_SECONDS = 240
TRIES = 3


def wait_for(done, tell=lambda: "it did not come to pass", pause=0.05):
    """Ask until the answer is true; gives it."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := done()):
        if time.monotonic() > end:
            raise AssertionError(f"not so after {PATIENCE_SECONDS} s: {tell()}")
        time.sleep(pause)
    return found


def timed(call):
    """Give the seconds that a call takes."""
    began = time.monotonic()
    call()
    return time.monotonic() - began


def cpu(call):
    """Give the seconds of CPU that a call takes of this thread.

    What other tests left behind is not collected in them.
    """
    gc.disable()
    try:
        began = time.thread_time()
        call()
        return time.thread_time() - began
    finally:
        gc.enable()


def within(seconds, attempt):
    """Try until ``attempt()``, which gives seconds, gives fewer; a few times."""
    took = []
    while len(took) < TRIES:
        took.append(attempt())
        if took[-1] < seconds:
            return
    raise AssertionError(f"not within {seconds} s: {took}")
