import pytest

from holdfast.checking import CHECKS, BrokenPromiseError, Check
from holdfast.checking.diagnosis import diagnose, too_late
from holdfast.checking.hints import Hints, hints_for
from holdfast.storage import errors
from holdfast.storage.errors import (
    AccessDeniedError,
    BatchDeleteError,
    StorageError,
    StorageUnavailableError,
    UnexpectedStorageError,
)

_S3 = hints_for("s3")


def _check(name: str) -> Check:
    return next(check for check in CHECKS if check.name == name)


def _from(error: StorageError, *causes: Exception) -> StorageError:
    """An error with its chain of causes, as `raise ... from` makes it."""
    last: BaseException = error
    for cause in causes:
        last.__cause__ = cause
        last = cause
    return error


@pytest.mark.parametrize(
    ("check", "words", "permissions"),
    [
        ("write", "An error occurred (AccessDenied) when calling the PutObject operation: no", ("s3:PutObject",)),
        ("delete", "An error occurred (AccessDenied) when calling the DeleteObject operation", ("s3:DeleteObject",)),
        ("delete", "... when calling the ListObjectsV2 operation", ("s3:ListBucket",)),
        (
            "delete",
            "... when calling the ListMultipartUploads operation: Access Denied",
            ("s3:ListBucketMultipartUploads",),
        ),
        ("large write", "... when calling the UploadPart operation", ("s3:PutObject",)),
        (
            "move",
            "User: arn:aws:iam::1:user/x is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::b/k",
            ("s3:PutObject",),
        ),
        ("absent", "An error occurred (403) when calling the HeadObject operation: Forbidden", ("s3:ListBucket",)),
        ("delete many", "... when calling the ListObjectsV2 operation", ("s3:ListBucket",)),
        ("move", "Access Denied", ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")),
    ],
)
def test_a_refusal_names_the_permission(check: str, words: str, permissions: tuple[str, ...]) -> None:
    """The permission is told as exactly as the store's words, and what the check does, allow."""
    error = _from(AccessDeniedError("the store refused access"), OSError(words))
    problem = diagnose(error, _check(check), _S3)

    assert permissions == problem.permissions
    assert words == problem.said
    assert f"grant {' and '.join(permissions)} to the identity that the registry uses" == problem.remedy


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("An error occurred (InvalidAccessKeyId) when calling the PutObject operation", "correct `accesskey`"),
        ("An error occurred (SignatureDoesNotMatch) when calling the ListObjectsV2 operation", "correct `secretkey`"),
        ("An error occurred (RequestTimeTooSkewed) when calling the PutObject operation", "clock"),
    ],
)
def test_a_wrong_key_is_no_missing_permission(words: str, remedy: str) -> None:
    """What is known of the store's words goes before what the operation needs."""
    problem = diagnose(_from(AccessDeniedError("refused"), OSError(words)), _check("write"), _S3)

    assert () == problem.permissions
    assert remedy in problem.remedy


def test_our_own_words_count_too() -> None:
    """A driver that says itself what is wrong is understood as its store is."""
    problem = diagnose(UnexpectedStorageError("the bucket 'b': NoSuchBucket"), _check("reach"), _S3)

    assert "create the bucket" in problem.remedy


def test_the_store_s_words_are_those_of_the_first_cause_that_is_not_ours() -> None:
    """Errors of ours within the chain, and causes without words, aren't the store's."""
    chain = (AccessDeniedError("ours"), ValueError(), ConnectionError("connection\nrefused"), OSError("deeper"))
    problem = diagnose(_from(StorageUnavailableError("no"), *chain), _check("reach"), Hints())

    assert "connection refused" == problem.said


def test_of_a_batch_the_first_failure_is_told() -> None:
    """The failure of a batch is that of its first file."""
    inner = AccessDeniedError("refused", path="/a")
    problem = diagnose(BatchDeleteError({"/a": inner}), _check("delete many"), _S3)

    assert ("AccessDeniedError", ("s3:DeleteObject",)) == (problem.error, problem.permissions)


def test_what_was_promised_is_told_with_the_check_s_remedy() -> None:
    """A wrong answer has the remedy of its check, unless it was a refusal."""
    problem = diagnose(BrokenPromiseError("wrong", said="<Code>Odd</Code>"), _check("redirect GET"), _S3)
    refused = diagnose(BrokenPromiseError("wrong", refused=True), _check("redirect GET"), _S3)

    assert (_check("redirect GET").remedy, "<Code>Odd</Code>", ()) == (
        problem.remedy,
        problem.said,
        problem.permissions,
    )
    assert (("s3:GetObject",), "grant s3:GetObject to the identity that the registry uses") == (
        refused.permissions,
        refused.remedy,
    )


@pytest.mark.parametrize("kind", [getattr(errors, name) for name in errors.__all__])
def test_every_error_has_a_remedy(kind: type[Exception]) -> None:
    """Whatever storage raises, there is something to do about it."""
    if not issubclass(kind, StorageError) or kind is BatchDeleteError:
        return
    problem = diagnose(kind("what"), _check("write"), Hints())

    assert kind.__name__ == problem.error
    assert len(problem.remedy) > 10


def test_too_late() -> None:
    """What took too long says how long, and how to give it more."""
    problem = too_late(_check("walk"), 1.5)

    assert "walk: not done within 1.5 seconds" == problem.message
    assert "--timeout" in problem.remedy


def test_long_words_are_cut() -> None:
    """A store that answers with a page doesn't fill the screen."""
    problem = diagnose(_from(AccessDeniedError("x" * 9000), OSError("y" * 9000)), _check("write"), Hints())

    assert len(problem.message) < 1000
    assert len(problem.said or "") < 1000


def test_nothing_is_known_of_a_stranger() -> None:
    """A driver that nobody wrote hints for has none, and its errors are explained by their class."""
    problem = diagnose(AccessDeniedError("no"), _check("write"), hints_for("stranger"))

    assert () == problem.permissions
    assert "grant what is needed" in problem.remedy
