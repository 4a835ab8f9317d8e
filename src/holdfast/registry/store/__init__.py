"""The registry's content in storage: blobs, manifests, tags and uploads, in Distribution's layout.

Storage is the only truth. What is kept in memory are facts that can't change (`facts`), and the running
hash of uploads that this process is receiving (`uploads`); both can be lost at any time.

Nothing here knows HTTP.
"""
