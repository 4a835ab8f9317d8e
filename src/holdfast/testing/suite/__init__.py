"""The certification suite, by theme.

It covers the Docker Registry's own suite for storage drivers (`registry/storage/driver/testsuites`), test by
test, and goes beyond it:

    upstream                          here
    --------------------------------  ---------------------------------------------------------------------
    RootExists                        test_root_of_an_empty_store_is_an_empty_list,
                                      test_root_is_a_directory_always
    ValidPaths                        test_valid_path_names_a_file
    InvalidPaths                      test_invalid_path_is_refused_for_a_file, _for_a_directory
    WriteRead1                        test_content_comes_back_as_it_was_put [one byte]
    WriteRead2                        test_content_comes_back_as_it_was_put [text beyond ascii]
    WriteRead3, WriteRead4            test_content_of_any_size_comes_back [32], [1048576]
    WriteReadNonUTF8                  test_content_comes_back_as_it_was_put [no text]
    Truncate, PutContentMultipleTimes test_put_replaces_all_of_the_content
    ReadNonexistent                   test_missing_content_is_not_found
    WriteReadStreams1, 2, NonUTF8     test_stream_comes_back_as_it_was_written
    WriteReadStreams3, WriteReadStreams4
                                      test_chunks_of_any_pattern_make_one_content
    WriteReadLargeStreams             test_very_large_stream (slow)
    ReaderWithOffset                  test_offsets_at_the_boundaries, test_negative_ranges_are_refused
    ContinueStreamAppendLarge         test_sessions_continue_one_write [10 MiB]
    ContinueStreamAppendSmall         test_sessions_continue_one_write [32 bytes]
    ReadNonexistentStream             test_missing_stream_is_not_found_on_entering
    WriteZeroByteStreamThenAppend     test_append_to_an_empty_file [writer]
    WriteZeroByteContentThenAppend    test_append_to_an_empty_file [put]
    List                              test_many_children_are_all_listed, test_root_lists_top_level_names,
                                      test_listing_nothing_or_a_file_is_not_found
    Move                              test_move_takes_the_content_along
    MoveOverwrite                     test_move_replaces_the_destination
    MoveNonexistent, MoveInvalid      test_moving_nothing_leaves_the_destination
    Delete                            test_deleted_file_is_gone
    DeleteNonexistent                 test_deleting_nothing_is_not_found
    DeleteFolder                      test_deleting_a_directory_deletes_all_below
    DeleteOnlyDeletesSubpaths         test_delete_spares_namesakes
    RedirectURL                       test_redirect_for_get_leads_to_the_content,
                                      test_redirect_for_head_leads_to_the_length
    StatCall                          test_file_is_described, test_directory_is_described,
                                      test_nothing_is_not_found, test_time_does_not_go_back
    ConcurrentStreamReads             test_concurrent_reads_from_anywhere
    ConcurrentFileStreams             test_concurrent_streams
    EventualConsistency (disabled)    test_stat_and_content_agree
"""

from holdfast.testing.suite.appending import Appending
from holdfast.testing.suite.cancellation import Cancellation
from holdfast.testing.suite.closing import Closing
from holdfast.testing.suite.concurrency import Concurrency
from holdfast.testing.suite.confusion import Confusion
from holdfast.testing.suite.deleting import Deleting
from holdfast.testing.suite.describing import Describing
from holdfast.testing.suite.failing import Failing
from holdfast.testing.suite.listing import Listing
from holdfast.testing.suite.memory import Memory
from holdfast.testing.suite.modelled import Modelled
from holdfast.testing.suite.moving import Moving
from holdfast.testing.suite.naming import Naming
from holdfast.testing.suite.preconditions import Preconditions
from holdfast.testing.suite.reading import Reading
from holdfast.testing.suite.redirecting import Redirecting
from holdfast.testing.suite.resuming import Resuming
from holdfast.testing.suite.sharing import Sharing
from holdfast.testing.suite.uploads import Uploads
from holdfast.testing.suite.walking import Walking
from holdfast.testing.suite.wrapping import Wrapping
from holdfast.testing.suite.writing import Writing

__all__ = ["DriverSuite", "MiddlewareSuite"]


class DriverSuite(
    Naming,
    Reading,
    Writing,
    Closing,
    Appending,
    Resuming,
    Describing,
    Listing,
    Walking,
    Moving,
    Deleting,
    Confusion,
    Uploads,
    Preconditions,
    Redirecting,
    Concurrency,
    Sharing,
    Cancellation,
    Memory,
    Failing,
    Modelled,
):
    """All themes: what a driver's test class inherits. See `holdfast.testing` for an example."""


class MiddlewareSuite(Wrapping, DriverSuite):
    """All themes around the in-memory driver, and what a middleware owes that: what its test class inherits.

    Its author declares `capabilities`, those of the whole, and defines the fixture `wrap`:

        class TestUpperCase(MiddlewareSuite):
            capabilities = Capabilities(
                exclusive_names=True, put_create_only=True, put_match_version=True, write_resume_token=True,
                list_uploads=True,
            )

            @pytest.fixture
            def wrap(self):
                return lambda inner: UpperCase(inner, UpperCase.Options())

    Redefining the fixture `store` puts it around another driver.
    """
