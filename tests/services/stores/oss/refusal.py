"""What the fake answers when it doesn't do what it was asked for."""

from xml.etree import ElementTree as ET

__all__ = ["RefusalError", "document"]


class RefusalError(Exception):
    """An error of OSS's.

    Args:
        status: The status.
        code: The error's code.
        message: In words.
        more: Further elements of the document.
    """

    def __init__(self, status: int, code: str, message: str = "refused", **more: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        elements = {"Code": code, "Message": message, "RequestId": "5C3D9175B6FC201293AD0000", **more}
        self.body = document("Error", *elements.items(), ("HostId", "127.0.0.1"), ("EC", "0000-00000000"))


def document(tag: str, *children: "tuple[str, str] | ET.Element") -> bytes:
    """Writes a document; children are elements, or tags with texts."""
    root = ET.Element(tag)
    for child in children:
        if isinstance(child, tuple):
            ET.SubElement(root, child[0]).text = child[1]
        else:
            root.append(child)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text
