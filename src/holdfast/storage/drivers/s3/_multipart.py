"""Uploads of parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.storage.drivers._objectstore.bucket import ObjectInfo, Part, PastEndError, UnknownUploadError
from holdfast.storage.drivers._objectstore.content import Content
from holdfast.storage.errors import PathNotFoundError, PreconditionFailedError, StorageUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.storage.driver import Buffer
    from holdfast.storage.drivers.s3._client import Client
    from holdfast.storage.drivers.s3._profiles import Profile
    from holdfast.storage.drivers.s3.options import S3Options

__all__ = ["abort", "begin", "check_source", "complete", "copy_part", "put_part", "write_parameters"]

_GONE = "the store doesn't have this upload"


def write_parameters(options: S3Options, profile: Profile) -> dict[str, Any]:
    """What goes with everything that makes an object: how it is to be kept, and who may see it."""
    parameters: dict[str, Any] = {}
    if profile.acl and options.objectacl != "private":  # which is what stores do by themselves
        parameters["ACL"] = options.objectacl
    if profile.storage_class and options.storageclass != "NONE":
        parameters["StorageClass"] = options.storageclass
    if options.encrypt:
        parameters["ServerSideEncryption"] = "aws:kms" if options.keyid else "AES256"
        parameters |= {"SSEKMSKeyId": options.keyid} if options.keyid else {}
    return parameters


async def begin(client: Client, key: str, parameters: dict[str, Any]) -> str:
    """See `Bucket.begin_upload`."""
    answer = await client.call("create_multipart_upload", Key=key, ContentType="application/octet-stream", **parameters)
    return str(answer["UploadId"])


async def put_part(client: Client, key: str, upload_id: str, number: int, content: Buffer) -> Part:
    """See `Bucket.put_part`."""
    try:
        answer = await client.call("upload_part", Key=key, UploadId=upload_id, PartNumber=number, Body=Content(content))
    except PathNotFoundError as error:  # so Ceph says that an upload isn't there
        raise UnknownUploadError(_GONE) from error
    return Part(number, len(content), answer["ETag"])


async def copy_part(
    client: Client, key: str, upload_id: str, number: int, source: ObjectInfo, *, offset: int, length: int
) -> Part:
    """See `Bucket.copy_part`."""
    parameters: dict[str, Any] = {"CopySourceIfMatch": source.version} if source.version else {}
    try:
        answer = await client.call(
            "upload_part_copy",
            Key=key,
            UploadId=upload_id,
            PartNumber=number,
            CopySource={"Bucket": client.bucket, "Key": source.key},
            CopySourceRange=f"bytes={offset}-{offset + length - 1}",
            **parameters,
        )
    except PastEndError as error:
        raise PreconditionFailedError("the object is shorter than it was") from error
    except PathNotFoundError as error:
        # Of the upload or of the source: some stores have one word for both.
        await client.call("head_object", Key=source.key)
        raise UnknownUploadError(_GONE) from error
    return Part(number, length, answer["CopyPartResult"]["ETag"])


async def check_source(client: Client, profile: Profile, source: ObjectInfo) -> None:
    """After copying from an object: make sure that it was the version that is meant, where the store doesn't.

    Raises:
        PreconditionFailedError: It has another version by now.
    """
    if profile.copy_match or source.version is None:
        return
    answer = await client.call("head_object", Key=source.key)
    if str(answer.get("ETag")).strip('"') != source.version:
        raise PreconditionFailedError("the object was replaced while it was copied")


async def complete(client: Client, key: str, upload_id: str, parts: Sequence[Part]) -> None:
    """See `Bucket.complete_upload`."""
    named = [{"PartNumber": part.number, "ETag": part.tag} for part in parts]
    try:
        await client.call("complete_multipart_upload", Key=key, UploadId=upload_id, MultipartUpload={"Parts": named})
    except (PathNotFoundError, PreconditionFailedError) as error:
        raise UnknownUploadError(_GONE) from error
    except StorageUnavailableError as error:
        # Ceph calls it an internal error of its own, for ever, when the upload isn't there.
        if await _is_open(client, key, upload_id):
            raise
        raise UnknownUploadError(_GONE, maybe_completed=True) from error


async def _is_open(client: Client, key: str, upload_id: str) -> bool:
    try:
        await client.call("list_parts", Key=key, UploadId=upload_id, MaxParts=1)
    except (PathNotFoundError, UnknownUploadError):
        return False
    return True


async def abort(client: Client, key: str, upload_id: str) -> None:
    """See `Bucket.abort_upload`."""
    try:
        await client.call("abort_multipart_upload", Key=key, UploadId=upload_id)
    except (UnknownUploadError, PathNotFoundError):
        return
