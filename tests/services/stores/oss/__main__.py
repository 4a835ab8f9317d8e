"""Serves the fake in a process of its own: `python -m tests.services.stores.oss PORT`."""

import os
import signal
import sys

from .access import AccessKey
from .fake import FakeOss


def main() -> None:
    """Serves until it is told to end."""
    key = AccessKey(secret=os.environ["OSS_FAKE_SECRET"])
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with FakeOss({os.environ["OSS_FAKE_KEY"]: key}, port=int(sys.argv[1]), remember=False):
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
