"""What the bridges to other storage libraries have in common: a bucket over whatever their backends can do.

A backend of opendal or fsspec is of one of two kinds. In a flat one, as an object store is, a key is all there is, and
content put at one shows whole or not at all. In a tree, as a disk or a server of files is, directories are things of
their own, and content grows while it is written.

    <root>/docker/registry/v2/...                 committed content, at its path
    <root>/.uploads~/<path>~                      the record of an unfinished write
    <root>/.uploads~/<path>~<upload>~             the mark of an open upload of parts: its content is the key
    <root>/.uploads~/<path>~<upload>~<part>       its parts, files of their own until they are joined
    <root>/.uploads~/~<upload>~<path>             in a tree: content while it is written, renamed to its path when whole

Where to read on: `backend` is what a library's adapter does, `bucket` what is made of it, `listing` brings names in
order, `writing` makes content whole, `parts` keeps uploads, `driver` adds what a tree needs beside it.
"""
