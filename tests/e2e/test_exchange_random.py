"""A random sequence of requests, sent to Holdfast and the Go registry in turns, on one data folder.

A model in memory says what each request must answer and what must be there afterwards; where the two registries differ
by design, `_View` says so.
"""

import os
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from tests.services.documents import Document, image, index, sha256
from tests.services.endpoints import Endpoints
from tests.services.shared_storage import GO, HOLDFAST, SharedFolder

pytestmark = pytest.mark.e2e

_TURNS = 6
_STEPS = 35
_NAMES = ("a", "a/b", "a/b/c", "a-b", "z")
_TAGS = ("latest", "v1", "v1.0", "v10")


@dataclass(slots=True)
class _Repository:
    """What must be in one repository."""

    blobs: set[str] = field(default_factory=set)
    manifests: set[str] = field(default_factory=set)
    tags: dict[str, str] = field(default_factory=dict)
    touched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What a registry shows of everything."""

    catalog: list[str]
    tags: dict[str, dict[str, str]]
    manifests: dict[str, set[str]]
    blobs: dict[str, set[str]]


class _Model:
    """What must be there, and what may be asked for.

    Args:
        chance: Chooses.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.repositories = {name: _Repository() for name in _NAMES}
        self.blobs = {sha256(data): data for data in (chance.randbytes(chance.choice((0, 1, 900))) for _ in range(12))}
        self.documents = {document.digest: document for document in self._documents()}

    def _documents(self) -> list[Document]:
        """Images that share blobs, indexes of them, and indexes of indexes; OCI and Docker."""
        some = list(self.blobs.values())
        images = [
            image(self._chance.choice(some), self._chance.sample(some, 2), docker=docker)
            for docker in (False, True)
            for _ in range(5)
        ]
        oci, docker = images[:5], images[5:]
        inner = [index(self._chance.sample(oci, 2), note=f"inner {number}") for number in range(2)]
        outer = index([inner[0], oci[0]], note="outer")
        return [*images, *inner, outer, index(self._chance.sample(docker, 2), docker=True)]

    def expected(self, server: str) -> _View:
        """What a registry must show."""
        return _View(
            # By design: the Go registry lists what has had a blob, Holdfast what has a manifest.
            catalog=[
                name
                for name, repository in sorted(self.repositories.items())
                if (repository.touched if server == GO else repository.manifests)
            ],
            tags={name: repository.tags for name, repository in self.repositories.items()},
            manifests={name: repository.manifests for name, repository in self.repositories.items()},
            blobs={name: repository.blobs for name, repository in self.repositories.items()},
        )

    def shown(self, endpoints: Endpoints) -> _View:
        """What a registry shows, having compared every byte of it."""
        return _View(
            # By design: the Go registry lists in the order of its file system walk.
            catalog=sorted(endpoints.catalog()),
            tags={name: {tag: self._tag(endpoints, name, tag) for tag in endpoints.tags(name)} for name in _NAMES},
            manifests={
                name: {
                    digest
                    for digest, document in self.documents.items()
                    if (document.media_type, document.content) == endpoints.manifest(name, digest)
                }
                for name in _NAMES
            },
            blobs={
                name: {digest for digest, data in self.blobs.items() if data == endpoints.blob(name, digest)}
                for name in _NAMES
            },
        )

    @staticmethod
    def _tag(endpoints: Endpoints, name: str, tag: str) -> str:
        found = endpoints.manifest(name, tag)
        return "dangling" if found is None else sha256(found[1])


class _Requests:
    """Sends random requests to one registry, and checks each answer against the model, which it keeps up.

    Args:
        chance: Chooses.
        model: What must be there.
        endpoints: The registry's.
        server: Its name.
    """

    def __init__(self, chance: random.Random, model: _Model, endpoints: Endpoints, server: str) -> None:
        self._chance = chance
        self._model = model
        self._endpoints = endpoints
        self._server = server

    def send_one(self) -> None:
        """Sends one random request, or the few that make a push."""
        actions = [self._push, self._put_manifest, self._push_blob, self._mount, self._delete_manifest]
        actions += [self._delete_blob, self._delete_tag]
        action = self._chance.choices(actions, weights=(6, 5, 2, 3, 2, 2, 1))[0]
        name = self._chance.choice(_NAMES)
        action(name, self._model.repositories[name])

    def _push(self, name: str, repository: _Repository) -> None:
        """An image or index as clients push it: all that it refers to, then itself by a tag or two."""
        document = self._chance.choice(list(self._model.documents.values()))
        tags = self._chance.sample(_TAGS, self._chance.randint(0, 2))
        self._print("push", name, document.digest, *tags)
        self._endpoints.push(name, document, *tags)
        self._keep(repository, document)
        repository.tags.update(dict.fromkeys(tags, document.digest))

    def _keep(self, repository: _Repository, document: Document) -> None:
        repository.blobs |= {sha256(data) for data in document.blobs}
        repository.touched |= bool(document.blobs)
        for child in document.children:
            self._keep(repository, child)
        repository.manifests.add(document.digest)

    def _put_manifest(self, name: str, repository: _Repository) -> None:
        """A manifest alone, which is taken if all that it refers to is there."""
        document = self._chance.choice(list(self._model.documents.values()))
        tag = self._chance.choice(("", *_TAGS))
        self._print("put", name, document.digest, tag)
        status = self._endpoints.put_manifest(name, tag or document.digest, document)
        if self._is_complete(repository, document):
            assert status == 201

            repository.manifests.add(document.digest)
            if tag:
                repository.tags[tag] = document.digest
        else:
            assert status in {400, 404}

    @staticmethod
    def _is_complete(repository: _Repository, document: Document) -> bool:
        return {sha256(data) for data in document.blobs} <= repository.blobs and {
            child.digest for child in document.children
        } <= repository.manifests

    def _push_blob(self, name: str, repository: _Repository) -> None:
        data = self._chance.choice(list(self._model.blobs.values()))
        self._print("blob", name, sha256(data))
        repository.blobs.add(self._endpoints.push_blob(name, data))
        repository.touched = True

    def _mount(self, name: str, repository: _Repository) -> None:
        """A blob of another repository, which is mounted if it is there."""
        source = self._chance.choice([other for other in _NAMES if other != name])
        digest = self._mostly(self._model.repositories[source].blobs, self._model.blobs)
        self._print("mount", name, digest, source)
        mounted = self._endpoints.mount_blob(name, digest, source=source)

        assert (digest in self._model.repositories[source].blobs) == mounted

        if mounted:
            repository.blobs.add(digest)
            repository.touched = True

    def _delete_manifest(self, name: str, repository: _Repository) -> None:
        digest = self._mostly(repository.manifests, self._model.documents)
        self._print("delete manifest", name, digest)

        assert (202 if digest in repository.manifests else 404) == self._endpoints.delete(name, "manifests", digest)

        repository.manifests.discard(digest)
        for tag in [tag for tag, target in repository.tags.items() if target == digest]:
            del repository.tags[tag]

    def _delete_blob(self, name: str, repository: _Repository) -> None:
        digest = self._mostly(repository.blobs, self._model.blobs)
        self._print("delete blob", name, digest)

        assert (202 if digest in repository.blobs else 404) == self._endpoints.delete(name, "blobs", digest)

        repository.blobs.discard(digest)

    def _delete_tag(self, name: str, repository: _Repository) -> None:
        if self._server == GO:
            return  # By design: this version of Distribution has no deletion of tags.
        tag = self._mostly(repository.tags, _TAGS)
        self._print("delete tag", name, tag)

        assert (202 if tag in repository.tags else 404) == self._endpoints.delete(name, "manifests", tag)

        repository.tags.pop(tag, None)

    def _mostly(self, present: Iterable[str], possible: Iterable[str]) -> str:
        """One of those that are there, if there are any, and now and then one that may not be."""
        among = sorted(present) if self._chance.random() < 0.8 else []
        return self._chance.choice(among or list(possible))

    def _print(self, *words: str) -> None:
        print(self._server, *words)


def test_both_show_the_same_after_any_requests(folder: SharedFolder) -> None:
    """Whatever was pushed, tagged, mounted and deleted, and by whom of the two, both list and serve the same."""
    seed = int(os.environ.get("HOLDFAST_EXCHANGE_SEED", random.SystemRandom().getrandbits(32)))
    print(f"to repeat this sequence: HOLDFAST_EXCHANGE_SEED={seed}")
    chance = random.Random(seed)
    model = _Model(chance)
    for turn in range(_TURNS):
        server = (HOLDFAST, GO)[turn % 2]
        with folder.endpoints_of(server) as endpoints:
            # What the other left is shown as what was here before, before anything is added to it.
            assert model.expected(server) == model.shown(endpoints)

            requests = _Requests(chance, model, endpoints, server)
            for _ in range(_STEPS):
                requests.send_one()

            assert model.expected(server) == model.shown(endpoints)
    with folder.endpoints_of(HOLDFAST) as endpoints:
        assert model.expected(HOLDFAST) == model.shown(endpoints)
