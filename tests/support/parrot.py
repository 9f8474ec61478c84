"""A child of the tests: answers, fails, sleeps or dies as it is told."""

import os
import sys
import time

from mailsuite.net.child import serve


def answer(header, octets):
    match header["do"]:
        case "echo":
            return {"pid": os.getpid(), "nice": os.nice(0)}, octets
        case "raise":
            raise ValueError("no such thing")
        case "print":
            print("stray")  # must not reach the frames
            return {}, b""
        case "die":
            os._exit(3)
        case "garbage":
            os.write(header["fd"], b"\xff" * 64)
            time.sleep(60)
        case "sleep":
            time.sleep(header["seconds"])
    return {}, b""


if __name__ == "__main__":
    serve(answer, background="idle" in sys.argv)
