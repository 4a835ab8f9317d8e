"""Pages of names."""

from holdfast.storage.drivers._objectstore.bucket import Bucket
from tests.storage.drivers.objectstore.contract_base import KEYS, Contract, keys_of


class ListingContract(Contract):
    """`list_page`."""

    async def test_order_and_prefix(self, bucket: Bucket, prefix: str) -> None:
        """Keys come in byte order, all that begin with the prefix and nothing else."""
        for key in KEYS:
            await bucket.put(prefix + key, b"12345")
        page = await bucket.list_page(prefix)

        assert sorted(KEYS) == [info.key.removeprefix(prefix) for info in page.objects]
        assert [] == page.prefixes
        assert await bucket.head(prefix + ".uploads~/a/b~") == page.objects[0]
        assert ["", "-b", ".b", "/b", "/c/d", "0", "a"] == await keys_of(bucket, f"{prefix}a")
        assert ["b", "c/d"] == await keys_of(bucket, f"{prefix}a/")
        assert [] == await keys_of(bucket, f"{prefix}b")

    async def test_pages(self, bucket: Bucket, prefix: str) -> None:
        """A limit makes pages, which together are the whole; a page is never longer."""
        for key in KEYS:
            await bucket.put(prefix + key, b"")
        for limit in (1, 3, len(KEYS), 100):
            page = await bucket.list_page(prefix, limit=limit)

            assert len(page.objects) <= limit
            assert sorted(KEYS) == await keys_of(bucket, prefix, limit=limit)

    async def test_start_after(self, bucket: Bucket, prefix: str) -> None:
        """Only greater keys come, whether the key itself is there or not, over all pages."""
        for key in KEYS:
            await bucket.put(prefix + key, b"")
        for start in ("a", "a-", "a/b", "a/bb", "a0", "zz"):
            for limit in (None, 2):
                assert [key for key in sorted(KEYS) if key > start] == await keys_of(
                    bucket, prefix, start_after=prefix + start, limit=limit
                )

    async def test_delimiter(self, bucket: Bucket, prefix: str) -> None:
        """With it, what is below a slash is one prefix, once, over all pages; `start_after` excludes lesser objects."""
        for key in KEYS:
            await bucket.put(prefix + key, b"")
        for limit in (None, 1, 2, 100):
            assert ["a", "a-b", "a.b", "a0", "aa"] == await keys_of(bucket, prefix, delimiter=True, limit=limit)
            assert ["a0", "aa"] == await keys_of(
                bucket, prefix, delimiter=True, limit=limit, start_after=f"{prefix}a/b"
            )
            prefixes: list[str] = []
            cursor = None
            while True:
                page = await bucket.list_page(prefix, delimiter=True, limit=limit, cursor=cursor)
                prefixes += page.prefixes
                cursor = page.cursor
                if cursor is None:
                    break

            assert [f"{prefix}.uploads~/", f"{prefix}a/", f"{prefix}r t/"] == prefixes
