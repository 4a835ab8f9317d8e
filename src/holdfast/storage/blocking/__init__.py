"""Storage for synchronous callers: the same drivers, the same errors, and files as Python knows them.

    from holdfast.storage import blocking

    with blocking.create("filesystem", {"rootdirectory": "/srv/data"}) as storage:
        with storage.open("/reports/2024.json") as file:
            report = json.load(file)

It holds no storage logic: one event loop in a thread of its own runs a driver as `holdfast.storage.create`
makes it, and each method here waits for the method of the same name there. Any thread may call.
"""

from holdfast.storage.blocking._driver import BlockingDriver, create, wrap
from holdfast.storage.blocking._files import ReadingFile, WritingFile

__all__ = ["BlockingDriver", "ReadingFile", "WritingFile", "create", "wrap"]
