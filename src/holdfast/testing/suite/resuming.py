"""Continuing a write by its resume token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holdfast.storage.errors import InvalidResumeTokenError, UnsupportedOperationError
from holdfast.storage.ops import opened_writer
from holdfast.testing.suite.acts import MIB, keep_unfinished, random_bytes, read, write
from holdfast.testing.suite.base import SuiteBase, requires, requires_lack

if TYPE_CHECKING:
    from holdfast.storage.driver import StorageDriver

__all__ = ["Resuming"]


class Resuming(SuiteBase):
    """`FileWriter.resume_token` and `writer(resume_token=...)`."""

    @requires("write_resume_token")
    @pytest.mark.parametrize("sizes", [(5, 5, 5), (6 * MIB, 32, 6 * MIB), (0, 0, 7)], ids=str)
    async def test_token_continues_the_write(
        self, driver: StorageDriver, scratch: str, sizes: tuple[int, int, int]
    ) -> None:
        """Each session's token opens the next one where it ended."""
        parts = [random_bytes(size, seed) for seed, size in enumerate(sizes)]
        token = await keep_unfinished(driver, f"{scratch}/file", parts[0])
        async with opened_writer(driver, f"{scratch}/file", append=True, resume_token=token) as writer:
            assert sizes[0] == writer.size
            await writer.write(parts[1])
        token = writer.resume_token
        async with opened_writer(driver, f"{scratch}/file", append=True, resume_token=token) as writer:
            assert sizes[0] + sizes[1] == writer.size
            await writer.write(parts[2])
            await writer.commit()

        assert b"".join(parts) == await read(driver, f"{scratch}/file")

    @requires("write_resume_token")
    async def test_token_is_short_printable_text(self, driver: StorageDriver, scratch: str) -> None:
        """A token fits into a header or a URL, however much was written."""
        token = await keep_unfinished(driver, f"{scratch}/file", *[random_bytes(MIB)] * 30)

        assert token is not None
        assert 0 < len(token) <= 2048
        assert token.isascii()
        assert token.isprintable()

    @requires("write_resume_token")
    async def test_write_with_a_token_also_continues_without_it(self, driver: StorageDriver, scratch: str) -> None:
        """The token saves a search; it isn't needed."""
        assert None is not await keep_unfinished(driver, f"{scratch}/file", b"begun, ")

        assert 12 == await write(driver, f"{scratch}/file", [b"ended"], append=True)

    @requires("write_resume_token")
    @pytest.mark.parametrize("end", ["commit", "cancel"])
    async def test_ended_write_has_no_token(self, driver: StorageDriver, scratch: str, end: str) -> None:
        """After commit and cancel nothing can be resumed."""
        writer = await driver.writer(f"{scratch}/file")
        await writer.write(b"x")
        await getattr(writer, end)()
        await writer.close()

        assert None is writer.resume_token

    @requires("write_resume_token")
    @pytest.mark.parametrize("token", ["", "garbage", "e30=", "../../etc/passwd", "A" * 2048, "\u00e9"], ids=repr)
    async def test_invented_token_is_refused(self, driver: StorageDriver, scratch: str, token: str) -> None:
        """What isn't a token is `InvalidResumeTokenError`, and harms nothing."""
        await keep_unfinished(driver, f"{scratch}/file", b"begun")
        with pytest.raises(InvalidResumeTokenError):
            await driver.writer(f"{scratch}/file", append=True, resume_token=token)

        assert 5 == await write(driver, f"{scratch}/file", [], append=True)

    @requires("write_resume_token")
    async def test_token_of_another_path_is_refused(self, driver: StorageDriver, scratch: str) -> None:
        """A token is good for its own path."""
        token = await keep_unfinished(driver, f"{scratch}/one", b"one")
        await keep_unfinished(driver, f"{scratch}/two", b"two")

        with pytest.raises(InvalidResumeTokenError):
            await driver.writer(f"{scratch}/two", append=True, resume_token=token)

    @requires("write_resume_token")
    @pytest.mark.parametrize("end", ["commit", "cancel", "replace"])
    async def test_token_of_an_ended_write_is_refused(self, driver: StorageDriver, scratch: str, end: str) -> None:
        """A token outlives its write for nobody: not after commit or cancel, and not for a new write."""
        token = await keep_unfinished(driver, f"{scratch}/file", b"old")
        if end == "replace":
            await keep_unfinished(driver, f"{scratch}/file", b"new")
        else:
            writer = await driver.writer(f"{scratch}/file", append=True)
            await getattr(writer, end)()

        with pytest.raises(InvalidResumeTokenError):
            await driver.writer(f"{scratch}/file", append=True, resume_token=token)

    @requires_lack("write_resume_token")
    async def test_tokens_are_refused_without_the_capability(self, driver: StorageDriver, scratch: str) -> None:
        """A driver without tokens tells none and takes none."""
        assert None is await keep_unfinished(driver, f"{scratch}/file", b"x")
        with pytest.raises(UnsupportedOperationError):
            await driver.writer(f"{scratch}/file", append=True, resume_token="token")  # noqa: S106 - not a secret
