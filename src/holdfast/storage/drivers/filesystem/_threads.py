"""What of the driver's work is done in threads: every call that may block, such as writing, scanning, streaming.

What stays on the event loop is measured, from the page cache, eleven directories deep: `get_content` of 71 bytes takes
8 microseconds, `stat` 8, `local_path` 7; of 64 KiB 10 to 13. The hop to a thread and back alone takes 40, and five
times that on a busy machine. The bound is `INLINE_BYTES`; from a disk that must be waited for, such a read is one
seek, and the first one only.
"""

from __future__ import annotations

from typing import Final

from holdfast.storage.threads import Threads

__all__ = ["INLINE_BYTES", "Threads"]

INLINE_BYTES: Final = 64 * 1024
"""Up to this size a file is read on the event loop: up to 5 microseconds more than for an empty one."""
